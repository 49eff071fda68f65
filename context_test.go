package async_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/seed4712c49f/async"
)

// The contexts of calls, alone and in chains of calls that begin each other.

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

// A quietCtx ends without telling what is registered at it, as a context does whose
// goroutine is late. Its methods first call ask with their name.
type quietCtx struct {
	*foreignCtx
	ask func(method string)
}

func newQuietCtx() *quietCtx { return &quietCtx{newForeignCtx(), func(string) {}} }

func (c *quietCtx) Done() <-chan struct{} { c.ask("Done"); return c.foreignCtx.Done() }
func (c *quietCtx) Err() error            { c.ask("Err"); return c.foreignCtx.Err() }
func (c *quietCtx) Value(any) any         { c.ask("Value"); return nil }

func (*quietCtx) AfterFunc(func()) func() bool { return func() bool { return true } }

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
			before := allGoroutines()
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
			if got := allGoroutines() - before; got > n*test.most {
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

// A chain is calls, each begun in the function of the one before it.
type chain struct {
	calls []*async.Call[int]
	ctxs  []context.Context
	gates []*async.Event // of the functions: opened, it returns
}

// newChain begins a chain of n calls. With look each of them is asked whether its
// context has ended before the next one begins, as Begin does too; with between,
// every third context is one derived from a call's.
func newChain(ctx context.Context, n int, between bool) *chain {
	ch := new(chain)
	for i := range n {
		got := make(chan context.Context)
		gate := new(async.Event)
		if between && i%3 == 2 {
			ctx = context.WithValue(ctx, key{}, i)
		}
		ch.calls = append(ch.calls, async.Go(ctx, func(ctx context.Context) (int, error) {
			got <- ctx
			return 1, gate.Wait(bg)
		}))
		ctx = <-got
		ch.ctxs, ch.gates = append(ch.ctxs, ctx), append(ch.gates, gate)
	}
	return ch
}

func (ch *chain) end() {
	for i, g := range ch.gates {
		g.Set()
		_ = ch.calls[i].Wait(bg)
		ch.calls[i].Release()
	}
}

// ended checks which contexts of the chain have ended: those from a number on, and
// below another. It asks the last first.
func (ch *chain) ended(t *testing.T, from, below int, cause error) {
	t.Helper()
	for i, ctx := range slices.Backward(ch.ctxs) {
		err, why := ctx.Err(), context.Cause(ctx)
		if want := i >= from && i < below; want != (err != nil) || want != errors.Is(why, cause) {
			t.Fatalf("context %d of %d: %v, cause %v; ended from %d to %d", i, len(ch.ctxs), err, why, from, below)
		}
		if isClosed(ctx.Done()) != (err != nil) {
			t.Fatalf("context %d: Err %v and Done differ", i, err)
		}
	}
}

// The end of Begin's context ends the contexts of all calls that were begun in calls,
// however deep. The cancellation of a call, and its completion, end the context of
// the call and the contexts below that, and no other.
func TestR12_ContextsOfCallsInCalls(t *testing.T) {
	for _, n := range []int{1, 2, 7, 8, 9, 10, 17, 100} {
		for _, between := range []bool{false, true} {
			for range rounds(20) {
				ctx, cancel := context.WithCancelCause(bg)
				ch := newChain(ctx, n, between)
				ch.ended(t, 0, 0, errBoom)
				cancel(errBoom)
				ch.ended(t, 0, n, errBoom)
				ch.end()

				ch = newChain(bg, n, between)
				wantEq(t, "Cancel", ch.calls[n/2].Cancel(errBoom), nil)
				ch.ended(t, n/2, n, errBoom)
				ch.end()

				ctx, cancel = context.WithCancelCause(bg)
				ch = newChain(ctx, n, between)
				ch.gates[n/2].Set()
				_ = ch.calls[n/2].Wait(bg)
				ch.ended(t, n/2, n, async.ErrCallComplete)
				cancel(errBoom)
				for i, ctx := range ch.ctxs {
					wantEq(t, "ended by the cause", errors.Is(context.Cause(ctx), errBoom), i < n/2)
				}
				ch.end()
			}
		}
	}
}

// A chain leaves nothing behind in a context that lives on.
func TestR12_CallsInCallsLeaveNothing(t *testing.T) {
	cancellable, cancel := context.WithCancel(bg)
	defer cancel()
	parent := counting(cancellable)
	for range 3 {
		ch := newChain(parent, 50, false)
		ch.ended(t, 0, 0, errBoom)
		ch.end()
		wantEq(t, "registered", parent.live.Load(), int64(0))
	}
}

// Calls begun in calls by way of contexts of package context cost no goroutine each,
// and a level costs the same at every depth.
func TestR12_ValuesBetweenCalls(t *testing.T) {
	begin := func(n int) (ctxs []context.Context, end func()) {
		ctx, cancel := context.WithCancel(bg)
		for i := range n {
			p, _ := async.NewPromise[int](context.WithValue(ctx, key{}, i))
			ctx = p.Context()
			ctxs = append(ctxs, ctx)
		}
		return ctxs, cancel
	}
	const n = 1000
	before := allGoroutines()
	ctxs, end := begin(n)
	for _, ctx := range ctxs {
		ctx.Done()
	}
	if more := allGoroutines() - before; more > 10 { // those of other tests may be ending
		t.Errorf("%d calls cost %d goroutines", n, more)
	}
	wantEq(t, "the value", ctxs[n-1].Value(key{}), any(n-1))
	end()
	for _, ctx := range ctxs {
		wantEq(t, "ended", ctx.Err(), context.Canceled)
	}
	level := func(n int) time.Duration {
		return fastest(func() {
			ctxs, end := begin(n)
			for _, ctx := range ctxs {
				wantEq(t, "going on", ctx.Err(), nil)
			}
			end()
		}) / time.Duration(n)
	}
	if few, many := level(100), level(4000); many > 10*few {
		t.Errorf("a level costs %v at depth 100, %v at depth 4000", few, many)
	}
}

// fastest returns how long do takes when nothing gets in its way.
func fastest(do func()) time.Duration {
	best := time.Duration(1<<63 - 1)
	for range 20 {
		start := time.Now()
		do()
		best = min(best, time.Since(start))
	}
	return best
}

// What is asked of a context costs the same however deep in calls the context is.
// Value and Deadline go up from one context to the next, as those of package context
// do: a level costs no more than a few levels there.
func TestR12_DepthCostsNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector remembers how deep it is")
	}
	long, cancel := context.WithTimeout(context.WithValue(bg, key{}, "above"), time.Hour)
	defer cancel()
	const deep = 4000
	ch := newChain(long, deep, false)
	defer ch.end()
	plain := long
	for range deep {
		ctx, cancel := context.WithCancelCause(plain)
		defer cancel(nil)
		plain = ctx
	}
	for name, ask := range map[string]func(ctx context.Context) bool{
		"Value":     func(ctx context.Context) bool { return ctx.Value(key{}) == "above" },
		"Deadline":  func(ctx context.Context) bool { _, ok := ctx.Deadline(); return ok },
		"Err":       func(ctx context.Context) bool { return ctx.Err() == nil },
		"Cause":     func(ctx context.Context) bool { return context.Cause(ctx) == nil },
		"AfterFunc": func(ctx context.Context) bool { return context.AfterFunc(ctx, func() {})() },
		"WithTimeout": func(ctx context.Context) bool {
			ctx, cancel := context.WithTimeout(ctx, time.Minute)
			cancel()
			return ctx.Err() != nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			often := func(ctx context.Context) time.Duration {
				ctx.Done()
				return fastest(func() {
					for range 100 {
						wantEq(t, "the answer", ask(ctx), true)
					}
				})
			}
			first, last := often(ch.ctxs[10]), often(ch.ctxs[deep-1])
			if few := 100 * max(first, often(plain)); last > few {
				t.Errorf("%v at depth 10, %v at depth %d, %v allowed", first, last, deep, few)
			}
		})
	}
}

