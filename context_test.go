package async_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed4712c49f/async"
)

type key struct{}

// A countingCtx has an AfterFunc method and counts what is registered by it. Its
// channel is its own, or package context would find the one underneath.
type countingCtx struct {
	context.Context
	done        <-chan struct{}
	live, total *atomic.Int64
}

func counting(ctx context.Context) countingCtx {
	child, cancel := context.WithCancel(ctx)
	context.AfterFunc(ctx, cancel)
	return countingCtx{ctx, child.Done(), new(atomic.Int64), new(atomic.Int64)}
}

func (c countingCtx) Done() <-chan struct{} { return c.done }

func (c countingCtx) AfterFunc(f func()) func() bool {
	c.live.Add(1)
	c.total.Add(1)
	stop := context.AfterFunc(c.Context, func() { c.live.Add(-1); f() })
	return func() bool {
		stopped := stop()
		if stopped {
			c.live.Add(-1)
		}
		return stopped
	}
}

// A foreignCtx is of a kind that package context knows nothing of.
type foreignCtx struct {
	done chan struct{}
	err  atomic.Pointer[error]
}

func newForeignCtx() *foreignCtx { return &foreignCtx{done: make(chan struct{})} }

func (*foreignCtx) Deadline() (time.Time, bool) { return time.Unix(1<<40, 0), true }
func (c *foreignCtx) Done() <-chan struct{}     { return c.done }
func (c *foreignCtx) Value(any) any             { return "foreign" }
func (c *foreignCtx) Err() error {
	if err := c.err.Load(); err != nil {
		return *err
	}
	return nil
}
func (c *foreignCtx) end(err error) { c.err.Store(&err); close(c.done) }

// functionCtx begins a call whose function never returns by itself and gives its
// context.
func functionCtx(ctx context.Context, t *testing.T, opts ...async.Option) (context.Context, *async.Call[int]) {
	t.Helper()
	got := make(chan context.Context, 1)
	stop := make(chan struct{})
	t.Cleanup(func() { close(stop) })
	c := async.Go(ctx, func(ctx context.Context) (int, error) { got <- ctx; <-stop; return 0, nil }, opts...)
	return <-got, c
}

// given are the two ways to a call's context: a function's and a promise's.
func given(t *testing.T, test func(t *testing.T, begin func(context.Context, ...async.Option) (context.Context, *async.Call[int]))) {
	t.Run("function", func(t *testing.T) {
		test(t, func(ctx context.Context, opts ...async.Option) (context.Context, *async.Call[int]) {
			return functionCtx(ctx, t, opts...)
		})
	})
	t.Run("promise", func(t *testing.T) {
		test(t, func(ctx context.Context, opts ...async.Option) (context.Context, *async.Call[int]) {
			p, c := async.NewPromise[int](ctx, opts...)
			return p.Context(), c
		})
	})
}

func TestR12_CarriesValuesAndDeadline(t *testing.T) {
	given(t, func(t *testing.T, begin func(context.Context, ...async.Option) (context.Context, *async.Call[int])) {
		parent, cancel := context.WithTimeout(context.WithValue(bg, key{}, "v"), time.Hour)
		defer cancel()
		ctx, c := begin(parent)
		want, _ := parent.Deadline()
		got, ok := ctx.Deadline()
		wantEq(t, "deadline", got, want)
		wantEq(t, "has one", ok, true)
		wantEq(t, "value", ctx.Value(key{}), any("v"))
		wantEq(t, "no value", ctx.Value("k"), nil)
		_ = c.Cancel(errBoom)
		wantEq(t, "value after cancel", ctx.Value(key{}), any("v"))
		wantContains(t, fmt.Sprint(ctx), "WithCall")
	})
}

