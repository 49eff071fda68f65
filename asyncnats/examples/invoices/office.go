package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// An office is what the program starts: a server of NATS, unless there is one, the workers, and
// the process that submits.
type office struct {
	o       *options
	out     io.Writer
	nats    *server.Server // nil where -url names one
	workers []*process
	clerk   *process // which submits
	events  []event
	err     error
}

// A process is this program in another role.
type process struct {
	cmd *exec.Cmd
	in  io.Closer
}

// An event happens when so many invoices are there.
type event struct {
	there int
	do    func() error
}

// direct starts all, kills some of it, and watches until every invoice is there.
func (o *options) direct(ctx context.Context, out io.Writer) (err error) {
	if o.dir == "" {
		if o.dir, err = os.MkdirTemp("", "invoices-"); err != nil {
			return err
		}
		defer os.RemoveAll(o.dir)
	}
	paper := filepath.Join(o.dir, "pdf")
	if err := os.MkdirAll(paper, 0o755); err != nil {
		return err
	}
	f := &office{o: o, out: out}
	defer f.close()
	if err := f.open(ctx, paper); err != nil {
		return err
	}
	invoices, err := o.watch(ctx, out, f.happen)
	if err := errors.Join(err, f.err); err != nil {
		return err
	}
	if err := check(paper, o.n, invoices); err != nil {
		return err
	}
	fmt.Fprintf(out, "Every one of %d invoices is there once, and whole.\n", o.n)
	return nil
}

// open starts the processes, and says what is to happen to them.
func (f *office) open(ctx context.Context, paper string) (err error) {
	o := f.o
	if o.url == "" {
		if f.nats, err = startNATS(filepath.Join(o.dir, "jetstream")); err != nil {
			return err
		}
		o.url = f.nats.ClientURL()
	}
	fmt.Fprintf(f.out, "In another terminal: go run . -attach -url %s -n %d\n", o.url, o.n)
	for range o.workers {
		w, err := f.start(ctx, roleWork, paper)
		if err != nil {
			return err
		}
		f.workers = append(f.workers, w)
	}
	if f.clerk, err = f.start(ctx, roleSubmit, paper); err != nil {
		return err
	}
	for i := range o.workers {
		f.events = append(f.events, event{o.n * (i + 1) / (o.workers + 2), func() error { return f.replaceWorker(ctx, i, paper) }})
	}
	f.events = append(f.events, event{o.n / 20, func() error { return f.replaceClerk(ctx, paper) }})
	slices.SortFunc(f.events, func(a, b event) int { return a.there - b.there })
	return nil
}

// happen lets happen what is due when so many invoices are there.
func (f *office) happen(there int) {
	for len(f.events) > 0 && there >= f.events[0].there {
		do := f.events[0].do
		f.events = f.events[1:]
		f.err = errors.Join(f.err, do())
	}
}

func (f *office) replaceWorker(ctx context.Context, i int, paper string) (err error) {
	f.workers[i].kill()
	if f.workers[i], err = f.start(ctx, roleWork, paper); err == nil {
		fmt.Fprintf(f.out, "         worker %d killed with SIGKILL, and started again\n", i+1)
	}
	return err
}

// replaceClerk kills the process that submits, wherever it is, and has another one submit all
// invoices from the first.
func (f *office) replaceClerk(ctx context.Context, paper string) (err error) {
	f.clerk.kill()
	if f.clerk, err = f.start(ctx, roleSubmit, paper); err == nil {
		fmt.Fprintln(f.out, "         the submitting process killed with SIGKILL, and started again")
	}
	return err
}

// startNATS starts the real server of NATS, in this process, on the loopback.
func startNATS(dir string) (*server.Server, error) {
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true, JetStream: true, StoreDir: dir,
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

// start starts this program in a role. A worker is waited for until it works.
func (f *office) start(ctx context.Context, role, paper string) (*process, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), exe, "-role", role, "-url", f.o.url, "-dir", paper, "-n", strconv.Itoa(f.o.n))
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
	p := &process{cmd, in}
	if role == roleWork {
		if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
			p.kill()
			return nil, fmt.Errorf("a worker did not start: %w", err)
		}
	}
	return p, nil
}

// kill kills a process with SIGKILL, and returns when it is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended by itself
	p.in.Close()
	_ = p.cmd.Wait() // that it was killed is known
}

// close stops all, in order: a worker ends when its input does.
func (f *office) close() {
	for _, w := range f.workers {
		if w != nil {
			w.in.Close()
			_ = w.cmd.Wait() // that one was killed is known
		}
	}
	if f.clerk != nil {
		f.clerk.kill()
	}
	if f.nats != nil {
		f.nats.Shutdown()
		f.nats.WaitForShutdown()
	}
}
