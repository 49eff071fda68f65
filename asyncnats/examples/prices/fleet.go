package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// A fleet is what the program starts: a server of NATS, unless there is one, and servers of
// quotes in processes of their own.
type fleet struct {
	nats     *server.Server // nil where -url names one
	url      string
	children []*childProcess
}

type childProcess struct {
	cmd  *exec.Cmd
	in   io.Closer
	name string
}

// startFleet starts all, and waits until the servers serve.
func startFleet(ctx context.Context, o *options) (_ *fleet, err error) {
	f := &fleet{url: o.url}
	defer func() {
		if err != nil {
			f.stop()
		}
	}()
	if f.url == "" {
		if f.nats, err = startNATS(server.RANDOM_PORT); err != nil {
			return nil, err
		}
		f.url = f.nats.ClientURL()
	}
	for i := range o.servers {
		child, err := f.startChild(ctx, o, "server "+strconv.Itoa(i+1))
		if err != nil {
			return nil, err
		}
		f.children = append(f.children, child)
	}
	return f, nil
}

// startNATS starts the real server of NATS, in this process, on the loopback.
func startNATS(port int) (*server.Server, error) {
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: port, NoLog: true, NoSigs: true})
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

// startChild starts this program as a server of quotes.
func (f *fleet) startChild(ctx context.Context, o *options, name string) (*childProcess, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), exe, "-serve", name, "-url", f.url, "-slow", strconv.Itoa(o.slow))
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
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		in.Close()
		return nil, fmt.Errorf("%s did not start: %w", name, errors.Join(err, cmd.Wait()))
	}
	return &childProcess{cmd: cmd, in: in, name: name}, nil
}

// kill kills a server of quotes with SIGKILL, and says so.
func (f *fleet) kill(i int) string {
	child := f.children[i]
	if err := child.cmd.Process.Kill(); err != nil {
		return fmt.Sprintf("%s cannot be killed: %v", child.name, err)
	}
	return child.name + " killed with SIGKILL"
}

// restart stops the server of NATS, and has it started at the same address a while later.
func (f *fleet) restart(note func(string)) string {
	note("NATS is stopped")
	port := f.nats.Addr().(*net.TCPAddr).Port
	f.nats.Shutdown()
	f.nats.WaitForShutdown()
	<-time.After(downtime)
	s, err := startNATS(port)
	if err != nil {
		return "NATS cannot be started again: " + err.Error()
	}
	f.nats = s
	return fmt.Sprintf("NATS is started again, after %v", downtime)
}

// downtime is how long NATS is down.
const downtime = 300 * time.Millisecond

// stop stops all, in order: a server of quotes ends when its input does.
func (f *fleet) stop() {
	for _, child := range f.children {
		child.in.Close()
	}
	for _, child := range f.children {
		_ = child.cmd.Wait() // that one was killed is known
	}
	if f.nats != nil {
		f.nats.Shutdown()
		f.nats.WaitForShutdown()
	}
}
