package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats"
)

// A desk asks for quotes. All that it does is done by the goroutine of run.
type desk struct {
	o      *options
	client *asyncnats.Client
	line   *timeline
	calls  async.Set[*attempt] // all that are in flight
	quotes []*quote
	next   int      // the first quote that was not asked for
	young  []*quote // asked for once, the oldest first: they may have to be asked for again
	events []event

	begun, ended int // calls
	done, right  int // quotes
	twice        int // quotes that were asked for a second time because they were slow
	got          tally
	peak         int           // goroutines
	slowest      time.Duration // quote
}

// A quote is what is asked for, by one call or more.
type quote struct {
	symbol   string
	attempts []*attempt
	asked    time.Time
	done     bool
}

// An attempt is one call for a quote.
type attempt struct {
	quote *quote
	call  *async.Call[Quote]
}

// An event happens when so many quotes are there.
type event struct {
	done int
	do   func() string
}

// attempts is how often a quote is asked for at most.
const attempts = 8

var errFaster = errors.New("another attempt was faster")

func newDesk(o *options, c *asyncnats.Client, line *timeline) *desk {
	d := &desk{o: o, client: c, line: line, quotes: make([]*quote, o.quotes)}
	for i := range d.quotes {
		d.quotes[i] = &quote{symbol: "S" + strconv.Itoa(i)}
	}
	return d
}

// at has something happen when so many quotes are there. It happens beside the asking.
func (d *desk) at(done int, do func() string) { d.events = append(d.events, event{done, do}) }

// run asks for all quotes, and returns when every call has ended.
func (d *desk) run(ctx context.Context) error {
	defer d.calls.Release()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // also the calls, when there is an error
	scope := async.NewScope(async.ScopeOptions{Name: "events"})
	defer func() { _ = scope.Shutdown(context.WithoutCancel(ctx)) }() // its context does not end
	for d.ended < d.begun || d.next < len(d.quotes) {
		d.fill(ctx)
		a, err := d.wait(ctx)
		switch {
		case err == nil:
			if err := d.take(ctx, a); err != nil {
				return err
			}
		case ctx.Err() != nil:
			return context.Cause(ctx)
		}
		d.again(ctx)
		d.happen(ctx, scope)
		d.peak = max(d.peak, runtime.NumGoroutine())
		d.line.tick(d)
	}
	d.line.note("all quotes are there")
	return nil
}

// fill asks for further quotes, as many as there is room for.
func (d *desk) fill(ctx context.Context) {
	for d.next < len(d.quotes) && d.next-d.done < d.o.window {
		q := d.quotes[d.next]
		d.next++
		q.asked = time.Now()
		d.young = append(d.young, q)
		d.begin(ctx, q)
	}
}

// begin asks for a quote.
func (d *desk) begin(ctx context.Context, q *quote) {
	a := &attempt{quote: q, call: asyncnats.Begin[Quote](ctx, d.client, subject, Request{Symbol: q.symbol})}
	q.attempts = append(q.attempts, a)
	d.calls.Add(a, a.call)
	d.begun++
}

// wait waits for the next call to end, or until a quote is to be asked for again.
func (d *desk) wait(ctx context.Context) (*attempt, error) {
	if a, ok := d.calls.TryNext(); ok {
		return a, nil
	}
	until := time.Now().Add(d.o.hedge)
	if len(d.young) > 0 {
		until = d.young[0].asked.Add(d.o.hedge)
	}
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	return d.calls.Next(ctx)
}

// take takes what a call has ended with. The first value of a quote is the quote's, and what
// else is asked for the quote is canceled. Where all attempts have failed there is another.
func (d *desk) take(ctx context.Context, a *attempt) error {
	v, err := a.call.Finish()
	d.ended++
	d.got.add(err)
	q := a.quote
	q.attempts = slices.DeleteFunc(q.attempts, func(b *attempt) bool { return b == a })
	switch {
	case q.done:
	case err == nil:
		q.done = true
		d.done++
		d.slowest = max(d.slowest, time.Since(q.asked))
		if v.Symbol == q.symbol && v.Cents == priceOf(q.symbol) {
			d.right++
		}
		for _, b := range q.attempts {
			b.call.Cancel(errFaster)
		}
	case len(q.attempts) == 0 && d.begun < attempts*len(d.quotes):
		d.begin(ctx, q)
	case len(q.attempts) == 0:
		return fmt.Errorf("no quote for %s: %w", q.symbol, err)
	}
	return nil
}

// again asks once more for those that take long.
func (d *desk) again(ctx context.Context) {
	for len(d.young) > 0 && (d.young[0].done || time.Since(d.young[0].asked) >= d.o.hedge) {
		q := d.young[0]
		d.young = d.young[1:]
		if !q.done {
			d.twice++
			d.begin(ctx, q)
		}
	}
}

// happen starts the events whose time has come.
func (d *desk) happen(ctx context.Context, scope *async.Scope) {
	for len(d.events) > 0 && d.done >= d.events[0].done {
		do := d.events[0].do
		d.events = d.events[1:]
		async.Go(ctx, func(context.Context) (struct{}, error) {
			d.line.note(do())
			return struct{}{}, nil
		}, scope).Release()
	}
}
