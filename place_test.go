package async_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/pprof"
	"runtime/trace"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed4712c49f/async"
)

// Who waits for whom (V1, V2), and what a profile says of the functions of a scope (V4).

// tracked returns the options of a scope that records waits.
func tracked(name string) async.ScopeOptions { return async.ScopeOptions{Name: name, Track: true} }

// waits writes what one call waits for.
func waitsOf(s *async.Scope, name string) string {
	for c := range s.InFlight() {
		if c.Name == name {
			return waitsText(c.WaitsFor)
		}
	}
	return "not in flight"
}

func waitsText(ws []async.WaitInfo) string {
	var parts []string
	for _, w := range ws {
		text := strings.TrimSpace(fmt.Sprintf("%s %s", w.Kind, w.Name))
		if w.Call != 0 {
			text += fmt.Sprintf(" (%s #%d)", w.Scope, w.Call)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

// An ownKey is the key of a value in a context.
type ownKey struct{}

// A waitable is a Waitable of a stranger.
type waitable chan struct{}

func (w waitable) Done() <-chan struct{} { return w }

// Every wait by the context of a function says what it is for (V1).
func TestV1_WaitsFor(t *testing.T) {
	type scene struct {
		s       *async.Scope
		event   *async.Event
		p       *async.Promise[int]
		promise *async.Call[int] // in the scope: #1
		free    *async.Call[int] // in no scope
		end     context.Context
		ch      waitable
	}
	for name, c := range map[string]struct {
		wait func(ctx context.Context, x scene)
		want string
	}{
		"Await":       {func(ctx context.Context, x scene) { _, _ = x.promise.Await(ctx) }, "call p (s #1)"},
		"Wait":        {func(ctx context.Context, x scene) { _ = x.promise.Wait(ctx) }, "call p (s #1)"},
		"of no scope": {func(ctx context.Context, x scene) { _ = x.free.Wait(ctx) }, "call free"},
		"never begun": {func(ctx context.Context, x scene) {
			var c async.Call[int]
			ctx, cancel := context.WithTimeout(ctx, time.Minute)
			defer cancel()
			_ = c.Wait(ctx)
		}, "call"},
		"of a signal":        {func(ctx context.Context, x scene) { s := x.promise.Signal(); defer s.Release(); _ = s.Wait(ctx) }, "call p (s #1)"},
		"of an event":        {func(ctx context.Context, x scene) { _ = x.event.Wait(ctx) }, "event"},
		"of an event's":      {func(ctx context.Context, x scene) { s := x.event.Signal(); defer s.Release(); _ = s.Wait(ctx) }, "event"},
		"by a context below": {func(ctx context.Context, x scene) { _ = x.event.Wait(context.WithValue(ctx, ownKey{}, 2)) }, "event"},
		"by another context": {func(_ context.Context, x scene) { _ = x.event.Wait(bg) }, ""},
		"of no context":      {func(_ context.Context, x scene) { _ = x.event.WaitFor(time.Minute) }, ""},
		"by another goroutine": {func(ctx context.Context, x scene) {
			var wg sync.WaitGroup
			wg.Go(func() { _ = x.event.Wait(ctx) })
			wg.Wait()
		}, "event"},
		"WaitAny": {func(ctx context.Context, x scene) {
			_, _ = async.WaitAny(ctx, x.promise, x.event, x.end, async.Chan(x.ch.Done()), x.ch)
		}, "call p (s #1), event, context *context.cancelCtx, channel, channel async_test.waitable"},
		"WaitAny of an object around an event": {func(ctx context.Context, x scene) {
			set := new(async.Event)
			set.Set() // which says nothing of the object
			_, _ = async.WaitAny(ctx, eventOfOthers{set, channelOf(x.ch)})
		}, "channel async_test.eventOfOthers"},
		"WaitAny of natives": {func(ctx context.Context, x scene) { _, _ = async.WaitAny(ctx, x.promise, x.event) }, "call p (s #1), event"},
		"WaitAll":            {func(ctx context.Context, x scene) { _ = async.WaitAll(ctx, x.promise, async.Ready(1, nil), x.event) }, "call p (s #1), event"},
		"WaitAll, a channel": {func(ctx context.Context, x scene) { _ = async.WaitAll(ctx, x.ch, x.promise) }, "channel async_test.waitable, call p (s #1)"},
		"FirstError":         {func(ctx context.Context, x scene) { _ = async.FirstError(ctx, x.promise, x.event) }, "call p (s #1), event"},
		"Race":               {func(ctx context.Context, x scene) { _, _, _ = async.Calls[int]{x.promise, x.free}.Race(ctx) }, "call p (s #1), call free"},
		"All":                {func(ctx context.Context, x scene) { _, _ = async.Calls[int]{async.Ready(1, nil), x.promise}.All(ctx) }, "call p (s #1)"},
		"Settle":             {func(ctx context.Context, x scene) { async.Calls[int]{x.promise, x.free}.Settle(ctx) }, "call p (s #1), call free"},
		"Any":                {func(ctx context.Context, x scene) { _, _, _ = async.Calls[int]{x.promise, x.free}.Any(ctx) }, "call p (s #1), call free"},
		"Quorum":             {func(ctx context.Context, x scene) { _, _, _ = async.Calls[int]{x.promise, x.free}.Quorum(ctx, 2) }, "call p (s #1), call free"},
		"Each": {func(ctx context.Context, x scene) {
			for range (async.Calls[int]{async.Ready(1, nil), x.promise}).Each(ctx) {
			}
		}, "call p (s #1)"},
		"Set": {func(ctx context.Context, x scene) {
			var s async.Set[int]
			s.Add(1, x.promise)
			s.Add(2, x.event)
			_, _ = s.Next(ctx)
			s.Release()
		}, "set set of 2"},
		"Set.All": {func(ctx context.Context, x scene) {
			var s async.Set[int]
			s.Add(1, x.promise)
			for range s.All(ctx) {
			}
		}, "set set of 1"},
		"Sleep": {func(ctx context.Context, _ scene) { _ = async.Sleep(ctx, time.Minute) }, "time"},
		"Hedge": {func(ctx context.Context, x scene) {
			_, _ = async.Hedge(ctx, time.Minute, 2, func(context.Context, int) (int, error) { return x.promise.Await(bg) }, async.Name("try"))
		}, "call try, time"},
		"Hedge, the last": {func(ctx context.Context, x scene) {
			_, _ = async.Hedge(ctx, 0, 1, func(context.Context, int) (int, error) { return x.promise.Await(bg) }, async.Name("try"))
		}, "call try"},
		"Map": {func(ctx context.Context, x scene) {
			f := func(context.Context, int) (int, error) { return x.promise.Await(bg) }
			for range async.Map(ctx, slices.Values([]int{1, 2}), f, x.s, async.AtOnce(2), async.Name("of map")) {
			}
		}, "call of map (s #3), call of map (s #4)"},
		"Map, in order": {func(ctx context.Context, x scene) {
			f := func(context.Context, int) (int, error) { return x.promise.Await(bg) }
			for range async.Map(ctx, slices.Values([]int{1, 2}), f, x.s, async.AtOnce(2), async.Name("of map"), async.InOrder()) {
			}
		}, "call of map (s #3)"},
		"Map, left": {func(ctx context.Context, x scene) {
			started := make(chan struct{})
			f := func(context.Context, int) (int, error) { close(started); return x.promise.Await(bg) }
			in := func(yield func(int) bool) { yield(1); <-started; panic("left") }
			defer func() { _ = recover() }()
			for range async.Map(ctx, in, f, x.s, async.AtOnce(2)) {
			}
		}, "return canceled functions"},
		"CancelWait": {func(ctx context.Context, x scene) {
			c := async.Go(bg, func(context.Context) (int, error) { return x.promise.Await(bg) }, async.Name("asked"))
			_ = c.CancelWait(ctx, errBoom)
		}, "call asked"},
		"Group.Do": {func(ctx context.Context, x scene) {
			g := &async.Group[string, int]{Options: []async.Option{x.s, async.Name("run")}}
			_, _, _ = g.Do(ctx, "key", func(context.Context) (int, error) { return x.promise.Await(bg) })
		}, "call run (s #3)"},
		"Group.Join": {func(ctx context.Context, x scene) {
			g := &async.Group[string, int]{Options: []async.Option{x.s, async.Name("run")}}
			_, _ = g.Join(ctx, "key", func(context.Context) (int, error) { return x.promise.Await(bg) }).Await(ctx)
		}, "call run (s #3)"},
		"Lazy": {func(ctx context.Context, x scene) {
			_, _ = async.NewLazy(func(context.Context) (int, error) { return x.promise.Await(bg) }, x.s, async.Name("lazy")).Get(ctx)
		}, "call lazy (s #3)"},
		"Shutdown": {func(ctx context.Context, x scene) {
			other := async.NewScope(async.ScopeOptions{Name: "other"})
			async.Go(bg, func(context.Context) (int, error) { return x.promise.Await(bg) }, other)
			_ = other.Shutdown(ctx)
		}, "scope other"},
		"WaitForRoom": {func(ctx context.Context, x scene) {
			full := async.NewScope(async.ScopeOptions{Name: "full", Limit: 1, Queue: async.NoQueue})
			async.Go(bg, func(context.Context) (int, error) { return x.promise.Await(bg) }, full)
			async.Go(ctx, value(1, nil), full, async.WaitForRoom()).Release()
		}, "room full"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				end, cancel := context.WithCancel(bg)
				x := scene{s: async.NewScope(tracked("s")), event: new(async.Event), end: end, ch: make(waitable)}
				x.p, x.promise = async.NewPromise[int](bg, x.s, async.Name("p"))
				p, free := async.NewPromise[int](bg, async.Name("free"))
				x.free = free
				time.Sleep(time.Second)
				parked := time.Now()
				f := async.Go(bg, func(ctx context.Context) (int, error) { c.wait(ctx, x); return 1, nil }, x.s, async.Name("f"))
				synctest.Wait()
				time.Sleep(time.Second)
				wantEq(t, "it waits for", waitsOf(x.s, "f"), c.want)
				for _, w := range f.Info().WaitsFor {
					wantEq(t, "since", w.Since, parked)
					if !strings.Contains(w.Line, "/place_test.go:") {
						t.Errorf("on line %q", w.Line)
					}
				}
				x.event.Set()
				cancel()
				close(x.ch)
				p.Complete(1, nil)
				x.p.Complete(1, nil)
				_ = f.Wait(bg)
				wantEq(t, "then", len(f.Info().WaitsFor), 0)
				wantEq(t, "Shutdown", x.s.Shutdown(bg), nil)
			})
		})
	}
}