func TestR12_EndsWithBeginsContext(t *testing.T) {
	parents := map[string]func() (context.Context, func()){
		"WithCancelCause": func() (context.Context, func()) {
			ctx, cancel := context.WithCancelCause(bg)
			return ctx, func() { cancel(errBoom) }
		},
		"a value on it": func() (context.Context, func()) {
			ctx, cancel := context.WithCancelCause(bg)
			return context.WithValue(ctx, key{}, 1), func() { cancel(errBoom) }
		},
		"WithDeadlineCause": func() (context.Context, func()) {
			ctx, cancel := context.WithTimeoutCause(bg, time.Minute, errBoom)
			return ctx, func() { time.Sleep(time.Minute + 1); cancel() }
		},
		"AfterFunc method": func() (context.Context, func()) {
			ctx, cancel := context.WithCancelCause(bg)
			return counting(ctx), func() { cancel(errBoom) }
		},
		"foreign": func() (context.Context, func()) {
			ctx := newForeignCtx()
			return ctx, func() { ctx.end(errBoom) }
		},
	}
	for name, parent := range parents {
		for _, looked := range []string{"before", "after", "by a child"} {
			t.Run(name+"/looked at "+looked, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					parent, end := parent()
					ctx, _ := functionCtx(parent, t)
					var done <-chan struct{}
					child := ctx
					switch looked {
					case "before":
						done = ctx.Done()
						wantEq(t, "Err before", ctx.Err(), nil)
						wantEq(t, "Done before", isClosed(done), false)
					case "by a child":
						var cancel func()
						child, cancel = context.WithTimeout(ctx, time.Hour)
						defer cancel()
					}
					end()
					if name == "AfterFunc method" || name == "foreign" {
						synctest.Wait() // package context learns of the end on another goroutine
					}
					wantEq(t, "Err", ctx.Err(), parent.Err())
					wantEq(t, "Done", isClosed(ctx.Done()), true)
					if done != nil {
						wantEq(t, "the same channel", ctx.Done(), done)
					}
					wantEq(t, "cause", context.Cause(ctx), errBoom)
					synctest.Wait()
					wantEq(t, "Err of the child", child.Err(), parent.Err())
					wantEq(t, "its cause", context.Cause(child), errBoom)
				})
			})
		}
	}
}

func TestR12_EndsWhenTheCallIsCanceled(t *testing.T) {
	given(t, func(t *testing.T, begin func(context.Context, ...async.Option) (context.Context, *async.Call[int])) {
		for _, cause := range []error{errBoom, nil} {
			parent, cancel := context.WithCancelCause(bg)
			ctx, c := begin(parent)
			child, stop := context.WithCancel(ctx)
			done := ctx.Done()
			_ = c.Cancel(cause)
			cancel(errors.New("later")) // changes nothing
			want := cause
			if want == nil {
				want = context.Canceled
			}
			wantEq(t, "Err", ctx.Err(), context.Canceled)
			wantEq(t, "Done", isClosed(done), true)
			wantEq(t, "cause", context.Cause(ctx), want)
			<-child.Done()
			wantEq(t, "cause of the child", context.Cause(child), want)
			stop()

			ctx, c = begin(bg) // first looked at afterwards
			_ = c.Cancel(cause)
			wantEq(t, "Done, looked at late", isClosed(ctx.Done()), true)
			wantEq(t, "cause, looked at late", context.Cause(ctx), want)
		}
	})
}

// Whoever sees Err finds Done closed, in a race of everything that ends a context.
func TestR12_ErrImpliesDone(t *testing.T) {
	for round := range rounds(5000) {
		parent, cancel := context.WithCancel(bg)
		p, c := async.NewPromise[int](parent)
		ctx := p.Context()
		look := func() {
			done := ctx.Done()
			for ctx.Err() == nil {
				runtime.Gosched()
			}
			if !isClosed(done) || context.Cause(ctx) == nil {
				t.Errorf("round %d: Err %v, cause %v, but Done is open", round, ctx.Err(), context.Cause(ctx))
			}
		}
		together(cancel, func() { _ = c.Cancel(errBoom) }, look, look)
	}
}

// The context of a call ends with the call, and with it all that hangs below:
// whether or not somebody has looked before.
func TestR12_CompletionEndsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		parent, cancel := context.WithCancelCause(bg)
		var below context.Context
		under := func(ctx context.Context) context.Context {
			ctx, cancel := context.WithTimeout(ctx, time.Hour)
			t.Cleanup(cancel)
			return ctx
		}
		ends := map[string]func() context.Context{
			"promise": func() context.Context {
				p, _ := async.NewPromise[int](parent)
				below = under(p.Context())
				p.Complete(1, nil)
				return p.Context()
			},
			"promise, never looked at": func() context.Context {
				p, _ := async.NewPromise[int](parent)
				p.Complete(1, nil)
				below = p.Context()
				return p.Context()
			},
			"broken promise": func() context.Context {
				p, _ := async.NewPromise[int](parent)
				below = context.WithValue(p.Context(), key{}, 1)
				p.Break()
				return p.Context()
			},
			"function": func() (ctx context.Context) {
				_, _ = async.Go(parent, func(c context.Context) (int, error) {
					ctx = c
					below = under(context.WithValue(c, key{}, 1))
					return 1, nil
				}).Await(bg)
				return ctx
			},
			"function that panics": func() (ctx context.Context) {
				c := async.Go(parent, func(c context.Context) (int, error) {
					ctx = c
					below = under(c)
					panic(errBoom)
				})
				_ = c.Wait(bg)
				wantEq(t, "a panic is raised", recovered(c.Release) != nil, true)
				return ctx
			},
		}
		for name, end := range ends {
			ctx := end()
			cancel(errBoom) // which changes nothing
			for _, ctx := range []context.Context{ctx, below} {
				wantEq(t, name+": Err", ctx.Err(), context.Canceled)
				wantEq(t, name+": Done", isClosed(ctx.Done()), true)
				wantIs(t, context.Cause(ctx), async.ErrCallComplete, context.Canceled)
			}
			parent, cancel = context.WithCancelCause(bg)
		}
		cancel(nil)
	})
}

