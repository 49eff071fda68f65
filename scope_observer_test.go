package async_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed4712c49f/async"
)

// A record is an observer that writes down what it is told.
type record struct {
	mu    sync.Mutex
	lines []string
	infos map[string]async.CallInfo // the last of each kind
}

func (r *record) note(what string) func(async.CallInfo) {
	return func(i async.CallInfo) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.lines = append(r.lines, what)
		r.infos[what] = i
	}
}

func newRecord() (*record, async.Observer) {
	r := &record{infos: make(map[string]async.CallInfo)}
	return r, async.Observer{
		Begun: r.note("Begun"), Started: r.note("Started"), Completed: r.note("Completed"),
		Abandoned: r.note("Abandoned"), Discarded: r.note("Discarded"),
	}
}

// A result that comes when nobody is left is discarded after the observer was told
// of the completion, however long that takes.
func TestC6_CompletedIsToldBeforeDiscarded(t *testing.T) {
	for name, complete := range map[string]func(s *async.Scope){
		"a promise": func(s *async.Scope) {
			p, c := async.NewPromise[int](bg, s)
			c.Release()
			p.Complete(1, nil)
		},
		"a function": func(s *async.Scope) {
			async.Go(bg, func(context.Context) (int, error) { time.Sleep(time.Second); return 1, nil }, s).Release()
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				told := make(chan string, 2)
				s := async.NewScope(async.ScopeOptions{Observer: async.Observer{
					Completed: func(async.CallInfo) { time.Sleep(time.Second); told <- "Completed" },
					Discarded: func(async.CallInfo) { told <- "Discarded" },
				}})
				complete(s)
				wantEq(t, "first", <-told, "Completed")
				wantEq(t, "then", <-told, "Discarded")
				wantEq(t, "Shutdown", s.Shutdown(bg), nil)
			})
		})
	}
}

