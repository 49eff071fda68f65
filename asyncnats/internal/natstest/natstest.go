// Package natstest starts the real server of NATS for tests, benchmarks and examples.
package natstest

import (
	"errors"
	"net"
	"net/url"
	"strconv"
	"sync/atomic"
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

// Start starts a server and waits until it takes connections.
func Start(o *server.Options) (*server.Server, error) {
	s, err := server.NewServer(o)
	if err != nil {
		return nil, err
	}
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		s.Shutdown()
		return nil, ErrNotReady
	}
	return s, nil
}

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
// are shut down, and waits until the cluster has a leader.
func Cluster(t testing.TB, servers int) []*server.Server {
	t.Helper()
	routes := make([]*url.URL, servers)
	for i := range routes { // the servers have to know each other's ports before they start
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		routes[i] = &url.URL{Scheme: "nats", Host: l.Addr().String()}
		l.Close()
	}
	all := make([]*server.Server, servers)
	for i := range all {
		o := Store(t.TempDir())
		o.ServerName = "node-" + strconv.Itoa(i)
		port, _ := strconv.Atoi(routes[i].Port())
		o.Cluster = server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: port}
		o.Routes = routes
		s, err := server.NewServer(o)
		if err != nil {
			t.Fatal(err)
		}
		all[i] = s
		t.Cleanup(func() {
			s.Shutdown()
			s.WaitForShutdown()
		})
	}
	for _, s := range all {
		s.Start()
	}
	for end := time.Now().Add(20 * time.Second); ; <-time.After(10 * time.Millisecond) {
		ready := 0
		for _, s := range all {
			if s.JetStreamIsCurrent() {
				ready++
			}
		}
		if ready == servers {
			return all
		}
		if time.Now().After(end) {
			t.Fatal(ErrNotReady)
		}
	}
}