// What a function waits for under a limit, and when the wait is over but the slot is not
// back; and that without Track nothing is known.
func TestV1_WaitsForASlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := tracked("s")
		o.Limit = 1
		s := async.NewScope(o)
		var event, other async.Event
		first := async.Go(bg, func(ctx context.Context) (int, error) { return 1, event.Wait(ctx) }, s, async.Name("first"))
		second := async.Go(bg, func(context.Context) (int, error) { return 1, other.Wait(bg) }, s, async.Name("second"))
		third := async.Go(bg, value(1, nil), s, async.Name("third"))
		synctest.Wait()
		wantEq(t, "the first", waitsOf(s, "first"), "event")
		wantEq(t, "the second", waitsOf(s, "second"), "")
		wantEq(t, "the third", waitsOf(s, "third"), "slot s")
		time.Sleep(time.Second)
		event.Set()
		synctest.Wait()
		wantEq(t, "the first, when its wait is over", waitsOf(s, "first"), "slot s")
		wantEq(t, "since", first.Info().WaitsFor[0].Since, time.Now())
		edges := ""
		for _, w := range s.WaitGraph().Waits {
			edges += fmt.Sprintf("%d→%d %s; ", w.From, w.To, w.Kind)
		}
		wantEq(t, "the graph", edges, "1→0 slot; 3→2 slot; ")
		other.Set()
		_, _ = second.Await(bg)
		_, _ = third.Await(bg)
		_, _ = first.Await(bg)
	})
	synctest.Test(t, func(t *testing.T) {
		s := async.NewScope(async.ScopeOptions{Limit: 1})
		var event async.Event
		c := async.Go(bg, func(ctx context.Context) (int, error) { return 1, event.Wait(ctx) }, s, async.Name("f"))
		synctest.Wait()
		wantEq(t, "without Track", waitsOf(s, "f"), "")
		event.Set()
		_, _ = c.Await(bg)
	})
}