func TestC6_TheObserverIsToldOnce(t *testing.T) {
	name := async.Name("n")
	for what, test := range map[string]struct {
		want string
		do   func(s *async.Scope)
	}{
		"returned": {"Begun Started Completed", func(s *async.Scope) {
			_, _ = async.Go(bg, value(1, nil), s, name).Await(bg)
		}},
		"released after it was taken": {"Begun Started Completed", func(s *async.Scope) {
			c := async.Go(bg, value(1, nil), s, name)
			_, _ = c.Await(bg)
			c.Clone().Release()
			c.Release()
			c.Release()
		}},
		"Begin": {"Begun Started Completed", func(s *async.Scope) {
			var c async.Call[int]
			_ = c.Begin(bg, value(1, nil), s, name)
			_ = c.Begin(bg, value(1, nil), s, name)
			_ = c.Wait(bg)
			_, _ = c.Finish()
		}},
		"canceled in the queue": {"Begun Completed", func(s *async.Scope) {
			_ = async.Go(bg, value(1, nil), s, name).Cancel(nil)
		}},
		"its context over before": {"Begun Completed", func(s *async.Scope) { async.Go(expired, value(1, nil), s, name) }},
		"its context over in the queue": {"Begun Completed", func(s *async.Scope) {
			ctx, cancel := context.WithCancel(bg)
			c := async.Go(ctx, value(1, nil), s, name)
			cancel()
			_ = c.Wait(bg)
		}},
		"a promise":        {"Begun Completed", func(s *async.Scope) { p, _ := async.NewPromise[int](bg, s, name); p.Complete(1, nil); p.Break() }},
		"a broken promise": {"Begun Completed", func(s *async.Scope) { p, _ := async.NewPromise[int](bg, s, name); p.Break() }},
		"Goexit": {"Begun Started Completed", func(s *async.Scope) {
			async.Go(bg, func(context.Context) (int, error) { runtime.Goexit(); return 1, nil }, s, name)
		}},
		"panic": {"Begun Started Completed", func(s *async.Scope) { async.Go(bg, panicWith(1), s, name) }},
		"released unread": {"Begun Started Completed Abandoned Discarded", func(s *async.Scope) {
			c := async.Go(bg, value(1, errBoom), s, name)
			_ = c.Wait(bg)
			synctest.Wait() // a call is complete before Completed is told of it
			c.Release()
		}},
		"released before it returned": {"Begun Started Abandoned Completed Discarded", func(s *async.Scope) {
			c := async.Go(bg, func(context.Context) (int, error) { time.Sleep(time.Hour); return 1, errBoom }, s, name)
			time.Sleep(time.Second)
			c.Release()
		}},
		"released before, a promise": {"Begun Abandoned Completed Discarded", func(s *async.Scope) {
			p, c := async.NewPromise[int](bg, s, name)
			c.Release()
			synctest.Wait()
			p.Complete(1, errBoom)
		}},
		"abandoned and canceled": {"Begun Started Abandoned Completed Discarded", func(s *async.Scope) {
			c := async.Go(bg, func(ctx context.Context) (int, error) { <-ctx.Done(); time.Sleep(time.Nanosecond); return 1, errBoom }, s, name, async.CancelOnAbandon())
			time.Sleep(time.Second)
			c.Release()
		}},
		"abandoned and canceled, a promise": {"Begun Abandoned Completed", func(s *async.Scope) {
			_, c := async.NewPromise[int](bg, s, name, async.CancelOnAbandon())
			d := c.Signal()
			c.Release()
			d.Release()
		}},
		"abandoned by a wait that is given up": {"Begun Abandoned Completed", func(s *async.Scope) {
			_, c := async.NewPromise[int](bg, s, name, async.CancelOnAbandon())
			go func() { _ = c.WaitFor(time.Second) }()
			synctest.Wait()
			c.Release()
		}},
		"canceled while it ran": {"Begun Started Completed Discarded", func(s *async.Scope) {
			c := async.Go(bg, func(ctx context.Context) (int, error) { <-ctx.Done(); time.Sleep(time.Nanosecond); return 1, errBoom }, s, name)
			time.Sleep(time.Second)
			_ = c.Cancel(nil)
			_ = c.Cancel(nil)
		}},
		"a late panic": {"Begun Started Completed Discarded", func(s *async.Scope) {
			c := async.Go(bg, func(ctx context.Context) (int, error) { <-ctx.Done(); time.Sleep(time.Nanosecond); panic(errBoom) }, s, name)
			time.Sleep(time.Second)
			_ = c.Cancel(nil)
		}},
		"refused": {"", func(s *async.Scope) {
			s.Close()
			async.Go(bg, value(1, nil), s, name).Release()
			p, _ := async.NewPromise[int](bg, s)
			p.Break()
		}},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, o := newRecord()
				s := async.NewScope(async.ScopeOptions{Limit: 1, Panic: async.PanicReturn, Observer: o})
				start := time.Now()
				if strings.Contains(what, "queue") {
					hold, c := async.NewPromise[int](bg)
					async.Go(bg, func(ctx context.Context) (int, error) { <-c.Done(); return 1, nil }, s)
					synctest.Wait()
					r.lines = nil
					defer func() { hold.Break(); _ = s.Shutdown(bg) }()
				}
				test.do(s)
				time.Sleep(100 * time.Hour)
				r.mu.Lock()
				defer r.mu.Unlock()
				wantEq(t, "told", strings.Join(r.lines, " "), test.want)
				for what, i := range r.infos {
					if i.ID == 0 || i.Began.Before(start) || i.Began.After(start.Add(time.Hour)) || i.Name != "n" && !strings.Contains(t.Name(), "queue") {
						t.Errorf("%s: %+v", what, i)
					}
				}
				for what := range strings.FieldsSeq(test.want) {
					i, want := r.infos[what], async.StateCompleted
					switch {
					case what == "Begun":
						continue
					case what == "Started", what == "Abandoned" && strings.Contains(test.want, "Abandoned Completed"):
						want = async.StateRunning
					case what == "Discarded":
						wantIs(t, i.Err, errBoom)
					}
					if i.State != want && !(what == "Abandoned" && i.State == async.StateCompleted) {
						t.Errorf("%s: state %v, want %v", what, i.State, want)
					}
					if want == async.StateCompleted && strings.Contains(what, "cancel") {
						wantIs(t, i.Err, async.ErrCanceled)
						wantEq(t, what+": Canceled is set", i.Canceled.IsZero(), false)
					}
				}
			})
		})
	}
}