// A level costs the same however deep it is, also where each has to wait for the
// one slot of a scope, and so has its context watched (C1, C2).
func TestC2_DepthCostsNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector remembers how deep it is")
	}
	s := async.NewScope(async.ScopeOptions{Limit: 1})
	level := func(depth int) time.Duration {
		return fastest(func() { wantEq(t, "levels", nest(bg, depth, s), depth) }) / time.Duration(depth)
	}
	var few, many time.Duration
	for range 3 { // a busy machine may be slow for one of the two
		if few, many = level(100), level(4000); many <= 10*few {
			return
		}
	}
	t.Errorf("a level costs %v at depth 100, %v at depth 4000", few, many)
}

// giveWay lets those who are about to wait begin to.
func giveWay() {
	for range 10 {
		runtime.Gosched()
	}
}

// The end of the first context of a chain ends all contexts of the chain, by steps in
// proportion to the length, and completes the promises that were begun with them (R12,
// R14).
func TestR12_AHundredThousandContextsDeep(t *testing.T) {
	defer debug.SetMaxStack(debug.SetMaxStack(256 << 20))
	for _, byContext := range []bool{false, true} {
		end := func(n int) time.Duration {
			ctx, cancel := context.WithCancelCause(bg)
			calls := make([]*async.Call[int], n)
			ctxs := make([]context.Context, n)
			for i := range n {
				var p *async.Promise[int]
				p, calls[i] = async.NewPromise[int](ctx)
				ctx = p.Context()
				ctxs[i] = ctx
			}
			start := time.Now()
			if byContext {
				cancel(errBoom)
			} else {
				wantEq(t, "Cancel", calls[0].Cancel(errBoom), nil)
			}
			wantEq(t, "the last has ended", ctxs[n-1].Err(), context.Canceled)
			for i, ctx := range ctxs {
				_ = calls[i].Wait(bg)
				if ctx.Err() == nil || context.Cause(ctx) != errBoom || !isClosed(ctx.Done()) {
					t.Fatalf("context %d: %v, %v", i, ctx.Err(), context.Cause(ctx))
				}
				calls[i].Release()
			}
			took := time.Since(start)
			cancel(nil)
			return took / time.Duration(n)
		}
		few := min(end(1000), end(1000), end(1000))
		if many := end(rounds(100_000)); many > 100*few {
			t.Errorf("by the context %v: a level takes %v of many, %v of a thousand", byContext, many, few)
		}
	}
}

