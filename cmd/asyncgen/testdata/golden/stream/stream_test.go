package stream_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golden/stream"

	"github.com/seed4712c49f/async"
	"go.uber.org/goleak"
	"golang.org/x/sync/errgroup"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func wantEq(t *testing.T, what string, got, want any) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// goroutines counts those of the process. While garbage is collected, the runtime counts
// some that have ended.
func goroutines() int {
	runtime.GC()
	return runtime.NumGoroutine()
}

func wantIs(t *testing.T, err error, targets ...error) {
	t.Helper()
	for _, target := range targets {
		if !errors.Is(err, target) {
			t.Errorf("%v is not %v", err, target)
		}
	}
}

func recovered(f func()) (r any) {
	defer func() { r = recover() }()
	f()
	return nil
}

// factory is a server with an asynchronous side: a factory is embedded.
type factory struct {
	*file
	stream.SimpleStreamFactory
}

// Clients and servers of both kinds, in all combinations, over each other, give
// the results of the synchronous method.
func TestH4_Combinations(t *testing.T) {
	f := newFile()
	want := transcript(f, f)
	mirrors := func(f *file) stream.SimpleStreamFactory {
		return func() (stream.AsyncSimpleStream, error) { return newMirror(f), nil }
	}
	for name, client := range map[string]func(f *file) stream.SimpleStream{
		"asynchronous client, synchronous server": func(f *file) stream.SimpleStream {
			return await{stream.NewAsyncSimpleStream(f)}
		},
		"asynchronous client, asynchronous server": func(f *file) stream.SimpleStream {
			return await{newMirror(f)}
		},
		"synchronous client, asynchronous server": func(f *file) stream.SimpleStream {
			return stream.NewSyncSimpleStream(newMirror(f))
		},
		"synchronous client, asynchronous server's factory": func(f *file) stream.SimpleStream {
			return stream.NewSyncSimpleStreamFrom(mirrors(f))
		},
		"plain client, synchronous server": func(f *file) stream.SimpleStream {
			return plain{stream.NewSimpleStreamCalls(f)}
		},
		"plain client, asynchronous server": func(f *file) stream.SimpleStream {
			return plain{stream.NewSimpleStreamCalls(stream.NewSyncSimpleStreamFrom(mirrors(f)))}
		},
		"through everything twice": func(f *file) stream.SimpleStream {
			once := stream.NewSyncSimpleStream(stream.NewAsyncSimpleStream(f))
			return stream.NewSyncSimpleStreamFrom(stream.NewSimpleStreamFactory(once, async.Name("twice")))
		},
		"a factory embedded": func(f *file) stream.SimpleStream {
			face, err := async.CreateCall[stream.AsyncSimpleStream](factory{f, stream.NewSimpleStreamFactory(f)})
			wantEq(t, "error", err, nil)
			return await{face}
		},
		"no factory": func(f *file) stream.SimpleStream {
			face, err := async.CreateCallOr(f, func() stream.AsyncSimpleStream { return stream.NewAsyncSimpleStream(f) })
			wantEq(t, "error", err, nil)
			return await{face}
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFile()
			if got := transcript(client(f), f); got != want {
				t.Errorf("got\n%swant\n%s", got, want)
			}
		})
	}
}

func TestH3_Factory(t *testing.T) {
	_, err := async.CreateCall[stream.AsyncSimpleStream](newFile())
	wantEq(t, "without", err, async.ErrNoInterface)
	_, err = async.CreateCall[stream.AsyncSimpleStream](factory{newFile(), nil})
	wantEq(t, "nil factory", err, async.ErrNoInterface)
	_, err = async.CreateCall[fmt.Stringer](factory{newFile(), stream.NewSimpleStreamFactory(newFile())})
	wantEq(t, "another face", err, async.ErrNoMethod)
	_, err = async.CreateCall[stream.AsyncSimpleStream](stream.SimpleStreamFactory(func() (stream.AsyncSimpleStream, error) {
		return nil, errBoom
	}))
	wantEq(t, "own error", err, errBoom)
}

