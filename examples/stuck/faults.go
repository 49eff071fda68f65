package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncview"
)

// The five faults. Each is one that real programs have, and says how it would be mended.

// A fault is one of them, as the page should name it.
type fault struct {
	kind  asyncview.Kind
	scope string // where it is; "" for several
	names string // what its sentence has to say
}

// faults returns all five.
func faults() []fault {
	return []fault{
		{asyncview.Deadlock, "", "invoice 17"},
		{asyncview.NotStopping, "reports", "report of October"},
		{asyncview.Oldest, "payments", "payment 4711"},
		{asyncview.Untaken, "audit", ""},
		{asyncview.QueueGrowing, "mail", ""},
	}
}

// in returns what a report says of the fault, and nil where the report does not name it.
func (f fault) in(r *asyncview.Report) *asyncview.Wrong {
	for i := range r.Wrong {
		w := &r.Wrong[i]
		inScope := f.scope == "" || slices.ContainsFunc(r.Scopes, func(s asyncview.Scope) bool { return s.Key == w.Scope && s.Name == f.scope })
		if w.Kind == f.kind && inScope && strings.Contains(w.Text, f.names) {
			return w
		}
	}
	return nil
}

// plant begins the faults that do not come with visitors.
func (s *shop) plant(ctx context.Context) {
	s.promise(ctx)
	s.deadlock(ctx)
	s.ignore(ctx)
}

// deadlock begins three calls in two scopes, each of which waits for the next: an invoice
// needs the discount of its customer, the discount depends on the turnover, and the
// turnover is the sum of the invoices, this one among them. Each is made when it is first
// asked for, and all who ask later share it. So the third gets the first, which is
// waiting. A fourth call is not part of the circle, and waits for it in vain.
//
// No runtime notices: other goroutines still run, and each of the three waits for a
// channel that somebody may well close. The mend is to leave open invoices out of the sum.
func (s *shop) deadlock(ctx context.Context) {
	for _, name := range []string{"invoice 17", "statement of Ada"} {
		call := s.figure(ctx, name)
		defer call.Release()
	}
}

// figures are the calls that were begun for figures that somebody asked for.
type figures struct {
	mu    sync.Mutex
	calls map[string]*async.Call[int]
}

// release gives up the figures: the shop is closed.
func (f *figures) release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, call := range f.calls {
		call.Release()
	}
	clear(f.calls)
}

// figure returns a handle on the call that computes a figure, which is begun when it is
// asked for the first time. The caller releases the handle.
func (s *shop) figure(ctx context.Context, name string) *async.Call[int] {
	needs := map[string]struct {
		from string // the figure that it is computed from
		in   *async.Scope
	}{
		"invoice 17":       {"discount of Ada", s.web},
		"discount of Ada":  {"turnover of Ada", s.prices},
		"turnover of Ada":  {"invoice 17", s.web},
		"statement of Ada": {"invoice 17", s.web},
	}[name]
	s.figures.mu.Lock()
	defer s.figures.mu.Unlock()
	call := s.figures.calls[name]
	if call == nil {
		call = async.Go(ctx, func(ctx context.Context) (int, error) {
			from := s.figure(ctx, needs.from)
			defer from.Release()
			return from.Await(ctx)
		}, needs.in, async.Name(name))
		s.figures.calls[name] = call
	}
	return call.Clone()
}

// ignore begins a report and has little patience with it. The report is canceled, so its
// caller goes on, and its function takes no notice: it reads from a connection, and nothing
// makes the read end when the context does. The function keeps its goroutine and its slot.
//
// The mend is context.AfterFunc(ctx, func() { conn.SetReadDeadline(time.Now()) }) before
// the read.
func (s *shop) ignore(ctx context.Context) {
	report := async.Go(ctx, func(context.Context) ([]byte, error) {
		return io.ReadAll(s.archive)
	}, s.reports, async.Name("report of October"))
	defer report.Release()
	wait, done := context.WithTimeout(ctx, 100*time.Millisecond)
	defer done()
	if _, err := report.Await(wait); err != nil {
		_ = report.Cancel(err)
	}
}

// promise begins an order that waits until the bank has confirmed the payment. The
// message of the bank would complete the promise. It was lost, and nobody breaks the
// promise for it.
//
// The mend is a context with a deadline for the promise.
func (s *shop) promise(ctx context.Context) {
	_, confirmed := async.NewPromise[string](ctx, s.payments, async.Name("payment 4711"))
	order := async.Go(ctx, func(ctx context.Context) (string, error) {
		defer confirmed.Release()
		return confirmed.Await(ctx)
	}, s.web, async.Name("order 4711"))
	order.Release()
}

// record writes down that visitor n was there, and drops the handle: the result stays
// where it is, and so does the memory.
//
// The mend is call.Release().
func (s *shop) record(ctx context.Context, n int) {
	//asyncvet:ignore unreleased: the fault that is shown
	_ = async.Go(context.WithoutCancel(ctx), func(context.Context) (string, error) {
		return fmt.Sprintf("visitor %d", n), nil
	}, s.audit, async.Name("record"))
}

// write sends a letter, of which two are sent at a time. Ten are asked for in a second,
// and four are sent.
//
// The mend is a bound: ScopeOptions.Queue, or WaitForRoom where the letters are begun.
func (s *shop) write(ctx context.Context, n int) {
	letter := async.Go(context.WithoutCancel(ctx), func(ctx context.Context) (int, error) {
		return n, work(ctx, time.Second/2)
	}, s.mail, async.Name("letter"))
	letter.Release()
}
