package async_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed4712c49f/async"
)

// What a scope tells of its calls, to those who ask and to its observer (V1, V3).

// A call's scope, its times and its slot.
func TestV1_CallInfo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := async.NewScope(async.ScopeOptions{Name: "s", Limit: 1})
		start := time.Now()
		ctx, cancel := context.WithTimeout(bg, 10*time.Hour)
		defer cancel()
		var e async.Event
		first := async.Go(ctx, func(ctx context.Context) (int, error) {
			time.Sleep(time.Minute)
			err := e.Wait(ctx) // lends the slot
			time.Sleep(time.Minute)
			return 1, err
		}, s, async.Name("first"))
		second := async.Go(bg, func(context.Context) (int, error) { time.Sleep(time.Hour); return 2, nil }, s)
		look := func(what string, c *async.Call[int], want async.CallInfo) {
			t.Helper()
			synctest.Wait()
			got := c.Info()
			want.ID, want.Name, want.Scope, want.Handles, want.Began = got.ID, got.Name, "s", 1, start
			wantEq(t, what, got, want)
		}
		deadline := start.Add(10 * time.Hour)
		look("running", first, async.CallInfo{State: async.StateRunning, Started: start, Deadline: deadline})
		look("queued", second, async.CallInfo{State: async.StateQueued})
		time.Sleep(time.Minute)
		look("has lent its slot", first, async.CallInfo{State: async.StateRunning, Started: start, Deadline: deadline, Lent: true})
		started := start.Add(time.Minute)
		look("has the slot", second, async.CallInfo{State: async.StateRunning, Started: started})
		e.Set()
		look("waits for its slot", first, async.CallInfo{State: async.StateRunning, Started: start, Deadline: deadline, Lent: true})
		time.Sleep(time.Hour)
		look("complete", second, async.CallInfo{State: async.StateCompleted, Started: started})
		look("has its slot again", first, async.CallInfo{State: async.StateRunning, Started: start, Deadline: deadline})
		_, c := async.NewPromise[int](bg, s)
		synctest.Wait()
		wantEq(t, "a promise has not started", c.Info().Started.IsZero() && !c.Info().Lent, true)
		_ = c.Cancel(nil)
		hold := occupyLater(s, first)
		queued := async.Go(bg, value(1, nil), s)
		_ = queued.Cancel(nil)
		wantEq(t, "canceled before it has started", queued.Info().Started, time.Time{})
		hold()
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
	})
}

// occupyLater is occupy for when a call is complete.
func occupyLater(s *async.Scope, c *async.Call[int]) (giveBack func()) {
	_ = c.Wait(bg)
	synctest.Wait()
	return occupy(s)
}

// The parent of a call is the nearest call of a scope whose context the call was begun
// with.
func TestV1_Parent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, other := async.NewScope(async.ScopeOptions{Name: "s"}), async.NewScope(async.ScopeOptions{Name: "other"})
		begin := func(ctx context.Context, opts ...async.Option) (async.CallInfo, context.Context) {
			ctxs := make(chan context.Context, 1)
			c := async.Go(ctx, func(ctx context.Context) (int, error) { ctxs <- ctx; return block(ctx) }, opts...)
			return c.Info(), <-ctxs
		}
		ctx, cancel := context.WithCancel(bg)
		async.Go(bg, value(1, nil), s)
		root, below := begin(ctx, s)
		wantEq(t, "of the first", root.Parent, uint64(0))
		child, childCtx := begin(context.WithValue(below, key{}, 1), s)
		wantEq(t, "of one begun in it", child.Parent, root.ID)
		wantEq(t, "in the same scope", child.ParentScope, "")
		stranger, _ := begin(childCtx, other)
		wantEq(t, "of one in another scope", stranger.Parent, child.ID)
		wantEq(t, "the scope of that", stranger.ParentScope, "s")
		_, free := begin(childCtx)
		grandchild, _ := begin(free, s)
		wantEq(t, "by way of a call without a scope", grandchild.Parent, child.ID)
		p, _ := async.NewPromise[int](ctx, s)
		ofPromise, _ := begin(p.Context(), s)
		wantEq(t, "of one begun with the context of a promise", ofPromise.Parent, ofPromise.ID-1)
		cancel()
		wantEq(t, "Shutdown", errors.Join(s.Shutdown(bg), other.Shutdown(bg)), nil)
	})
}