// A wait for very many things lists the first of them.
func TestV1_WaitsForMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := async.NewScope(tracked("s"))
		calls := make(async.Calls[int], 250)
		promises := make([]*async.Promise[int], len(calls))
		for i := range calls {
			promises[i], calls[i] = async.NewPromise[int](bg)
		}
		f := async.Go(bg, func(ctx context.Context) (int, error) { _, err := calls.All(ctx); return 1, err }, s)
		synctest.Wait()
		promises[0].Complete(1, nil)
		ws := f.Info().WaitsFor
		last := ws[len(ws)-1]
		if len(ws) != 101 || last.Kind != "more" || last.Name != "149" {
			t.Errorf("%d things, the last %+v", len(ws), last)
		}
		wantEq(t, "edges of the graph", len(s.WaitGraph().Waits), 249)
		for _, p := range promises[1:] {
			p.Complete(1, nil)
		}
		_, _ = f.Await(bg)
		calls.Release()
	})
}

// A ring is functions that wait for each other. Function i does what wait says.
type ring struct {
	scopes []*async.Scope
	calls  async.Calls[int]
	group  *async.Group[string, int]
	start  async.Event     // lets the functions wait
	out    context.Context // ends the waits in the end
	end    func()
}

// begin begins the functions in turn in each scope.
func (r *ring) begin(names string, wait func(ctx context.Context, i int) error) {
	r.out, r.end = context.WithCancel(bg)
	r.group = &async.Group[string, int]{Options: []async.Option{r.scopes[0], async.Name("run")}}
	for i, name := range strings.Split(names, " ") {
		time.Sleep(time.Millisecond) // one is older than the other
		r.calls = append(r.calls, async.Go(r.out, func(ctx context.Context) (int, error) {
			_ = r.start.Wait(bg)
			return i, wait(ctx, i)
		}, r.scopes[i%len(r.scopes)], async.Name(name)))
	}
	r.start.Set()
}