func TestH4_OneCallAtATime(t *testing.T) {
	ctx, cancel := context.WithCancel(bg)
	defer cancel()
	c := stream.NewAsyncSimpleStream(newFile())
	defer c.Release()
	idle := func() {
		t.Helper()
		_, err := c.FinishRead()
		wantEq(t, "finish of no call", err, async.ErrCallComplete)
		wantEq(t, "finish of no call", c.FinishClose(), async.ErrCallComplete)
		wantEq(t, "cancel of no call", c.Cancel(nil), async.ErrCallComplete)
	}
	idle()
	for range 2 {
		wantEq(t, "begin", c.BeginRead(ctx, []byte("block")), nil)
		wantEq(t, "begin again", c.BeginRead(ctx, nil), async.ErrCallPending)
		wantEq(t, "begin another", c.BeginClose(), async.ErrCallPending)
		_, err := c.FinishRead()
		wantEq(t, "finish too early", err, async.ErrCallPending)
		wantEq(t, "finish another", c.FinishClose(), async.ErrCallComplete)
		wantEq(t, "done", c.IsDone(), false)
		wantIs(t, c.WaitFor(0), async.ErrTimeout)
		wantEq(t, "cancel", c.Cancel(errBoom), nil)
		wantEq(t, "begin a canceled one", c.BeginClose(), async.ErrCallPending)
		wantEq(t, "finish another, complete", c.FinishClose(), async.ErrCallComplete)
		n, err := c.FinishRead()
		wantIs(t, err, async.ErrCanceled, errBoom)
		wantEq(t, "value", n, 0)
		idle()
	}
	wantEq(t, "begin", c.BeginClose(), nil)
	wantEq(t, "wait", c.Wait(bg), nil)
	_, err := c.FinishRead()
	wantEq(t, "finish another, complete", err, async.ErrCallComplete)
	wantEq(t, "finish", c.FinishClose(), errBoom)
	idle()
}

func TestR10_Cancel(t *testing.T) {
	f := newFile()
	c := stream.NewAsyncSimpleStream(f)
	defer c.Release()
	wantEq(t, "begin", c.BeginRead(bg, []byte("block")), nil)
	wantEq(t, "started", f.block.WaitFor(time.Minute), nil)
	wantEq(t, "cancel", c.CancelWait(bg, errBoom), nil)
	n, err := c.FinishRead()
	wantEq(t, "value", n, 7)
	wantEq(t, "error", err, errBoom)
	ctx, cancel := context.WithCancelCause(bg)
	cancel(errBoom)
	wantEq(t, "begin", c.BeginRead(ctx, []byte("panic")), nil)
	wantEq(t, "done", c.IsDone(), true)
	_, err = c.FinishRead()
	wantIs(t, err, async.ErrCanceled, errBoom)
}

func TestR4_PanicAndGoexit(t *testing.T) {
	c := stream.NewAsyncSimpleStream(newFile())
	defer c.Release()
	for range 2 {
		wantEq(t, "begin", c.BeginRead(bg, []byte("panic")), nil)
		wantEq(t, "wait", c.Wait(bg), nil)
		r := recovered(func() { _, _ = c.FinishRead() })
		if p, ok := r.(*async.PanicError); !ok || p.Value != "no such page" {
			t.Errorf("recovered %v", r)
		}
		_, err := c.FinishRead()
		wantEq(t, "finish again", err, async.ErrCallComplete)
		wantEq(t, "begin", c.BeginRead(bg, []byte("exit")), nil)
		wantEq(t, "wait", c.Wait(bg), nil)
		_, err = c.FinishRead()
		wantEq(t, "exit", err, async.ErrGoexit)
	}
	s := stream.NewSyncSimpleStream(c)
	for range 2 { // the turn is given up
		if p, ok := recovered(func() { _, _ = s.Read(bg, []byte("panic")) }).(*async.PanicError); !ok || p.Value != "no such page" {
			t.Errorf("recovered %v", p)
		}
		_, err := s.Read(bg, []byte("exit"))
		wantEq(t, "exit", err, async.ErrGoexit)
	}
}

