package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// This file is about single processes: how one is started and killed, and the one that is NATS.

// A process is this program in another role.
type process struct {
	cmd  *exec.Cmd
	in   io.Closer
	said string        // its first line, where it prints one
	over chan struct{} // closed when it has ended
	err  error         // why; written before over is closed
}

// errNotUp says that a process was started, and ended before it was there.
var errNotUp = errors.New("did not start")

// start starts this program in a role. A worker, and NATS, are waited for until they say that
// they are there.
func (f *office) start(ctx context.Context, role string) (*process, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	dir := f.paper
	if role == roleNATS {
		dir = f.o.dir
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), exe, "-role", role, "-url", f.o.url, "-dir", dir, "-n", strconv.Itoa(f.o.n))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, in: in, over: make(chan struct{})}
	if role != roleSubmit {
		p.said, err = bufio.NewReader(out).ReadString('\n')
		p.said = strings.TrimSpace(p.said)
	}
	go func() {
		p.err = cmd.Wait()
		close(p.over)
	}()
	if err != nil {
		p.kill()
		return nil, fmt.Errorf("a process for %s %w: %w", role, errNotUp, errors.Join(err, p.err))
	}
	return p, nil
}

func (p *process) id() int { return p.cmd.Process.Pid }

// isOver reports whether a process has ended.
func (p *process) isOver() bool {
	select {
	case <-p.over:
		return true
	default:
		return false
	}
}

// kill kills a process with SIGKILL, and returns when it is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended by itself
	p.in.Close()
	<-p.over
}

// end ends the input of a process, which then ends by itself. It reports whether that was so within
// the time.
func (p *process) end(within time.Duration) bool {
	p.in.Close()
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-p.over:
		return true
	case <-timer.C:
		return false
	}
}

// serveNATS is a server of NATS, until its input has ended and nobody is connected. It prints where
// it is.
func (o *options) serveNATS(in io.Reader, out io.Writer) error {
	port := server.RANDOM_PORT
	if o.url != "" { // it was there before
		at, err := url.Parse(o.url)
		if err != nil {
			return err
		}
		if port, err = strconv.Atoi(at.Port()); err != nil {
			return err
		}
	}
	s, err := startNATS(o.dir, port)
	if err != nil {
		return err
	}
	defer s.WaitForShutdown()
	defer s.Shutdown()
	fmt.Fprintln(out, s.ClientURL())
	_, err = io.Copy(io.Discard, in)
	for ticker := time.NewTicker(lookEvery); s.NumClients() > 0; {
		<-ticker.C
	}
	return err
}

// startNATS starts the real server of NATS, in this process, on the loopback. Its files are in the
// folder.
func startNATS(dir string, port int) (*server.Server, error) {
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: port, NoLog: true, NoSigs: true, JetStream: true, StoreDir: dir,
	})
	if err != nil {
		return nil, err
	}
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		s.Shutdown()
		return nil, errors.New("the server of NATS did not start")
	}
	return s, nil
}