func (r *ring) close() {
	r.end()
	r.calls.Settle(bg)
	r.calls.Release()
}

// cyclesText writes the names of the calls in each deadlock.
func cyclesText(g async.Graph) string {
	var all []string
	for _, d := range g.Cycles() {
		var names []string
		for _, c := range d {
			names = append(names, c.Name)
		}
		all = append(all, strings.Join(names, " "))
	}
	return strings.Join(all, "; ")
}

// Deadlocks, and what is none (V2).
func TestV2_Cycles(t *testing.T) {
	var set async.Event // set
	set.Set()
	for name, c := range map[string]struct {
		names string
		wait  func(ctx context.Context, r *ring, i int) error
		want  string
	}{
		"two": {"a b", func(ctx context.Context, r *ring, i int) error { return r.calls[1-i].Wait(ctx) }, "a b"},
		"three": {"a b c", func(ctx context.Context, r *ring, i int) error {
			_, err := r.calls[(i+2)%3].Await(ctx)
			return err
		}, "a c b"},
		"itself": {"a", func(ctx context.Context, r *ring, _ int) error { return r.calls[0].Wait(ctx) }, "a"},
		"by a signal": {"a b", func(ctx context.Context, r *ring, i int) error {
			s := r.calls[1-i].Signal()
			defer s.Release()
			return s.Wait(ctx)
		}, "a b"},
		"two pairs": {"a b c d", func(ctx context.Context, r *ring, i int) error { return r.calls[i^1].Wait(ctx) }, "a b; c d"},
		"one that waits for a pair": {"x a b", func(ctx context.Context, r *ring, i int) error {
			return r.calls[[]int{1, 2, 1}[i]].Wait(ctx)
		}, "a b"},
		"one of them by another context": {"a b", func(ctx context.Context, r *ring, i int) error {
			if i == 1 {
				ctx = r.out
			}
			return r.calls[1-i].Wait(ctx)
		}, ""},
		"one of them in another goroutine": {"a b", func(ctx context.Context, r *ring, i int) error {
			if i == 0 {
				return r.calls[1].Wait(ctx)
			}
			over := make(chan error)
			go func() { over <- r.calls[0].Wait(ctx) }()
			return <-over
		}, ""},
		"and another goroutine of one runs": {"a b", func(ctx context.Context, r *ring, i int) error {
			go func() { <-ctx.Done() }()
			return r.calls[1-i].Wait(ctx)
		}, "a b"},
		"and another goroutine of one waits for the same": {"a b", func(ctx context.Context, r *ring, i int) error {
			go func() { _ = r.calls[1-i].Wait(ctx) }()
			return r.calls[1-i].Wait(ctx)
		}, "a b"},
		"and another goroutine of one waits for an event": {"a b", func(ctx context.Context, r *ring, i int) error {
			go func() { var e async.Event; _ = e.Wait(ctx) }()
			return r.calls[1-i].Wait(ctx)
		}, ""},
		"with a deadline": {"a b", func(ctx context.Context, r *ring, i int) error {
			ctx, cancel := context.WithTimeout(ctx, time.Hour)
			defer cancel()
			return r.calls[1-i].Wait(ctx)
		}, "a b"},
		"with a time": {"a b", func(_ context.Context, r *ring, i int) error { return r.calls[1-i].WaitFor(time.Hour) }, ""},
		"any of an event and the other": {"a b", func(ctx context.Context, r *ring, i int) error {
			var e async.Event
			_, err := async.WaitAny(ctx, r.calls[1-i], &e)
			return err
		}, ""},
		"any of a context and the other": {"a b", func(ctx context.Context, r *ring, i int) error {
			_, err := async.WaitAny(ctx, r.calls[1-i], r.out)
			return err
		}, ""},
		"all of an event and the other": {"a b", func(ctx context.Context, r *ring, i int) error {
			var e async.Event
			return async.WaitAll(ctx, &e, r.calls[1-i], &set)
		}, "a b"},
		"any of two that wait": {"a b c", func(ctx context.Context, r *ring, i int) error {
			if i == 0 {
				_, err := async.WaitAny(ctx, r.calls[1], r.calls[2])
				return err
			}
			return r.calls[0].Wait(ctx)
		}, "a b c"},
		"any of two, one of which runs": {"a b c", func(ctx context.Context, r *ring, i int) error {
			switch i {
			case 0:
				_, err := async.WaitAny(ctx, r.calls[1], r.calls[2])
				return err
			case 1:
				return r.calls[0].Wait(ctx)
			}
			<-ctx.Done()
			return nil
		}, ""},
		"all of two, one of which runs": {"a b c", func(ctx context.Context, r *ring, i int) error {
			switch i {
			case 0:
				r.calls[1:].Settle(ctx)
			case 1:
				return r.calls[0].Wait(ctx)
			default:
				<-ctx.Done()
			}
			return nil
		}, "a b"},
		"all of two, or a failure, one of which runs": {"a b c", func(ctx context.Context, r *ring, i int) error {
			switch i {
			case 0:
				_, err := r.calls[1:].All(ctx)
				return err
			case 1:
				return r.calls[0].Wait(ctx)
			}
			<-ctx.Done()
			return nil
		}, ""},
		"all of two, or a failure": {"a b c", func(ctx context.Context, r *ring, i int) error {
			switch i {
			case 0:
				_, err := r.calls[1:].All(ctx)
				return err
			case 1:
				return r.calls[0].Wait(ctx)
			}
			return nil // c succeeds
		}, "a b"},
		"each of two, one of which has come": {"a b c", func(ctx context.Context, r *ring, i int) error {
			switch i {
			case 0:
				for range r.calls[1:].Each(ctx) {
				}
			case 1:
				return r.calls[0].Wait(ctx)
			}
			return nil
		}, "a b"},
		"the first error of two, one of which has come": {"a b c", func(ctx context.Context, r *ring, i int) error {
			switch i {
			case 0:
				return async.FirstError(ctx, r.calls[1], r.calls[2], &set)
			case 1:
				return r.calls[0].Wait(ctx)
			}
			return nil
		}, "a b"},
		"a set": {"a b", func(ctx context.Context, r *ring, i int) error {
			var s async.Set[int]
			s.Add(1, r.calls[1-i])
			_, err := s.Next(ctx)
			s.Release()
			return err
		}, ""},
		"a call without a scope between": {"a", func(ctx context.Context, r *ring, _ int) error {
			c := async.Go(ctx, func(ctx context.Context) (int, error) { return 1, r.calls[0].Wait(ctx) })
			_, err := c.Await(ctx)
			return err
		}, ""},
		"a call of its own": {"a", func(ctx context.Context, r *ring, _ int) error {
			c := async.Go(ctx, func(ctx context.Context) (int, error) { return 1, r.calls[0].Wait(ctx) }, r.scopes[0], async.Name("own"))
			_, err := c.Await(ctx)
			return err
		}, "a own"},
		"a promise": {"a b", func(ctx context.Context, r *ring, i int) error {
			if i == 0 {
				return r.calls[1].Wait(ctx)
			}
			p, c := async.NewPromise[int](ctx, r.scopes[0])
			defer p.Break()
			return c.Wait(ctx)
		}, ""},
		"the attempts of a hedge": {"a", func(ctx context.Context, r *ring, _ int) error {
			_, err := async.Hedge(ctx, 0, 2, func(ctx context.Context, _ int) (int, error) { return 1, r.calls[0].Wait(ctx) }, r.scopes[0], async.Name("try"))
			return err
		}, "a try try"},
		"the attempts of a hedge, with more to come": {"a", func(ctx context.Context, r *ring, _ int) error {
			_, err := async.Hedge(ctx, time.Hour, 2, func(ctx context.Context, _ int) (int, error) { return 1, r.calls[0].Wait(ctx) }, r.scopes[0])
			return err
		}, ""},
		"a map": {"a", func(ctx context.Context, r *ring, _ int) error {
			f := func(ctx context.Context, _ int) (int, error) { return 1, r.calls[0].Wait(ctx) }
			for range async.Map(ctx, slices.Values([]int{1, 2}), f, r.scopes[0], async.AtOnce(2), async.Name("in")) {
			}
			return nil
		}, "a in in"},
		"a shared run": {"a b", func(ctx context.Context, r *ring, _ int) error {
			_, err, _ := r.group.Do(ctx, "key", func(ctx context.Context) (int, error) { return 1, r.calls[0].Wait(ctx) })
			return err
		}, "a run"},
		"a handle of a shared run": {"a b", func(ctx context.Context, r *ring, _ int) error {
			_, err := r.group.Join(ctx, "key", func(ctx context.Context) (int, error) { return 1, r.calls[0].Wait(ctx) }).Await(ctx)
			return err
		}, "a run"},
		"canceled": {"a b", func(ctx context.Context, r *ring, i int) error {
			err := r.calls[1-i].Wait(ctx)
			if i == 0 {
				_ = err
				<-r.out.Done() // goes on without
			}
			return err
		}, "a b"},
	} {
		for _, scopes := range []int{1, 2} {
			t.Run(fmt.Sprintf("%s/%d", name, scopes), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := new(ring)
					for range scopes {
						r.scopes = append(r.scopes, async.NewScope(tracked("same name")))
					}
					r.begin(c.names, func(ctx context.Context, i int) error { return c.wait(ctx, r, i) })
					synctest.Wait()
					wantEq(t, "deadlocks", cyclesText(r.scopes[0].WaitGraph()), c.want)
					if name == "canceled" {
						_ = r.calls[0].Cancel(nil)
						synctest.Wait()
						wantEq(t, "then", cyclesText(r.scopes[0].WaitGraph()), "")
					}
					r.close()
					synctest.Wait()
					for _, s := range r.scopes {
						wantEq(t, "in the end", len(s.WaitGraph().Calls), 0)
					}
				})
			})
		}
	}
}