// A timeout below the context of a complete call ends a wait: made before the
// completion, after it, and in calls begun in calls whose outer call has returned.
func TestR12_ATimeoutBelowACompleteCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		parent, cancel := context.WithTimeout(bg, time.Minute)
		defer cancel()
		var never async.Event
		wait := func(ctx context.Context) {
			t.Helper()
			if err := never.Wait(ctx); err == nil {
				t.Error("the wait ended without an error")
			}
		}
		var ctx, inner context.Context
		timeout := func(ctx context.Context) context.Context {
			ctx, cancel := context.WithTimeout(ctx, time.Hour) // later than Begin's
			t.Cleanup(cancel)
			return ctx
		}
		c := async.Go(parent, func(c context.Context) (int, error) {
			ctx = c
			inner = timeout(c)
			return 1, nil
		})
		_, _ = c.Await(bg)
		wait(inner)
		wait(timeout(ctx))
		nested := make(chan context.Context, 1)
		var first context.Context
		d := async.Go(parent, func(c context.Context) (int, error) {
			first = timeout(c)
			async.Go(c, func(c context.Context) (int, error) { nested <- c; return 1, nil })
			return 1, nil
		})
		_, _ = d.Await(bg)
		wait(timeout(<-nested))
		wait(first)
	})
}

// CancelWait asks a promise, and leaves the promise bound to Begin's context: the end
// of that completes the promise, and everybody who waits hears of it.
func TestR14_CancelWaitLeavesAPromiseBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, nested := range []bool{false, true} {
			ctx, cancel := context.WithCancelCause(bg)
			from := ctx
			if nested {
				p, c := async.NewPromise[int](ctx)
				defer c.Release()
				from = p.Context()
			}
			p, c := async.NewPromise[int](from)
			asked, waited := make(chan error, 1), make(chan error, 1)
			go func() { asked <- c.CancelWait(bg, errors.New("asked")) }()
			go func() { _, err := c.Await(bg); waited <- err }()
			synctest.Wait()
			wantEq(t, "asked", p.Context().Err() != nil, true)
			wantEq(t, "complete", c.IsDone(), false)
			cancel(errBoom)
			wantEq(t, "CancelWait", <-asked, async.ErrCanceled)
			wantIs(t, <-waited, async.ErrCanceled, errBoom)
			wantEq(t, "a late Complete", p.Complete(1, nil), false)
		}
	})
}

func TestR12_Streaming(t *testing.T) {
	ends := map[string]func(c *async.Call[int], cancel func()) (want error){
		"released": func(c *async.Call[int], _ func()) error { c.Release(); return async.ErrReleased },
		"begun again": func(c *async.Call[int], _ func()) error {
			_ = c.Begin(bg, value(2, nil))
			_ = c.Wait(bg)
			return async.ErrReleased
		},
		"parent's end": func(c *async.Call[int], cancel func()) error { cancel(); return context.Canceled },
		"cloned handles": func(c *async.Call[int], _ func()) error {
			d := c.Clone()
			c.Release()
			d.Release()
			return async.ErrReleased
		},
	}
	for name, end := range ends {
		for _, looked := range []bool{true, false} {
			t.Run(fmt.Sprint(name, "/looked at before: ", looked), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					cancellable, cancel := context.WithCancel(bg)
					defer cancel()
					parent := counting(cancellable)
					var ctx context.Context
					c := async.Go(parent, func(c context.Context) (int, error) {
						ctx = c
						if looked {
							_ = c.Done()
						}
						return 1, nil
					}, async.Streaming())
					_ = c.Wait(bg)
					v, err := c.Finish()
					wantEq(t, "value", v, 1)
					wantEq(t, "error", err, nil)
					wantEq(t, "Err after Finish", ctx.Err(), nil)
					want := end(c, cancel)
					synctest.Wait()
					wantEq(t, "Err", ctx.Err(), context.Canceled)
					wantEq(t, "Done", isClosed(ctx.Done()), true)
					wantIs(t, context.Cause(ctx), context.Canceled, want)
					wantEq(t, "left in the parent", parent.live.Load(), int64(0))
				})
			})
		}
	}
}

