// Package natstest starts the real server of NATS for tests, benchmarks and examples.
package natstest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// ErrNotReady says that a server did not start.
var ErrNotReady = errors.New("natstest: the server did not start")

// Options are those of a server on a free port of the loopback, which prints nothing and
// handles no signals.
func Options() *server.Options {
	return &server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true}
}

// Lasting is a port for a server that is stopped and started again: no outgoing connection is given
// the port in between, neither of another test nor of a client that tries to connect.
func Lasting(t testing.TB) int {
	t.Helper()
	l := listenBelow(t)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// Start starts a server and waits until it takes connections: those of clients and, in a cluster,
// those of the other servers, for which it does not wait. Start tries again where a port is taken: a
// process that is just being started has, for a moment, the listeners of the process that starts it,
// so the port of a server that was stopped is not free at once.
func Start(o *server.Options) (*server.Server, error) {
	for end := time.Now().Add(10 * time.Second); ; {
		s, err := server.NewServer(o)
		if err != nil {
			return nil, err
		}
		said := new(said)
		s.SetLoggerV2(said, false, false, false)
		s.Start()
		for time.Now().Before(end) && !said.isTaken() {
			if s.ReadyForConnections(lookFor) {
				return s, nil
			}
		}
		s.Shutdown()
		s.WaitForShutdown()
		if !time.Now().Before(end) {
			return nil, fmt.Errorf("%w: %s", ErrNotReady, said)
		}
	}
}

// lookFor is how long a server is waited for until it is asked whether its port is taken.
const lookFor = 30 * time.Millisecond

// A said keeps the errors that a server tells its log.
type said struct {
	mu    sync.Mutex
	lines []string
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.lines, "; ")
}

// isTaken reports whether the server could not listen because a port is taken.
func (s *said) isTaken() bool { return strings.Contains(s.String(), syscall.EADDRINUSE.Error()) }

func (s *said) Errorf(format string, v ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, fmt.Sprintf(format, v...))
}

func (s *said) Fatalf(format string, v ...any) { s.Errorf(format, v...) }
func (*said) Noticef(string, ...any)           {}
func (*said) Warnf(string, ...any)             {}
func (*said) Debugf(string, ...any)            {}
func (*said) Tracef(string, ...any)            {}

// Run is Start for a test, at whose end the server is shut down.
func Run(t testing.TB, o *server.Options) *server.Server {
	t.Helper()
	s, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	return s
}

// RunInside is Run without a listener, for a bubble of synctest, and returns a function
// that connects in the process. At the end of the test the connections are closed first.
func RunInside(t testing.TB) (connect func(...nats.Option) *nats.Conn) {
	t.Helper()
	connect, _ = RunBehindDoor(t)
	return connect
}

// A Door is the way to a server in the process, for connections with the option
// nats.InProcessServer(door). While it is shut nobody can connect.
type Door struct {
	Shut   atomic.Bool
	server *server.Server
}

// InProcessConn returns a new connection.
func (d *Door) InProcessConn() (net.Conn, error) {
	if d.Shut.Load() {
		return nil, ErrNotReady
	}
	return d.server.InProcessConn()
}

// RunBehindDoor is RunInside, and returns a door, too.
func RunBehindDoor(t testing.TB) (connect func(...nats.Option) *nats.Conn, door *Door) {
	t.Helper()
	o := Options()
	o.DontListen = true
	s := Run(t, o)
	return func(opts ...nats.Option) *nats.Conn {
		t.Helper()
		return Connect(t, "", append([]nats.Option{nats.InProcessServer(s)}, opts...)...)
	}, &Door{server: s}
}

// Connect connects to a server by its listener, for a test, at whose end the connection
// is closed.
func Connect(t testing.TB, url string, opts ...nats.Option) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(url, append([]nats.Option{
		nats.ReconnectWait(time.Millisecond), nats.ReconnectJitter(0, 0), nats.MaxReconnects(-1),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}), // which would print
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// Store returns Options of a server with JetStream, which keeps its streams in the folder.
func Store(dir string) *server.Options {
	o := Options()
	o.JetStream, o.StoreDir = true, dir
	return o
}

// Cluster starts servers with JetStream that are one cluster, for a test, at whose end they
// are shut down, and waits until each knows that the others are there.
func Cluster(t testing.TB, servers int) []*server.Server {
	t.Helper()
	return StartNodes(t, Nodes(t, servers))
}

// StartNodes is Cluster with options that Nodes has made.
func StartNodes(t testing.TB, options []*server.Options) []*server.Server {
	t.Helper()
	var all []*server.Server
	for _, o := range options {
		all = append(all, Run(t, o))
	}
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for !isComplete(all) {
		select {
		case <-ticker.C:
		case <-deadline.C:
			t.Fatal(ErrNotReady)
		}
	}
	return all
}

// isComplete reports whether the servers of a cluster have a leader that takes all of them for
// peers with JetStream that are online, and each is current and has the whole cluster in its
// log: servers that are stopped before that do not find each other when they are started again.
func isComplete(all []*server.Server) bool {
	leads := false
	for _, s := range all {
		if !s.JetStreamIsCurrent() || peersIn(s) != len(all) {
			return false
		}
		leads = leads || s.JetStreamIsLeader() && len(s.JetStreamClusterPeers()) == len(all)
	}
	return leads
}

// peersIn returns of how many servers the cluster is, as far as the log of a server says.
func peersIn(s *server.Server) int {
	const meta = "_meta_" // the group of the servers, beside those of streams
	status := s.Raftz(&server.RaftzOptions{GroupFilter: meta})
	if status == nil {
		return 0
	}
	for _, groups := range *status {
		return groups[meta].Size
	}
	return 0
}

// Nodes returns the options of servers with JetStream that are to be one cluster.
func Nodes(t testing.TB, servers int) []*server.Options {
	t.Helper()
	routes := make([]*url.URL, servers)
	var held []net.Listener
	for i := range routes { // the servers have to know each other's ports before they start
		l := listenBelow(t)
		routes[i] = &url.URL{Scheme: "nats", Host: l.Addr().String()}
		held = append(held, l)
	}
	for _, l := range held {
		l.Close()
	}
	all := make([]*server.Options, servers)
	for i := range all {
		o := Store(t.TempDir())
		o.ServerName = "node-" + strconv.Itoa(i)
		port, _ := strconv.Atoi(routes[i].Port())
		o.Cluster = server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: port}
		o.Routes = routes
		all[i] = o
	}
	return all
}

// listenBelow listens at a port that no outgoing connection is given: a server that is stopped
// finds it free when it is started again.
func listenBelow(t testing.TB) net.Listener {
	t.Helper()
	for range 1000 {
		if l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(20_000+rand.IntN(12_000))); err == nil {
			return l
		}
	}
	t.Fatal(ErrNotReady)
	return nil
}