// A graph tells apart scopes that share a name, and follows waits into others (V2).
func TestV2_WaitGraph(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := ring{scopes: []*async.Scope{async.NewScope(tracked("s")), async.NewScope(tracked("s"))}}
		r.begin("a b c d", func(ctx context.Context, i int) error { return r.calls[[]int{1, 0, 3, 0}[i]].Wait(ctx) })
		synctest.Wait()
		g := r.scopes[0].WaitGraph()
		var names []string
		for _, c := range g.Calls {
			names = append(names, fmt.Sprintf("%s #%d", c.Name, c.ID))
		}
		wantEq(t, "calls", strings.Join(names, ", "), "a #1, c #2, b #1, d #2")
		var edges []string
		for _, w := range g.Waits {
			edges = append(edges, fmt.Sprintf("%d→%d", w.FromCall, w.ToCall))
			from, to := g.Calls[w.FromCall], g.Calls[w.ToCall]
			if from.ID != w.From || to.ID != w.To || w.FromScope != "s" || w.ToScope != "s" || w.Kind != "call" || w.Name != to.Name {
				t.Errorf("from %v to %v: %+v", from, to, w)
			}
			wantEq(t, "WaitsFor", from.WaitsFor[0].Line, w.Line)
		}
		wantEq(t, "waits", strings.Join(edges, ", "), "0→2, 1→3, 2→0, 3→0")
		wantEq(t, "deadlocks", cyclesText(g), "a b")
		var b bytes.Buffer
		wantEq(t, "Dump", r.scopes[0].Dump(&b), nil)
		wantContains(t, b.String(), "open\n  deadlock of 2:\n    a #1 waits for b #1 of scope s, 0s, ")
		wantContains(t, b.String(), "    b #1 of scope s waits for a #1, 0s, ")
		r.close()
	})
	wantEq(t, "deadlocks of no graph", len(async.Graph{}.Cycles()), 0)
}