// The observer is told by whom it happened to: of a Begin by its goroutine, of a
// start by the function's, and of what a Release brings about by neither.
func TestC6_WhoTellsTheObserver(t *testing.T) {
	who := func() string { id, _, _ := strings.Cut(stackTrace(), " ["); return id }
	var begun, started, completed, abandoned, discarded, function string
	s := async.NewScope(async.ScopeOptions{Observer: async.Observer{
		Begun:     func(async.CallInfo) { begun = who() },
		Started:   func(async.CallInfo) { started = who() },
		Completed: func(async.CallInfo) { completed = who() },
		Abandoned: func(async.CallInfo) { abandoned = who() },
		Discarded: func(async.CallInfo) { discarded = who() },
	}})
	c := async.Go(bg, func(context.Context) (int, error) { function = who(); return 1, nil }, s)
	_ = c.Wait(bg)
	eventually(t, func() bool { return s.Stats().Running == 0 })
	c.Release()
	wantEq(t, "Shutdown", s.Shutdown(bg), nil)
	wantEq(t, "Begun by Begin's", begun, who())
	wantEq(t, "Started by the function's", started, function)
	wantEq(t, "Completed by the function's", completed, function)
	wantEq(t, "Abandoned on the Release's", abandoned == who(), false)
	wantEq(t, "Discarded on the Release's", discarded == who(), false)
}

// What the observer is told comes in order for each call, and once, whatever
// happens at the same time.
func TestC6_TheOrderOfWhatIsTold(t *testing.T) {
	const begun, started, completed, abandoned = 1, 2, 4, 8
	var seen sync.Map
	tell := func(bit int32, not int32, before int32) func(async.CallInfo) {
		return func(i async.CallInfo) {
			v, _ := seen.LoadOrStore(i.ID, new(atomic.Int32))
			was := v.(*atomic.Int32).Or(bit)
			if was&bit != 0 || was&not != 0 || was&before != before {
				t.Errorf("call %d: %d after %04b", i.ID, bit, was)
			}
		}
	}
	s := async.NewScope(async.ScopeOptions{Limit: 3, Panic: async.PanicReturn, Observer: async.Observer{
		Begun: tell(begun, started|completed, 0), Started: tell(started, 0, begun),
		Completed: tell(completed, 0, begun), Abandoned: tell(abandoned, 0, 0),
	}})
	client := func() {
		for i := range rounds(5000) {
			ctx, cancel := context.WithCancel(bg)
			c := async.Go(ctx, value(1, nil), s, async.CancelOnAbandon())
			switch i % 4 {
			case 0:
				_ = c.Cancel(nil)
			case 1:
				cancel()
			case 2:
				_, _ = c.Await(bg)
			}
			c.Release()
			cancel()
		}
	}
	together(client, client, client)
	wantEq(t, "Shutdown", s.Shutdown(bg), nil)
	n := 0
	seen.Range(func(_, v any) bool {
		if bits := v.(*atomic.Int32).Load(); bits&(begun|completed) != begun|completed {
			t.Errorf("told %04b", bits)
		}
		n++
		return true
	})
	wantEq(t, "calls", n, int(s.Stats().Begun))
}

// A function that has its name has it from the first, on a new object as well.
func TestC6_StartedKnowsTheCall(t *testing.T) {
	s := async.NewScope(async.ScopeOptions{Observer: async.Observer{Started: func(i async.CallInfo) {
		if i.Name != "n" || i.Handles != 1 || i.ID == 0 || i.State != async.StateRunning {
			t.Errorf("%+v", i)
		}
	}}})
	for range rounds(20_000) {
		var c async.Call[int]
		_ = c.Begin(bg, value(1, nil), s, async.Name("n"))
		_ = c.Wait(bg)
	}
	wantEq(t, "Shutdown", s.Shutdown(bg), nil)
}