// The context that the observer makes is the function's, and that of all below.
func TestV3_Context(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type span struct{}
		s := async.NewScope(async.ScopeOptions{Limit: 1, Observer: async.Observer{
			Context: func(ctx context.Context, c async.CallInfo) context.Context {
				outer, _ := ctx.Value(span{}).(string)
				return context.WithValue(ctx, span{}, outer+"/"+c.Name)
			},
		}})
		c := async.Go(bg, func(ctx context.Context) (string, error) {
			below := async.Go(ctx, func(ctx context.Context) (string, error) {
				return ctx.Value(span{}).(string), nil
			}, s, async.Name("inner"))
			return below.Await(ctx) // lends the slot, or it would wait for ever
		}, s, async.Name("outer"))
		v, err := c.Await(bg)
		wantEq(t, "the path", v, "/outer/inner")
		wantEq(t, "error", err, nil)
		canceled := async.Go(bg, block, s)
		synctest.Wait()
		_ = canceled.CancelWait(bg, errBoom)
		_, err = canceled.Finish()
		wantEq(t, "it ends with the call", err, errBoom)
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)

		for what, of := range map[string]func(context.Context, async.CallInfo) context.Context{
			"nil context": func(context.Context, async.CallInfo) context.Context { return nil },
			"boom":        func(context.Context, async.CallInfo) context.Context { panic("boom") },
		} {
			s := async.NewScope(async.ScopeOptions{Limit: 1, Panic: async.PanicReturn, Observer: async.Observer{Context: of}})
			_, err := async.Go(bg, value(1, nil), s).Await(bg)
			e, ok := err.(*async.PanicError)
			wantEq(t, what, ok && strings.Contains(e.Error(), what), true)
			wantEq(t, "Shutdown", s.Shutdown(bg), nil)
		}
	})
}

// Returned is told once of each function that returned after its call was canceled or
// abandoned, when it has, and of no other.
func TestV3_Returned(t *testing.T) {
	for what, test := range map[string]struct {
		want string
		do   func(s *async.Scope)
	}{
		"returned": {"Begun Started Completed", func(s *async.Scope) { _, _ = async.Go(bg, value(1, nil), s).Await(bg) }},
		"canceled": {"Begun Started Completed Returned", func(s *async.Scope) {
			c := async.Go(bg, func(context.Context) (int, error) { time.Sleep(time.Hour); return 1, nil }, s)
			synctest.Wait()
			_ = c.Cancel(nil)
		}},
		"canceled, then Goexit": {"Begun Started Completed Returned", func(s *async.Scope) {
			c := async.Go(bg, func(context.Context) (int, error) { time.Sleep(time.Hour); runtime.Goexit(); return 1, nil }, s)
			synctest.Wait()
			_ = c.Cancel(nil)
		}},
		"abandoned": {"Begun Started Abandoned Completed Returned", func(s *async.Scope) {
			c := async.Go(bg, func(context.Context) (int, error) { time.Sleep(time.Hour); return 1, nil }, s)
			synctest.Wait()
			c.Release()
		}},
		"abandoned and canceled": {"Begun Started Abandoned Completed Returned", func(s *async.Scope) {
			c := async.Go(bg, func(context.Context) (int, error) { time.Sleep(time.Hour); return 1, nil }, s, async.CancelOnAbandon())
			synctest.Wait()
			c.Release()
		}},
		"canceled in the queue": {"Begun Begun Started Completed Completed", func(s *async.Scope) {
			hold := make(chan struct{})
			c := async.Go(bg, func(context.Context) (int, error) { <-hold; return 1, nil }, s)
			_ = async.Go(bg, value(1, nil), s).Cancel(nil)
			close(hold)
			_, _ = c.Await(bg)
		}},
		"asked to stop": {"Begun Started Completed", func(s *async.Scope) {
			c := async.Go(bg, block, s)
			synctest.Wait()
			_ = c.CancelWait(bg, nil)
			_, _ = c.Finish()
		}},
		"an abandoned promise": {"Begun Abandoned Completed", func(s *async.Scope) {
			p, c := async.NewPromise[int](bg, s)
			c.Release()
			synctest.Wait()
			p.Break()
		}},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				var told []string
				note := func(what string) func(async.CallInfo) {
					return func(c async.CallInfo) {
						mu.Lock()
						defer mu.Unlock()
						told = append(told, what)
					}
				}
				s := async.NewScope(async.ScopeOptions{Limit: 1, Observer: async.Observer{
					Begun: note("Begun"), Started: note("Started"), Completed: note("Completed"), Abandoned: note("Abandoned"),
					Returned: note("Returned"), Refused: note("Refused"),
				}})
				test.do(s)
				wantEq(t, "Shutdown", s.Shutdown(bg), nil)
				wantEq(t, "told", inOrder(told), test.want)
			})
		})
	}
}