func TestR9_Release(t *testing.T) {
	var discarded async.Event
	f := newFile()
	c := stream.NewAsyncSimpleStream(f, async.CancelOnAbandon(),
		async.Discard(func(r stream.AsyncSimpleStreamResult, err error) {
			wantEq(t, "method", r.Method, "Read")
			wantEq(t, "value", r.Value, any(7))
			wantEq(t, "error", err, async.ErrAbandoned)
			discarded.Set()
		}))
	wantEq(t, "begin", c.BeginRead(bg, []byte("block")), nil)
	wantEq(t, "started", f.block.WaitFor(time.Minute), nil)
	c.Release()
	c.Release()
	wantEq(t, "discarded", discarded.WaitFor(time.Minute), nil)
	_, err := c.FinishRead()
	wantEq(t, "finish", err, async.ErrReleased)
	wantEq(t, "finish another", c.FinishClose(), async.ErrReleased)
	wantEq(t, "begin", c.BeginRead(bg, nil), async.ErrReleased)
	wantEq(t, "begin another", c.BeginClose(), async.ErrReleased)
	wantEq(t, "wait", c.Wait(bg), async.ErrReleased)
	wantEq(t, "cancel", c.Cancel(nil), async.ErrReleased)

	c = stream.NewAsyncSimpleStream(newFile())
	c.Release()
	wantEq(t, "begin", c.BeginClose(), async.ErrReleased)
	wantEq(t, "finish", c.FinishClose(), async.ErrReleased)
}

// A channel and a signal belong to the call that they were taken in.
func TestR13_Signals(t *testing.T) {
	c := stream.NewAsyncSimpleStream(newFile())
	defer c.Release()
	first, early := c.Done(), c.Signal()
	defer early.Release()
	wantEq(t, "begin", c.BeginRead(bg, nil), nil)
	<-first
	wantEq(t, "signal", early.IsSet(), true)
	wantEq(t, "finish another", c.FinishClose(), async.ErrCallComplete)
	wantEq(t, "channel", c.Done(), first)
	_, _ = c.FinishRead()
	wantEq(t, "channel", c.Done(), first)
	wantEq(t, "begin", c.BeginRead(bg, []byte("block")), nil)
	if c.Done() == first {
		t.Error("the second call has the channel of the first")
	}
	wantEq(t, "signal", early.IsSet(), true)
	_ = c.Cancel(nil)
	_, _ = c.FinishRead()
}

// The object waits as the package's own kinds do, without a channel.
func TestWaitAny_Native(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := stream.NewAsyncSimpleStream(newFile()), stream.NewAsyncSimpleStream(newFile())
		wantEq(t, "begin", a.BeginRead(bg, []byte("block")), nil)
		wantEq(t, "begin", b.BeginClose(), nil)
		i, err := async.WaitAny(bg, a, b)
		wantEq(t, "index", i, 1)
		wantEq(t, "error", err, nil)
		before := goroutines()
		stop := async.AfterFunc(a, func() {})
		wantEq(t, "goroutines", goroutines(), before)
		stop()
		_ = a.Cancel(nil)
	})
}