// A parent in another scope that has no name is not taken for one in the same scope.
func TestV1_ParentInAnUnnamedScope(t *testing.T) {
	one, two := async.NewScope(async.ScopeOptions{}), async.NewScope(async.ScopeOptions{})
	in := func(s *async.Scope) (parent string) {
		c := async.Go(bg, func(ctx context.Context) (string, error) {
			c := async.Go(ctx, value(1, nil), s)
			return c.Info().ParentScope, c.Wait(ctx)
		}, one)
		parent, _ = c.Await(bg)
		return parent
	}
	wantEq(t, "in the same scope", in(one), "")
	wantEq(t, "in another", in(two), "(unnamed)")
}

// A deadlock that is reported is one, and one that lasts is reported: functions that wait
// for each other at random, by turns in ways that end and in ways that do not, while others
// look all the time (V2).
func TestV2_CyclesRace(t *testing.T) {
	rounds := 3000
	if testing.Short() {
		rounds = 300
	}
	for range rounds {
		a, b := async.NewScope(tracked("a")), async.NewScope(async.ScopeOptions{Name: "b", Track: true, Limit: 1})
		scopes := []*async.Scope{a, b}
		out, end := context.WithCancel(bg)
		n := 2 + rand.IntN(4)
		next := rand.Perm(n)
		ends := rand.IntN(n + 1) // the call that does not wait in the end; n: none
		calls := make(async.Calls[int], n)
		var begun async.Event
		var noise async.Event
		for i := range calls {
			calls[i] = async.Go(out, func(ctx context.Context) (int, error) {
				_ = begun.Wait(bg)
				for range rand.IntN(4) { // waits that end
					short, cancel := context.WithTimeout(ctx, time.Duration(rand.IntN(20))*time.Microsecond)
					_, _ = async.WaitAny(short, calls[next[i]], &noise)
					cancel()
				}
				if i == ends {
					return i, nil
				}
				return i, calls[next[i]].Wait(ctx)
			}, scopes[i%2])
		}
		stuck := stuckIn(next, ends)
		var looks sync.WaitGroup
		var over atomic.Bool
		for _, s := range scopes {
			looks.Go(func() {
				for !over.Load() {
					for _, d := range s.WaitGraph().Cycles() {
						if len(stuck) == 0 {
							t.Errorf("a deadlock of %d where there is none: %v, %d ends", len(d), next, ends)
						}
					}
					runtime.Gosched()
				}
			})
		}
		begun.Set()
		for i := range calls {
			if !stuck[i] {
				_ = calls[i].Wait(bg)
			}
		}
		eventually(t, func() bool {
			found := 0
			for _, d := range a.WaitGraph().Cycles() {
				found += len(d)
			}
			if len(stuck) > 0 && found == 0 {
				for _, d := range b.WaitGraph().Cycles() {
					found += len(d)
				}
			}
			return (found > 0) == (len(stuck) > 0)
		})
		over.Store(true)
		looks.Wait()
		end()
		calls.Settle(bg)
		calls.Release()
		if t.Failed() {
			return
		}
	}
}