// inOrder puts what was told of several calls in the order of a life, which is how one
// call is told.
func inOrder(told []string) string {
	order := []string{"Begun", "Started", "Abandoned", "Completed", "Returned", "Refused"}
	if slices.Contains(told, "Returned") && told[len(told)-1] != "Returned" {
		return "Returned is not the last: " + strings.Join(told, " ")
	}
	slices.SortStableFunc(told, func(a, b string) int { return slices.Index(order, a) - slices.Index(order, b) })
	return strings.Join(told, " ")
}

// Refused is told of each call that was not accepted, with what is known of it.
func TestV3_Refused(t *testing.T) {
	var told []async.CallInfo
	s := async.NewScope(async.ScopeOptions{Name: "s", Limit: 1, Queue: async.NoQueue, Observer: async.Observer{
		Refused: func(c async.CallInfo) { told = append(told, c) },
	}})
	want := func(what string, c async.CallInfo) {
		t.Helper()
		c.Scope = "s"
		if len(told) != 1 || told[0] != c {
			t.Errorf("%s: told %+v, want %+v", what, told, c)
		}
		told = nil
	}
	hold := occupy(s)
	deadline := time.Now().Add(time.Hour)
	ctx, cancel := context.WithDeadline(bg, deadline)
	defer cancel()
	async.Go(ctx, value(1, nil), s, async.Name("a"))
	want("Go", async.CallInfo{Name: "a", Err: async.ErrQueueFull, Deadline: deadline})
	var c async.Call[int]
	_ = c.Begin(bg, value(1, nil), s)
	want("Begin", async.CallInfo{Err: async.ErrQueueFull})
	g := async.Group[int, int]{Options: []async.Option{s, async.Name("b")}}
	_, _, _ = g.Do(bg, 1, value(1, nil))
	want("Group", async.CallInfo{Name: "b", Err: async.ErrQueueFull})
	s.Close()
	async.NewPromise[int](bg, s, async.Name("c"))
	want("a promise", async.CallInfo{Name: "c", Err: async.ErrScopeClosed})
	_ = c.Begin(bg, value(1, nil))
	_ = c.Begin(bg, value(1, nil), s)
	if told != nil {
		t.Errorf("a busy object: told %+v", told)
	}
	_, _ = c.Await(bg)
	hold()
	wantEq(t, "Shutdown", s.Shutdown(bg), nil)
	wantEq(t, "counted", s.Stats().Refused, int64(4))
}

// Every canceled function that ran is told of once when it has returned, whatever wins.
func TestV3_ReturnedAgainstCancel(t *testing.T) {
	for range rounds(3000) {
		var canceled, returned, started, over atomic.Int64
		s := async.NewScope(async.ScopeOptions{Limit: 2, Observer: async.Observer{
			Started: func(async.CallInfo) { started.Add(1) },
			Returned: func(c async.CallInfo) {
				if c.Canceled.IsZero() {
					over.Add(1)
				}
				returned.Add(1)
			},
		}})
		ran := make([]atomic.Bool, 4)
		cs := async.GoEach(bg, []int{0, 1, 2, 3}, func(_ context.Context, i int) (int, error) {
			ran[i].Store(true)
			return i, nil
		}, s)
		together(func() {
			for _, c := range cs {
				_ = c.Cancel(nil)
			}
		}, func() { _, _ = cs.Settle(bg) })
		if err := s.Shutdown(bg); err != nil {
			t.Fatal(err)
		}
		for i, c := range cs {
			if !c.Info().Canceled.IsZero() && ran[i].Load() {
				canceled.Add(1)
			}
		}
		// A call that is canceled between Started and its function runs it all the same.
		if returned.Load() != canceled.Load() || over.Load() != 0 {
			t.Fatalf("%d canceled calls ran, told of %d, %d of them not canceled", canceled.Load(), returned.Load(), over.Load())
		}
	}
}