// The last handle went while the function was running; the end of the call ends
// the stream then, whatever the end is.
func TestR12_StreamingAnAbandonedCall(t *testing.T) {
	ends := map[string]func(context.Context) (int, error){
		"returns": value(1, nil),
		"Goexit":  func(context.Context) (int, error) { runtime.Goexit(); return 1, nil },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cancellable, cancel := context.WithCancel(bg)
				defer cancel()
				parent := counting(cancellable)
				stop := make(chan struct{})
				var ctx context.Context
				c := async.Go(parent, func(c context.Context) (int, error) {
					ctx = c
					_ = c.Done()
					<-stop
					return end(c)
				}, async.Streaming())
				synctest.Wait()
				c.Release()
				wantEq(t, "registered", parent.live.Load(), int64(1))
				close(stop)
				synctest.Wait()
				wantEq(t, "left in the parent", parent.live.Load(), int64(0))
				wantEq(t, "Err", ctx.Err(), context.Canceled)
			})
		})
	}
	parent := counting(t.Context())
	p, c := async.NewPromise[int](parent, async.Streaming())
	c.Release()
	p.Break()
	wantEq(t, "left by a broken promise", parent.live.Load(), int64(0))
}

// The case it is made for: a body is read after the call completed, and the
// connection ends with the handle.
func TestR12_StreamingAResponseBody(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		if r.URL.Path == "/endless" {
			<-r.Context().Done()
			return
		}
		_, _ = io.WriteString(w, "body")
	}))
	defer server.Close()
	defer server.Client().CloseIdleConnections()
	get := func(path string) *async.Call[*http.Response] {
		return async.Go(bg, func(ctx context.Context) (*http.Response, error) {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+path, nil)
			if err != nil {
				return nil, err
			}
			return server.Client().Do(req)
		}, async.Streaming())
	}
	c := get("/")
	resp, err := c.Await(bg)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	wantEq(t, "body", string(body), "body")
	wantEq(t, "error", err, nil)
	_ = resp.Body.Close()
	c.Release()

	c = get("/endless")
	if resp, err = c.Await(bg); err != nil {
		t.Fatal(err)
	}
	c.Release()
	_, err = io.ReadAll(resp.Body)
	wantIs(t, err, context.Canceled)
	_ = resp.Body.Close()
}

func TestR12_CostsNothingUntilLookedAt(t *testing.T) {
	parent := counting(func() context.Context { ctx, cancel := context.WithCancel(bg); t.Cleanup(cancel); return ctx }())
	c := async.Go(parent, func(ctx context.Context) (int, error) {
		_, _ = ctx.Deadline()
		_ = ctx.Value(key{})
		return 1, ctx.Err()
	})
	_, _ = c.Await(bg)
	wantEq(t, "registrations", parent.total.Load(), int64(0))
}

func TestR12_LeavesNothingInALongLivedParent(t *testing.T) {
	cancellable, cancel := context.WithCancel(bg)
	defer cancel()
	parent := counting(cancellable)
	look := func(ctx context.Context) (int, error) { _ = ctx.Done(); return 1, nil }
	for _, end := range []func(*async.Call[int]){
		func(c *async.Call[int]) { _ = c.WaitFor(0) },
		func(c *async.Call[int]) { _ = c.Cancel(nil) },
		func(c *async.Call[int]) { c.Release() },
	} {
		for range 100 {
			c := async.Go(parent, look)
			end(c)
			p, d := async.NewPromise[int](parent)
			_ = p.Context().Done()
			end(d)
			p.Complete(1, nil)
		}
	}
	eventually(t, func() bool { return parent.live.Load() == 0 }) // abandoned functions are still returning
	if parent.total.Load() == 0 {
		t.Error("nothing was ever registered: the test looks at nothing")
	}
}