// stuckIn returns the calls that never end where call i waits for next[i], and one for
// nothing.
func stuckIn(next []int, ends int) map[int]bool {
	stuck := make(map[int]bool)
	for i := range next {
		at := i
		for range len(next) + 1 {
			if at == ends {
				break
			}
			at = next[at]
		}
		if at != ends {
			stuck[i] = true
		}
	}
	return stuck
}

// A look at very many calls needs memory for what it returns, and little more; and other
// calls go on meanwhile (V2).
func TestV2_ManyCalls(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	const n = 100_000
	s := async.NewScope(async.ScopeOptions{Track: true, Limit: 2})
	var gate async.Event
	ctx, cancel := context.WithCancel(bg)
	calls := make(async.Calls[int], n)
	for i := range calls {
		calls[i] = async.Go(ctx, func(context.Context) (int, error) { return i, gate.Wait(bg) }, s)
	}
	before := heap()
	g := s.WaitGraph()
	kept := heap() - before
	var m, m2 runtime.MemStats
	runtime.ReadMemStats(&m)
	g2 := s.WaitGraph()
	runtime.ReadMemStats(&m2)
	t.Logf("%d calls, %d waits, %d MB kept, %d MB allocated", len(g.Calls), len(g.Waits), kept>>20, (m2.TotalAlloc-m.TotalAlloc)>>20)
	wantEq(t, "calls", len(g2.Calls), n)
	if per := kept / n; per > 700 {
		t.Errorf("%d bytes for each call", per)
	}
	runtime.KeepAlive(g)
	gate.Set()
	cancel()
	calls.Settle(bg)
	calls.Release()
}