// A Begin that is refused or panics leaves the object as it was.
func TestBegin_Refused(t *testing.T) {
	var g errgroup.Group
	g.SetLimit(1)
	block := make(chan struct{})
	g.Go(func() error { <-block; return nil })
	c := stream.NewAsyncSimpleStream(newFile(), async.InGroup(&g))
	wantEq(t, "full", c.BeginClose(), async.ErrQueueFull)
	wantEq(t, "finish", c.FinishClose(), async.ErrCallComplete)
	close(block)
	_ = g.Wait()
	if r := recovered(func() { _ = c.BeginRead(nil, nil) }); r == nil { //nolint:staticcheck // that is the point
		t.Error("a nil context is taken")
	}
	wantEq(t, "begin", c.BeginLen(), nil)
	wantEq(t, "wait", c.Wait(bg), nil)
	n, err := c.FinishLen()
	wantEq(t, "value", n, 5)
	wantEq(t, "error", err, nil)
	_ = g.Wait()
}

// OnSignal runs within Begin where the context is done. It may finish, begin
// again, and panic, and the object knows what it carries.
func TestBegin_OnSignalInside(t *testing.T) {
	done, cancel := context.WithCancel(bg)
	cancel()
	var c stream.AsyncSimpleStream
	var act func()
	c = stream.NewAsyncSimpleStream(newFile(), async.OnSignal(func() {
		if f := act; f != nil {
			act = nil
			f()
		}
	}))
	act = func() { panic("told you") }
	wantEq(t, "panic", recovered(func() { _ = c.BeginFlush(done) }), any("told you"))
	wantEq(t, "begin again", c.BeginClose(), async.ErrCallPending)
	wantIs(t, c.FinishFlush(), async.ErrCanceled)
	act = func() { wantIs(t, c.FinishFlush(), async.ErrCanceled) }
	wantEq(t, "begin", c.BeginFlush(done), nil)
	wantEq(t, "finish again", c.FinishFlush(), async.ErrCallComplete)
	act = func() {
		wantIs(t, c.FinishFlush(), async.ErrCanceled)
		wantEq(t, "begin inside", c.BeginRead(bg, []byte("block")), nil)
		panic("told you")
	}
	wantEq(t, "panic", recovered(func() { _ = c.BeginFlush(done) }), any("told you"))
	_, err := c.FinishRead()
	wantEq(t, "the inner call goes on", err, async.ErrCallPending)
	_ = c.Cancel(errBoom)
	_, err = c.FinishRead()
	wantIs(t, err, errBoom)
}

// Everybody begins and finishes every method at once. Of those who begin one
// wins, of those who finish one gets the result, and it is that of the method.
func TestStorm(t *testing.T) {
	c := stream.NewAsyncSimpleStream(newFile())
	defer c.Release()
	var begun, finished [4]atomic.Int64
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(g), 0))
			for range 20_000 {
				m := rnd.IntN(4)
				var err error
				if rnd.IntN(2) == 0 {
					switch m {
					case 0:
						err = c.BeginRead(bg, []byte("complete"))
					case 1:
						err = c.BeginWrite([]byte("ab"))
					case 2:
						err = c.BeginLen()
					case 3:
						err = c.BeginClose()
					}
					if err == nil {
						begun[m].Add(1)
					} else if err != async.ErrCallPending {
						t.Error("begin:", err)
					}
					continue
				}
				n, want := 0, 0
				switch m {
				case 0:
					n, err = c.FinishRead()
					if n == 0 {
						break
					}
					want, err = 4, nil
				case 1:
					n, err = c.FinishWrite()
					want = 1002
				case 2:
					n, err = c.FinishLen()
					want = 5
				case 3:
					if err = c.FinishClose(); err == errBoom {
						err = nil
					}
				}
				switch {
				case err == async.ErrCallComplete || err == async.ErrCallPending:
				case err != nil || n != want:
					t.Error("finish:", m, n, err)
				default:
					finished[m].Add(1)
				}
				if rnd.IntN(4) == 0 {
					runtime.Gosched()
				}
			}
		})
	}
	wg.Wait()
	_ = c.Wait(bg)
	left := 0
	for m := range 4 {
		if n := begun[m].Load() - finished[m].Load(); n != 0 {
			left += int(n)
		}
		if begun[m].Load() == 0 || finished[m].Load() == 0 {
			t.Error("no call of method", m)
		}
	}
	if left != 0 && left != 1 {
		t.Errorf("%d calls were begun and not finished", left)
	}
}

