package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats"
)

// A follower watches how the invoices come: it attaches to each call by its id as soon as the
// call is submitted, by whichever process.
type follower struct {
	q     *asyncnats.Queue
	nc    *nats.Conn
	out   io.Writer
	n     int
	start time.Time
	there *atomic.Int64 // how many invoices are there

	next     int // the first invoice that nobody had submitted when it was looked for
	calls    async.Set[*async.Call[Invoice]]
	invoices map[int]Invoice
	before   atomic.Int64 // invoices that were there when the follower came
}

const (
	lookEvery = 100 * time.Millisecond // for calls that were not submitted
	tellEvery = time.Second
	stuck     = 4 * time.Second // without an invoice
)

// watch follows the invoices until all are there. It counts in there how many that are.
func (o *options) watch(ctx context.Context, out io.Writer, there *atomic.Int64) (map[int]Invoice, error) {
	q, nc, err := o.open(ctx)
	if err != nil {
		return nil, err
	}
	defer nc.Close()
	defer q.Close()
	f := &follower{q: q, nc: nc, out: out, n: o.n, start: time.Now(), there: there, next: 1, invoices: make(map[int]Invoice)}
	defer f.calls.Release()
	over := make(chan struct{})
	telling := async.Go(ctx, func(context.Context) (struct{}, error) { f.tells(over); return struct{}{}, nil })
	defer telling.Release()
	err = f.follow(ctx)
	close(over)
	return f.invoices, errors.Join(err, telling.Wait(context.WithoutCancel(ctx)))
}

func (f *follower) follow(ctx context.Context) error {
	if err := f.attach(ctx); err != nil {
		return err
	}
	for len(f.invoices) < f.n {
		look, cancel := context.WithTimeout(ctx, lookEvery)
		call, err := f.calls.Next(look)
		if errors.Is(err, async.ErrNothingToWait) {
			<-look.Done()
		}
		cancel()
		switch {
		case err == nil:
			err = f.take(call)
		case ctx.Err() != nil:
			err = context.Cause(ctx)
		default:
			err = f.attach(ctx)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// attach attaches to the calls that were submitted since.
func (f *follower) attach(ctx context.Context) error {
	first := f.next == 1
	for ; f.next <= f.n; f.next++ {
		call := asyncnats.Attach[Invoice](ctx, f.q, idOf(f.next))
		if !call.IsDone() {
			f.calls.Add(call, call)
			continue
		}
		v, err := call.Finish()
		switch {
		case errors.Is(err, asyncnats.ErrUnknownCall):
			return nil
		case err != nil:
			return fmt.Errorf("%s: %w", idOf(f.next), err)
		}
		f.has(v)
		if first {
			f.before.Add(1)
		}
	}
	return nil
}

// take takes an invoice that is there.
func (f *follower) take(call *async.Call[Invoice]) error {
	v, err := call.Finish()
	if err != nil {
		return err
	}
	f.has(v)
	return nil
}

func (f *follower) has(v Invoice) {
	f.invoices[v.Number] = v
	f.there.Store(int64(len(f.invoices)))
}

// tells prints how far it is, once a second, until the invoices are there or nobody watches.
func (f *follower) tells(over chan struct{}) {
	ticker := time.NewTicker(tellEvery)
	defer ticker.Stop()
	last, since := int64(-1), f.start // how many there were, and since when
	for {
		if there := f.there.Load(); there != last {
			last, since = there, time.Now()
		}
		f.tell(time.Now(), since)
		select {
		case <-ticker.C:
		case <-over:
			f.tell(time.Now(), time.Now())
			return
		}
	}
}

// tell prints how many invoices are there, at what rate they come, and how long it takes.
func (f *follower) tell(now, since time.Time) {
	there := int(f.there.Load())
	took := now.Sub(f.start)
	rate := float64(there-int(f.before.Load())) / max(took, time.Millisecond).Seconds()
	say := "time left unknown"
	switch {
	case there == f.n:
		say = "all there"
	case !f.nc.IsConnected():
		say = "NATS is away"
	case now.Sub(since) > stuck:
		say = fmt.Sprintf("none for %v: is a worker there, and were all submitted?", now.Sub(since).Round(time.Second))
	case rate > 0:
		say = fmt.Sprintf("%v left", time.Duration(float64(f.n-there)/rate*float64(time.Second)).Round(time.Second))
	}
	fmt.Fprintf(f.out, "%6.1fs  %4d of %d invoices  %4.0f a second  %s\n", took.Seconds(), there, f.n, rate, say)
}

// check compares what the calls returned with the files: every invoice is there once, and whole.
func check(dir string, n int, invoices map[int]Invoice) error {
	if len(invoices) != n {
		return fmt.Errorf("%d calls have returned an invoice, of %d", len(invoices), n)
	}
	files, err := filepath.Glob(filepath.Join(dir, "invoice-*.pdf"))
	if err != nil || len(files) != n {
		return fmt.Errorf("%d files of %d invoices: %w", len(files), n, err)
	}
	for number, v := range invoices {
		data, err := os.ReadFile(filepath.Join(dir, v.File))
		if err != nil {
			return err
		}
		if v.Number != number || sumOf(data) != v.Sum || string(data[:5]) != "%PDF-" {
			return fmt.Errorf("invoice %d is not the one that was made", number)
		}
	}
	return nil
}