// The observer's functions may do anything with the scope and the call: they are
// called without any lock.
func TestC6_TheObserverMayDoAnything(t *testing.T) {
	var c async.Call[int]
	for what, do := range map[string]func(s *async.Scope){
		"Stats":    func(s *async.Scope) { s.Stats() },
		"Info":     func(*async.Scope) { c.Info() },
		"InFlight": func(s *async.Scope) { _ = fmt.Sprint(collect(s)) },
		"Begin":    func(s *async.Scope) { _, _ = async.NewPromise[int](expired, s) },
		"Go":       func(s *async.Scope) { async.Go(expired, value(1, nil), s) },
		"Cancel":   func(*async.Scope) { _ = c.Cancel(nil) },
		"Clone":    func(*async.Scope) { recovered(func() { c.Clone().Signal().Release() }) },
		"Finish":   func(*async.Scope) { _, _ = c.Finish() },
		"Close":    func(s *async.Scope) { s.Close() },
		"Shutdown": func(s *async.Scope) { _ = s.Shutdown(expired) },
		"Unreleased": func(s *async.Scope) {
			for range s.Unreleased() {
				break
			}
		},
		"Release": func(*async.Scope) { c.Release() },
	} {
		for at := range 5 {
			synctest.Test(t, func(t *testing.T) {
				var told, depth atomic.Int64
				var s *async.Scope
				tell := func(which int) func(async.CallInfo) {
					return func(async.CallInfo) {
						told.Add(1)
						if which == at && depth.Add(1) == 1 {
							do(s)
							depth.Store(0)
						}
					}
				}
				s = async.NewScope(async.ScopeOptions{Limit: 1, Track: true, Observer: async.Observer{
					Begun: tell(0), Started: tell(1), Completed: tell(2), Abandoned: tell(3), Discarded: tell(4),
				}})
				c = async.Call[int]{}
				_ = c.Begin(bg, deaf(time.Second), s)
				time.Sleep(time.Minute)
				_ = c.Cancel(nil)
				c.Release()
				d := async.Go(bg, value(1, nil), s)
				_ = d.Wait(bg)
				d.Release()
				time.Sleep(time.Minute)
				if err := s.Shutdown(newTimeout(bg, time.Hour)); err != nil || told.Load() < 2 {
					t.Errorf("%s at %d: %v, told %d times", what, at, err, told.Load())
				}
				wantBalance(t, s)
			})
		}
	}
}

// collect returns what is in flight.
func collect(s *async.Scope) (infos []async.CallInfo) {
	for i := range s.InFlight() {
		infos = append(infos, i)
	}
	return infos
}

// An observer that is not there costs nothing.
func TestC6_NilCostsNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	cost := func(o async.Observer) float64 {
		s := async.NewScope(async.ScopeOptions{Observer: o})
		fn := value(1, nil)
		return testing.AllocsPerRun(500, func() {
			c := async.Go(bg, fn, s)
			_, _ = c.Await(bg)
			c.Release()
		})
	}
	without := cost(async.Observer{})
	wantEq(t, "allocations with functions that are not called", cost(async.Observer{
		Abandoned: func(async.CallInfo) {}, Discarded: func(async.CallInfo) {},
	}), without)
	if without > 2 {
		t.Errorf("%v allocations in an unlimited scope, 2 allowed", without)
	}
}

// However a call completes, the observer hears of it before the OnSignal functions
// do, and of an abandonment before of what that leads to.
func TestC6_TheObserverBeforeOnSignal(t *testing.T) {
	for name, end := range map[string]func(opts ...async.Option){
		"a function": func(opts ...async.Option) { async.Go(bg, value(1, nil), opts...) },
		"a promise":  func(opts ...async.Option) { p, _ := async.NewPromise[int](bg, opts...); p.Complete(1, nil) },
		"Cancel":     func(opts ...async.Option) { _, c := async.NewPromise[int](bg, opts...); _ = c.Cancel(nil) },
		"Release":    func(opts ...async.Option) { _, c := async.NewPromise[int](bg, opts...); c.Release() },
	} {
		r, o := newRecord()
		o.Begun, o.Started = nil, nil
		s := async.NewScope(async.ScopeOptions{Observer: o})
		end(s, async.CancelOnAbandon(), async.OnSignal(func() { r.note("one")(async.CallInfo{}) }), async.OnSignal(func() { r.note("two")(async.CallInfo{}) }))
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
		want := "Completed one two"
		if name == "Release" {
			want = "Abandoned Completed one two"
		}
		wantEq(t, name, strings.Join(r.lines, " "), want)
	}
}