// Many callers of one object each get their turn, or leave when their context
// ends.
func TestSync_Turns(t *testing.T) {
	s := stream.NewSyncSimpleStream(newMirror(newFile()))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				if n, err := s.Write([]byte("ab")); n != 1002 || err != nil {
					t.Error(n, err)
				}
			}
		})
	}
	wg.Wait()

	synctest.Test(t, func(t *testing.T) {
		s := stream.NewSyncSimpleStream(stream.NewAsyncSimpleStream(newFile()))
		first, end := context.WithCancel(bg)
		go func() { _, _ = s.Read(first, []byte("block")) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeoutCause(bg, time.Second, errBoom)
		defer cancel()
		start := time.Now()
		_, err := s.Read(ctx, nil)
		wantIs(t, err, async.ErrCanceled, errBoom)
		wantEq(t, "waited", time.Since(start), time.Second)
		r := recovered(func() { s.Flush(ctx) })
		if err, ok := r.(error); !ok || !errors.Is(err, async.ErrCanceled) {
			t.Errorf("recovered %v", r)
		}
		end()
		wantEq(t, "turn", s.Close(), errBoom)
	})
}

// A function of a scope that calls a synchronous method lends its slot, as it does where it
// waits for the call itself.
func TestC2_Sync(t *testing.T) {
	for name, client := range map[string]func(*async.Scope) stream.SimpleStream{
		"one object": func(s *async.Scope) stream.SimpleStream {
			return stream.NewSyncSimpleStream(stream.NewAsyncSimpleStream(newFile(), s))
		},
		"an object each": func(s *async.Scope) stream.SimpleStream {
			return stream.NewSyncSimpleStreamFrom(stream.NewSimpleStreamFactory(newFile(), s))
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				scope := async.NewScope(async.ScopeOptions{Limit: 1})
				s := client(scope)
				c := async.Go(bg, func(ctx context.Context) (int, error) { return s.Read(ctx, nil) }, scope)
				defer c.Release()
				wantEq(t, "wait", c.WaitFor(time.Minute), nil)
				scope.CancelQueued(errBoom)
			})
		})
	}
}

// What a synchronous method without an error cannot say, it panics with.
func TestSync_NoError(t *testing.T) {
	c := stream.NewAsyncSimpleStream(newFile())
	c.Release()
	s := stream.NewSyncSimpleStream(c)
	wantEq(t, "error", s.Close(), async.ErrReleased)
	wantEq(t, "panic", recovered(func() { s.Len() }), any(async.ErrReleased))
	s = stream.NewSyncSimpleStreamFrom(stream.SimpleStreamFactory(nil))
	wantEq(t, "error", s.Close(), async.ErrNoInterface)
	wantEq(t, "panic", recovered(func() { s.Flush(bg) }), any(async.ErrNoInterface))
	wantEq(t, "no server", stream.NewSyncSimpleStreamFrom(nil).Close(), async.ErrNoInterface)
	done, cancel := context.WithCancelCause(bg)
	cancel(errBoom)
	s = stream.NewSyncSimpleStream(stream.NewAsyncSimpleStream(newFile()))
	err, _ := recovered(func() { s.Flush(done) }).(error)
	wantIs(t, err, async.ErrCanceled, errBoom)
}

// An object that was made for a call is released after it, whatever it brought.
func TestSync_Releases(t *testing.T) {
	var objects []*mirror
	s := stream.NewSyncSimpleStreamFrom(stream.SimpleStreamFactory(func() (stream.AsyncSimpleStream, error) {
		objects = append(objects, newMirror(newFile()))
		return objects[len(objects)-1], nil
	}))
	wantEq(t, "error", s.Close(), errBoom)
	wantEq(t, "value", s.Len(), 5)
	done, cancel := context.WithCancel(bg)
	cancel()
	_, err := s.Read(done, nil)
	wantIs(t, err, async.ErrCanceled)
	recovered(func() { s.Flush(done) })
	wantEq(t, "objects", len(objects), 4)
	for _, o := range objects {
		wantEq(t, "after the call", o.Wait(bg), async.ErrReleased)
	}
}