func TestR12_AMillionCallsUnderOneParent(t *testing.T) {
	parent, cancel := context.WithCancel(bg)
	defer cancel()
	n := rounds(1_000_000)
	ends := []func(*async.Promise[int], *async.Call[int]){
		func(p *async.Promise[int], c *async.Call[int]) { p.Complete(1, nil) },
		func(p *async.Promise[int], c *async.Call[int]) { _ = c.Cancel(nil) },
		func(p *async.Promise[int], c *async.Call[int]) { c.Release(); p.Break() },
	}
	before := heap()
	for i := range n {
		p, c := async.NewPromise[int](parent)
		ends[i%len(ends)](p, c)
	}
	// One entry left behind in the parent is at least 100 bytes.
	if grown := heap() - before; grown > int64(n) {
		t.Errorf("%d calls left %d bytes", n, grown)
	}
}

// A slowCtx lets the call complete while it is being registered at.
type slowCtx struct {
	countingCtx
	meanwhile func()
}

func (c slowCtx) AfterFunc(f func()) func() bool {
	stop := c.countingCtx.AfterFunc(f)
	c.meanwhile()
	return stop
}

func TestR12_CompletionDuringTheRegistration(t *testing.T) {
	for _, name := range []string{"complete", "canceled"} {
		t.Run(name, func(t *testing.T) {
			cancellable, cancel := context.WithCancel(bg)
			defer cancel()
			parent := slowCtx{countingCtx: counting(cancellable), meanwhile: func() {}}
			var c async.Call[int]
			ctxs, stop := make(chan context.Context), make(chan struct{})
			parent.meanwhile = func() { _ = c.Cancel(nil) }
			if name == "complete" {
				parent.meanwhile = func() { close(stop); _ = c.Wait(bg) }
			}
			_ = c.Begin(parent, func(ctx context.Context) (int, error) { ctxs <- ctx; <-stop; return 1, nil })
			ctx := <-ctxs
			wantEq(t, "ended", isClosed(ctx.Done()), true)
			wantEq(t, "by completion", errors.Is(context.Cause(ctx), async.ErrCallComplete), name == "complete")
			wantEq(t, "registrations left", parent.live.Load(), int64(0))
			if name == "canceled" {
				close(stop)
			}
		})
	}
}

// eventually waits for other goroutines to make ok true.
func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal("it never came true")
		}
	}
}

// heap returns the bytes in use after a collection.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestR12_Goroutines(t *testing.T) {
	cancellable, cancel := context.WithCancel(bg)
	defer cancel()
	foreign := newForeignCtx()
	defer foreign.end(errBoom)
	for name, test := range map[string]struct {
		parent context.Context
		most   int // goroutines for each context that is watched
	}{
		"standard":         {cancellable, 0},
		"AfterFunc method": {counting(cancellable), 0},
		"foreign":          {foreign, 2}, // the context, and the promise
	} {
		t.Run(name, func(t *testing.T) {
			const n = 50
			before := runtime.NumGoroutine()
			var promises []*async.Promise[int]
			for range n {
				p, _ := async.NewPromise[int](test.parent)
				_ = p.Context().Done()
				_ = context.AfterFunc(p.Context(), func() {})
				child, cancel := context.WithCancel(p.Context())
				defer cancel()
				_ = child.Done()
				promises = append(promises, p)
			}
			if got := runtime.NumGoroutine() - before; got > n*test.most {
				t.Errorf("%d contexts cost %d goroutines", n, got)
			}
			for _, p := range promises {
				p.Complete(1, nil)
			}
			eventually(t, func() bool { return runtime.NumGoroutine() <= before })
		})
	}
}

// A registration is made by whoever looks first, while the call completes or is
// canceled: nothing may be missed and nothing left.
func TestR12_FirstLookAgainstTheEnd(t *testing.T) {
	for round := range rounds(5000) {
		cancellable, cancel := context.WithCancel(bg)
		parent := counting(cancellable)
		var ctx context.Context
		var got sync.WaitGroup
		got.Add(1)
		stop := make(chan struct{})
		c := async.Go(parent, func(c context.Context) (int, error) { ctx = c; got.Done(); <-stop; return 1, nil })
		got.Wait()
		canceled := round%2 == 0
		var done [2]<-chan struct{}
		together(
			func() { done[0] = ctx.Done() },
			func() { done[1] = ctx.Done() },
			func() {
				if canceled {
					_ = c.Cancel(errBoom)
				} else {
					close(stop)
					_ = c.Wait(bg)
				}
			})
		if done[0] != done[1] {
			t.Fatalf("round %d: two channels", round)
		}
		if !isClosed(done[0]) || errors.Is(context.Cause(ctx), errBoom) != canceled {
			t.Fatalf("round %d: canceled: %v, cause %v", round, canceled, context.Cause(ctx))
		}
		if canceled {
			close(stop)
		}
		eventually(t, func() bool { return parent.live.Load() == 0 })
		cancel()
	}
}