// The functions of a scope with Labels run with labels for profiles, and as tasks of a
// trace; so does what they call, and other labels stay (V4).
func TestV4_Labels(t *testing.T) {
	profile := func() string {
		var b bytes.Buffer
		_ = pprof.Lookup("goroutine").WriteTo(&b, 1)
		return b.String()
	}
	s := async.NewScope(async.ScopeOptions{Name: "s", Labels: true, Limit: 1})
	plain := async.NewScope(async.ScopeOptions{Name: "s"})
	f := func(context.Context) (string, error) { return profile(), nil }
	call := func(ctx context.Context, f func(context.Context) (string, error), o ...async.Option) string {
		v, _ := async.Go(ctx, f, o...).Await(bg)
		return v
	}
	const both = `"async.call":"c", "async.scope":"s"`
	wantContains(t, call(bg, f, s, async.Name("c")), "# labels: {"+both+"}\n")
	wantEq(t, "without", strings.Contains(call(bg, f, plain, async.Name("c")), "async.scope"), false)
	wantEq(t, "afterwards", strings.Contains(profile(), "async.scope"), false)
	pprof.Do(bg, pprof.Labels("own", "1"), func(ctx context.Context) {
		wantContains(t, call(ctx, f, s, async.Name("c")), "# labels: {"+both+`, "own":"1"}`+"\n")
	})
	within := func(ctx context.Context) (got string, _ error) {
		pprof.Do(ctx, pprof.Labels("own", "2"), func(ctx context.Context) { got = profile() })
		return got + "after\n" + profile(), nil
	}
	got := call(bg, within, s, async.Name("c"))
	before, after, _ := strings.Cut(got, "after\n")
	wantContains(t, before, "# labels: {"+both+`, "own":"2"}`+"\n")
	wantContains(t, after, "# labels: {"+both+"}\n")
	below := func(ctx context.Context) (string, error) {
		c := async.Go(ctx, f, s, async.Name("d"))
		return c.Await(ctx)
	}
	wantContains(t, call(bg, below, s, async.Name("c")), `# labels: {"async.call":"d", "async.scope":"s"}`+"\n")
}

// The contexts of functions with labels are contexts like others: they end, and what hangs
// below needs no goroutine (R12).
func TestV4_LabelsAndContexts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := async.NewScope(async.ScopeOptions{Name: "s", Labels: true, Track: true})
		type key struct{}
		c := async.Go(context.WithValue(bg, key{}, 1), func(ctx context.Context) (int, error) {
			wantEq(t, "its value", ctx.Value(key{}), 1)
			before := goroutines()
			below, cancel := context.WithCancel(ctx)
			defer cancel()
			wantEq(t, "goroutines", goroutines(), before)
			wantEq(t, "its end", async.WaitAll(below, below) == nil, true)
			return 0, context.Cause(below)
		}, s)
		synctest.Wait()
		_ = c.CancelWait(bg, errBoom)
		_, err := c.Await(bg)
		wantIs(t, err, errBoom)
	})
}

// While a trace is on, a function is a task and a region.
func TestV4_Trace(t *testing.T) {
	if trace.IsEnabled() {
		t.Skip("a trace is on")
	}
	var b bytes.Buffer
	if err := trace.Start(&b); err != nil {
		t.Fatal(err)
	}
	s := async.NewScope(async.ScopeOptions{Name: "a scope", Labels: true})
	_, _ = async.Go(bg, value(1, nil), s, async.Name("a call")).Await(bg)
	_ = s.Shutdown(bg)
	trace.Stop()
	wantContains(t, b.String(), "a scope: a call")
}