func TestCalls(t *testing.T) {
	calls := stream.NewSimpleStreamCalls(newFile())
	reads := async.Calls[int]{calls.Read(bg, []byte("block")), calls.Write(nil), calls.Len()}
	defer reads.Release()
	i, n, err := reads.Race(bg)
	if i == 0 || n != 1000 && n != 5 || err != nil {
		t.Error(i, n, err)
	}
	reads.Cancel(errBoom)
	_, err = reads[0].Finish()
	wantIs(t, err, async.ErrCanceled, errBoom)
	r, err := calls.Split(1).Await(bg)
	wantEq(t, "head", string(r.Head), "h")
	wantEq(t, "tail", string(r.Tail), "ello")
	wantEq(t, "error", err, nil)
	_, err = calls.Flush(bg).Await(bg)
	wantEq(t, "error", err, nil)
	var late async.Event
	f := newFile()
	c := stream.NewSimpleStreamCalls(f, async.Discard(func(n int, err error) {
		wantEq(t, "value", n, 7)
		late.Set()
	})).Read(bg, []byte("block"))
	wantEq(t, "started", f.block.WaitFor(time.Minute), nil)
	_ = c.Cancel(nil)
	c.Release()
	wantEq(t, "discarded", late.WaitFor(time.Minute), nil)
}

// The face costs at most one allocation more than a Call by hand that has a name.
func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	f := newFile()
	p := make([]byte, 300)
	f.data = make([]byte, 300) // so that the value is not one that is boxed for nothing
	var hand async.Call[int]
	byHand := testing.AllocsPerRun(1000, func() {
		_ = hand.Begin(bg, func(ctx context.Context) (int, error) { return f.Read(ctx, p) }, async.Name("Read"))
		_ = hand.Wait(bg)
		_, _ = hand.Finish()
	})
	face := stream.NewAsyncSimpleStream(f)
	byFace := testing.AllocsPerRun(1000, func() {
		_ = face.BeginRead(bg, p)
		_ = face.Wait(bg)
		_, _ = face.FinishRead()
	})
	var handStat async.Call[stream.SimpleStreamStatResult]
	statByHand := testing.AllocsPerRun(1000, func() {
		_ = handStat.Begin(bg, func(ctx context.Context) (r stream.SimpleStreamStatResult, err error) {
			r.Name, r.Size, err = f.Stat(ctx)
			return r, err
		}, async.Name("Stat"))
		_ = handStat.Wait(bg)
		_, _ = handStat.Finish()
	})
	statByFace := testing.AllocsPerRun(1000, func() {
		_ = face.BeginStat(bg)
		_ = face.Wait(bg)
		_, _, _ = face.FinishStat()
	})
	t.Logf("Read: %v by hand, %v by face; Stat: %v and %v", byHand, byFace, statByHand, statByFace)
	if byFace > byHand+1 || statByFace > statByHand+1 {
		t.Error("the face allocates more than once beside the call")
	}
	calls := stream.NewSimpleStreamCalls(f)
	byGo := testing.AllocsPerRun(1000, func() {
		_, _ = async.Go(bg, func(ctx context.Context) (int, error) { return f.Read(ctx, p) }, async.Name("Read")).Await(bg)
	})
	byCalls := testing.AllocsPerRun(1000, func() { _, _ = calls.Read(bg, p).Await(bg) })
	t.Logf("Go: %v by hand, %v by the client", byGo, byCalls)
	if byCalls > byGo {
		t.Error("the plain client allocates more than Go")
	}
}
