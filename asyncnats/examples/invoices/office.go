package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed4712c49f/async"
)

// An office is what the program starts: a server of NATS, unless there is one, the workers, and
// the process that submits. It kills some of them, and starts again what is gone.
type office struct {
	o       *options
	out     io.Writer
	paper   string   // the folder of the invoices
	nats    *process // nil where -url names one
	workers []*process
	clerk   *process // which submits
	events  []event
	there   atomic.Int64 // how many invoices are there
	pause   time.Time    // until then nothing is revived, so that what ends at once is no crowd
}

// An event happens when so many invoices are there.
type event struct {
	there int
	do    func() error
}

// A lines prints what both the office and the follower have to say.
type lines struct {
	mu  sync.Mutex
	out io.Writer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.out.Write(b)
}

// direct starts all, kills some of it, and watches until every invoice is there.
func (o *options) direct(ctx context.Context, out io.Writer) (err error) {
	own := o.dir == ""
	if own {
		if o.dir, err = os.MkdirTemp("", "invoices-"); err != nil {
			return err
		}
	}
	out = &lines{out: out}
	f := &office{o: o, out: out, paper: filepath.Join(o.dir, "pdf")}
	defer func() {
		if f.close(err == nil) && own {
			err = errors.Join(err, os.RemoveAll(o.dir))
		}
	}()
	if err := os.MkdirAll(f.paper, 0o755); err != nil {
		return err
	}
	if err := f.open(ctx); err != nil {
		return err
	}
	invoices, err := f.run(ctx)
	if err != nil {
		return err
	}
	if err := check(f.paper, o.n, invoices); err != nil {
		return err
	}
	fmt.Fprintf(out, "Every one of %d invoices is there once, and whole.\n", o.n)
	return nil
}

// run watches the invoices, and the processes beside.
func (f *office) run(ctx context.Context) (map[int]Invoice, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	over := make(chan struct{})
	tending := async.Go(ctx, func(ctx context.Context) (struct{}, error) {
		if err := f.tend(ctx, over); err != nil && ctx.Err() == nil { // Ctrl-C reaches all processes
			cancel(err) // nobody would make invoices any more
		}
		return struct{}{}, nil
	})
	defer tending.Release()
	invoices, err := f.o.watch(ctx, f.out, &f.there)
	close(over)
	return invoices, errors.Join(err, tending.Wait(context.WithoutCancel(ctx)))
}

// open starts the processes, and says what is to happen to them.
func (f *office) open(ctx context.Context) (err error) {
	o := f.o
	if o.url == "" {
		if f.nats, err = f.start(ctx, roleNATS); err != nil {
			return err
		}
		o.url = f.nats.said
		fmt.Fprintf(f.out, "NATS is process %d. Its files, and the invoices, are in %s\n", f.nats.id(), o.dir)
	}
	fmt.Fprintf(f.out, "In another terminal: go run . -attach -url %s -n %d\n", o.url, o.n)
	for i := range o.workers {
		w, err := f.start(ctx, roleWork)
		if err != nil {
			return err
		}
		f.workers = append(f.workers, w)
		fmt.Fprintf(f.out, "worker %d is process %d\n", i+1, w.id())
	}
	if f.clerk, err = f.start(ctx, roleSubmit); err != nil {
		return err
	}
	fmt.Fprintf(f.out, "the submitting process is %d\n", f.clerk.id())
	for i := range o.workers {
		f.events = append(f.events, event{o.n * (i + 1) / (o.workers + 2), func() error {
			f.workers[i].kill()
			return f.replace(ctx, &f.workers[i], roleWork, fmt.Sprintf("worker %d", i+1), "killed with SIGKILL")
		}})
	}
	// The submitting process is killed wherever it is; the next one submits all invoices from the first.
	f.events = append(f.events, event{o.n / 20, func() error {
		f.clerk.kill()
		return f.replace(ctx, &f.clerk, roleSubmit, "the submitting process", "killed with SIGKILL")
	}})
	slices.SortFunc(f.events, func(a, b event) int { return a.there - b.there })
	return nil
}

// tend lets happen what is due, and starts again what is gone, until over is closed or ctx ends.
func (f *office) tend(ctx context.Context, over chan struct{}) error {
	ticker := time.NewTicker(lookEvery / 2)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-over:
			return nil
		case <-ctx.Done():
			return nil
		}
		for len(f.events) > 0 && f.there.Load() >= int64(f.events[0].there) {
			do := f.events[0].do
			f.events = f.events[1:]
			if err := do(); err != nil {
				return err
			}
		}
		if err := f.revive(ctx); err != nil {
			return err
		}
	}
}

// revive starts again what somebody else has ended, or could not be started before.
func (f *office) revive(ctx context.Context) error {
	if time.Now().Before(f.pause) {
		return nil
	}
	if f.nats != nil && f.nats.isOver() {
		if err := f.replace(ctx, &f.nats, roleNATS, "NATS", "was gone"); err != nil {
			return err
		}
	}
	for i := range f.workers {
		if f.workers[i].isOver() {
			if err := f.replace(ctx, &f.workers[i], roleWork, fmt.Sprintf("worker %d", i+1), "was gone"); err != nil {
				return err
			}
		}
	}
	if f.clerk.isOver() && f.clerk.err != nil { // else it has submitted all
		return f.replace(ctx, &f.clerk, roleSubmit, "the submitting process", "was gone")
	}
	return nil
}

// replace starts a process again that has ended, and says so. A worker cannot start while NATS is
// away: it is tried again, until NATS is there.
func (f *office) replace(ctx context.Context, p **process, role, name, how string) error {
	f.pause = time.Now().Add(tellEvery)
	next, err := f.start(ctx, role)
	if errors.Is(err, errNotUp) && role != roleNATS {
		fmt.Fprintf(f.out, "         %s %s, and is tried again: %v\n", name, how, err)
		return nil
	}
	if err != nil {
		return err
	}
	*p = next
	fmt.Fprintf(f.out, "         %s %s, and started again as process %d\n", name, how, next.id())
	return nil
}

// close stops all, in order: a worker ends when its input does, and NATS when nobody is connected
// any more. It reports whether nothing is left. Where all invoices are there those who are attached
// are at their end, too; else NATS stays for them.
func (f *office) close(allThere bool) bool {
	for _, w := range f.workers {
		w.end(0)
	}
	for _, w := range f.workers {
		<-w.over // that one was killed is known
	}
	if f.clerk != nil {
		f.clerk.kill()
	}
	switch {
	case f.nats == nil || f.nats.end(2*time.Second):
		return true
	case allThere:
		f.nats.kill()
		return true
	}
	fmt.Fprintf(f.out, "NATS stays for those who are attached. go run . -url %s -dir %s -n %d goes on.\n", f.o.url, f.o.dir, f.o.n)
	return false
}