// A function's wait through its own context ends with that, unless what it waits
// for is complete by then (R5, R6); it makes no channel of the context for it.
func TestR6_WaitThroughAFunctionsContext(t *testing.T) {
	for _, wrapped := range []bool{false, true} {
		for range rounds(500) {
			p, on := async.NewPromise[int](bg)
			q, inner := async.NewPromise[int](bg)
			ctx := p.Context()
			if wrapped {
				ctx = context.WithValue(ctx, key{}, 1)
			}
			results := make(chan error, 3)
			wait := func() {
				err := inner.Wait(ctx)
				var we *async.WaitError
				switch {
				case err == nil:
					wantEq(t, "complete", inner.IsDone(), true)
				case !errors.As(err, &we), !errors.Is(err, errBoom), !errors.Is(err, context.Canceled), ctx.Err() == nil:
					t.Errorf("%v, context %v", err, ctx.Err())
				}
				results <- err
			}
			go wait()
			go wait()
			go func() { giveWay(); q.Complete(1, nil) }()
			go func() { giveWay(); _ = on.Cancel(errBoom) }()
			<-results
			<-results
			_ = inner.Wait(bg)
			<-ctx.Done()
			wait()
			wantEq(t, "after both", <-results, nil)
			_, on = async.NewPromise[int](p.Context())
			wantEq(t, "begun too late", on.Wait(bg), nil)
		}
	}
}

// The context of a call keeps no call alive that was begun with it, nor the result of
// one: whether the context ends before these calls or after them, and somebody has
// looked at their contexts or not (S5).
func TestS5_AContextKeepsNoCallBelow(t *testing.T) {
	for _, endFirst := range []bool{false, true} {
		p, c := async.NewPromise[int](bg)
		ctx := p.Context()
		var results []weak.Pointer[[64]int]
		for i := range 10 {
			q, d := async.NewPromise[*[64]int](ctx)
			if i%2 == 0 {
				q.Context().Done()
			}
			if endFirst && i == 5 {
				_ = c.Cancel(errBoom)
			}
			v := new([64]int)
			results = append(results, weak.Make(v))
			if q.Complete(v, nil) {
				_, _ = d.Await(bg)
			}
			d.Release()
		}
		if !endFirst {
			p.Complete(1, nil)
		}
		runtime.GC()
		for i, r := range results {
			if r.Value() != nil {
				t.Errorf("ended first %v: the result of call %d is kept", endFirst, i)
			}
		}
		runtime.KeepAlive(ctx)
		c.Release()
	}
}

// A wait leaves nothing in the context that it was given, be it a call's (S5).
func TestS5_AWaitLeavesNothingInAFunctionsContext(t *testing.T) {
	p, call := async.NewPromise[int](bg)
	defer call.Release()
	ctx := p.Context()
	within := func(what string, got float64) {
		t.Helper()
		if got > 8 {
			t.Errorf("%s: %.1f bytes for each wait", what, got)
		}
	}
	n := rounds(20_000)
	within("complete", perItem(n, func(int) {
		q, c := async.NewPromise[int](bg)
		go func() { giveWay(); q.Complete(1, nil) }()
		wantEq(t, "Wait", c.Wait(ctx), nil)
	}))
	q, never := async.NewPromise[int](bg)
	defer q.Break()
	within("canceled", perItem(n, func(int) {
		p, c := async.NewPromise[int](bg)
		go func() { giveWay(); _ = c.Cancel(errBoom) }()
		wantEq(t, "Wait", errors.Is(never.Wait(p.Context()), errBoom), true)
	}))
	runtime.KeepAlive(call)
}

// What a level costs: the call, its goroutine and the function's own closure; the
// waiter and its channel; the binding; and five for a context of package context: the
// context, its cancel function, its channel, and two for the map of the context above.
func TestPins_Nested(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	const levels = 50
	for name, pin := range map[string]struct {
		most float64
		wait func(ctx context.Context, c *async.Call[int]) int
	}{
		"Wait": {11, func(ctx context.Context, c *async.Call[int]) int {
			_ = c.Wait(ctx)
			v, _ := c.Finish()
			return v
		}},
		"Await": {11, func(ctx context.Context, c *async.Call[int]) int {
			v, _ := c.Await(ctx)
			return v
		}},
	} {
		var nest func(ctx context.Context, depth int) int
		nest = func(ctx context.Context, depth int) int {
			return pin.wait(ctx, async.Go(ctx, func(ctx context.Context) (int, error) {
				if depth == 1 {
					return 1, nil
				}
				return 1 + nest(ctx, depth-1), nil
			}))
		}
		cost := func(depth int) float64 { return testing.AllocsPerRun(100, func() { nest(bg, depth) }) }
		if got := (cost(2*levels) - cost(levels)) / levels; got > pin.most+0.2 {
			t.Errorf("%s: %.1f allocations for each level, %v allowed", name, got, pin.most)
		}
	}
}
