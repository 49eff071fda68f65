package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats"
)

// A follower watches how the invoices come: it attaches to each call by its id as soon as the
// call is submitted, by whichever process.
type follower struct {
	q     *asyncnats.Queue
	out   io.Writer
	n     int
	start time.Time

	next     int // the first invoice that nobody had submitted when it was looked for
	calls    async.Set[*async.Call[Invoice]]
	invoices map[int]Invoice
	before   int // invoices that were there when the follower came
	told     time.Time
}

const (
	lookEvery = 100 * time.Millisecond // for calls that were not submitted
	tellEvery = time.Second
)

// watch follows the invoices until all are there. done is called with how many are there.
func (o *options) watch(ctx context.Context, out io.Writer, done func(int)) (map[int]Invoice, error) {
	q, nc, err := o.open(ctx)
	if err != nil {
		return nil, err
	}
	defer nc.Close()
	defer q.Close()
	f := &follower{q: q, out: out, n: o.n, start: time.Now(), next: 1, invoices: make(map[int]Invoice)}
	defer f.calls.Release()
	return f.invoices, f.follow(ctx, done)
}

func (f *follower) follow(ctx context.Context, done func(int)) error {
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
			if err := f.take(call); err != nil {
				return err
			}
		case ctx.Err() != nil:
			return context.Cause(ctx)
		default:
			if err := f.attach(ctx); err != nil {
				return err
			}
		}
		f.tell()
		if done != nil {
			done(len(f.invoices))
		}
	}
	f.told = time.Time{}
	f.tell()
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
		f.invoices[v.Number] = v
		if first {
			f.before++
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
	f.invoices[v.Number] = v
	return nil
}

// tell prints how far it is, at what rate, and how long it takes, once a second.
func (f *follower) tell() {
	now := time.Now()
	if now.Sub(f.told) < tellEvery {
		return
	}
	f.told = now
	there := len(f.invoices)
	rate := float64(there-f.before) / now.Sub(f.start).Seconds()
	left := "time left unknown"
	switch {
	case there == f.n:
		left = "all there"
	case rate > 0:
		left = fmt.Sprintf("%v left", time.Duration(float64(f.n-there)/rate*float64(time.Second)).Round(time.Second))
	}
	fmt.Fprintf(f.out, "%6.1fs  %4d of %d invoices  %4.0f a second  %s\n", now.Sub(f.start).Seconds(), there, f.n, rate, left)
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
