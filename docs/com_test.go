package docs_test

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed4712c49f/async"
)

// Each row of the table in com.md has its test here, and each test its row.
//
// The interface is that of the documents, cut down: a stream with a Read. Its
// asynchronous face is written by hand, in the form in which asyncgen writes it;
// examples/stream has the generated one.

// A stream is called synchronously.
type stream interface {
	Read(ctx context.Context, n int) (string, error)
}

// asyncStream is its asynchronous face: a call object.
type asyncStream interface {
	BeginRead(ctx context.Context, n int) error
	FinishRead() (string, error)
	Wait(ctx context.Context) error
	Done() <-chan struct{}
	Release()
}

// streamFunc is a synchronous server.
type streamFunc func(ctx context.Context, n int) (string, error)

func (f streamFunc) Read(ctx context.Context, n int) (string, error) { return f(ctx, n) }

// streamCall is a call object over a synchronous server.
type streamCall struct {
	async.Call[string]
	server stream
}

func (c *streamCall) BeginRead(ctx context.Context, n int) error {
	return c.Begin(ctx, func(ctx context.Context) (string, error) { return c.server.Read(ctx, n) })
}

func (c *streamCall) FinishRead() (string, error) { return c.Finish() }

// A promiser is an asynchronous server: a factory of call objects of its own, whose
// calls it completes from elsewhere.
type promiser struct{ begun chan request }

type request struct {
	promise *async.Promise[string]
	n       int
}

func newPromiser() *promiser { return &promiser{make(chan request, 8)} }

func (s *promiser) CreateCall(iface reflect.Type) (any, error) {
	if iface != reflect.TypeFor[asyncStream]() {
		return nil, async.ErrNoMethod
	}
	return &promisedCall{server: s}, nil
}

// promisedCall is a call object of a promiser.
type promisedCall struct {
	async.Call[string]
	server *promiser
}

func (c *promisedCall) BeginRead(ctx context.Context, n int) error {
	p, err := c.BeginPromise(ctx)
	if err == nil {
		c.server.begun <- request{p, n}
	}
	return err
}

func (c *promisedCall) FinishRead() (string, error) { return c.Finish() }

// comWant fails the test unless got is want: an error by errors.Is, all else by ==.
func comWant(t *testing.T, what string, got, want any) {
	t.Helper()
	gotErr, _ := got.(error)
	wantErr, _ := want.(error)
	if got != want && (gotErr == nil || wantErr == nil || !errors.Is(gotErr, wantErr)) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// comResult fails the test unless call is finished with v and err.
func comResult[T comparable](t *testing.T, call interface{ Finish() (T, error) }, v T, err error) {
	t.Helper()
	got, gotErr := call.Finish()
	comWant(t, "value", got, v)
	comWant(t, "error", gotErr, err)
}

// hello takes a second.
func hello(ctx context.Context) (string, error) {
	select {
	case <-time.After(time.Second):
		return "hello", nil
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

var errNoMore = errors.New("not needed any more")

// bubble runs a test in virtual time, and gives what it leaves running a day to
// end. A goroutine that does not fails the test.
func bubble(t *testing.T, test func(t *testing.T, ctx context.Context)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		test(t, t.Context())
		time.Sleep(24 * time.Hour)
	})
}

// --- the call object

func TestCOM_AsyncInterface(t *testing.T) {
	ctx := t.Context()
	server := streamFunc(func(_ context.Context, n int) (string, error) { return "hello"[:n], nil })
	var call asyncStream = &streamCall{server: server}
	comWant(t, "BeginRead", call.BeginRead(ctx, 4), nil)
	comWant(t, "Wait", call.Wait(ctx), nil)
	text, err := call.FinishRead()
	comWant(t, "FinishRead", text, "hell")
	comWant(t, "FinishRead", err, nil)
}

func TestCOM_CallFactory(t *testing.T) {
	if _, ok := any(newPromiser()).(async.CallFactory); !ok {
		t.Error("no factory")
	}
	_, err := async.CreateCall[asyncStream](streamFunc(nil))
	comWant(t, "CreateCall", err == async.ErrNoInterface, true)
}

func TestCOM_CreateCall(t *testing.T) {
	server := newPromiser()
	call, err := async.CreateCall[asyncStream](server)
	comWant(t, "CreateCall", err, nil)
	defer call.Release()
	another, err := async.CreateCall[asyncStream](server)
	comWant(t, "CreateCall", err, nil)
	defer another.Release()
	comWant(t, "the same object", call == another, false)

	_, err = async.CreateCall[fmt.Stringer](server)
	comWant(t, "CreateCall of another face", err, async.ErrNoMethod)
	comWant(t, "CreateCall of another face", err, async.ErrNoInterface)
}

func TestCOM_NoCallObject(t *testing.T) {
	ctx := t.Context()
	server := streamFunc(func(context.Context, int) (string, error) { return "hello", nil })
	call, err := async.CreateCallOr(server, func() asyncStream { return &streamCall{server: server} })
	comWant(t, "CreateCallOr", err, nil)
	comWant(t, "BeginRead", call.BeginRead(ctx, 5), nil)
	comWant(t, "Wait", call.Wait(ctx), nil)
	text, err := call.FinishRead()
	comWant(t, "FinishRead", text, "hello")
	comWant(t, "FinishRead", err, nil)
}

func TestCOM_SynchronousClient(t *testing.T) {
	server := newPromiser()
	read := func(ctx context.Context, n int) (string, error) { // as the generated NewSyncStream does
		call, err := async.CreateCall[asyncStream](server)
		if err != nil {
			return "", err
		}
		defer call.Release()
		if err := call.BeginRead(ctx, n); err != nil {
			return "", err
		}
		if err := call.Wait(context.Background()); err != nil {
			return "", err
		}
		return call.FinishRead()
	}
	go func() {
		r := <-server.begun
		r.promise.Complete("hello"[:r.n], nil)
	}()
	text, err := read(t.Context(), 4)
	comWant(t, "read", text, "hell")
	comWant(t, "read", err, nil)
}

func TestCOM_Aggregation(t *testing.T) {
	type outer struct {
		async.Call[string] // its methods are the outer object's
		name               string
	}
	o := outer{name: "mine"}
	comWant(t, "Begin", o.Begin(t.Context(), func(context.Context) (string, error) { return o.name, nil }), nil)
	comWant(t, "Wait", async.WaitAll(t.Context(), &o), nil)
	comResult(t, &o, "mine", nil)
}

func TestCOM_AsyncRelease(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		call := async.Go(ctx, hello)
		before := time.Now()
		call.Release()
		comWant(t, "time passed", time.Since(before), time.Duration(0))
	})
}

// --- Begin and Finish

func TestCOM_Begin(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		var call async.Call[string]
		before := time.Now()
		comWant(t, "Begin", call.Begin(ctx, hello), nil)
		comWant(t, "time passed", time.Since(before), time.Duration(0))
		comWant(t, "Wait", call.Wait(ctx), nil)
		comResult(t, &call, "hello", nil)
	})
}

func TestCOM_BeginWhilePending(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		var call async.Call[string]
		comWant(t, "Begin", call.Begin(ctx, hello), nil)
		comWant(t, "Begin of the pending", call.Begin(ctx, hello) == async.ErrCallPending, true)
		comWant(t, "Wait", call.Wait(ctx), nil)
		comWant(t, "Begin of the complete", call.Begin(ctx, hello) == async.ErrCallPending, true)
		comResult(t, &call, "hello", nil)
	})
}

func TestCOM_Finish(t *testing.T) {
	call := async.Ready("half", errNoMore) // a value beside an error, as out parameters beside an HRESULT
	comResult(t, call, "half", errNoMore)
}

func TestCOM_FinishTooEarly(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		call := async.Go(ctx, hello)
		_, err := call.Finish()
		comWant(t, "Finish", err == async.ErrCallPending, true)
		text, err := call.Await(ctx) // waits, and reads
		comWant(t, "Await", text, "hello")
		comWant(t, "Await", err, nil)
		comResult(t, call, "hello", nil)
	})
}

func TestCOM_FinishWithoutCall(t *testing.T) {
	var call async.Call[string]
	comResult(t, &call, "", async.ErrCallComplete)
	comWant(t, "Begin", call.Begin(t.Context(), func(context.Context) (string, error) { return "once", nil }), nil)
	comWant(t, "Wait", call.Wait(t.Context()), nil)
	comResult(t, &call, "once", nil)
	comResult(t, &call, "", async.ErrCallComplete)
}

func TestCOM_UseAgain(t *testing.T) {
	var call async.Call[int]
	for i := range 3 {
		comWant(t, "Begin", call.Begin(t.Context(), func(context.Context) (int, error) { return i, nil }), nil)
		comWant(t, "Wait", call.Wait(t.Context()), nil)
		comResult(t, &call, i, nil)
	}
}

func TestCOM_Exception(t *testing.T) {
	call := async.Go(t.Context(), func(context.Context) (string, error) { panic(errNoMore) })
	comWant(t, "Wait", call.Wait(t.Context()), nil) // the call is complete
	defer func() {
		p, ok := recover().(*async.PanicError)
		if !ok {
			t.Fatal("Finish did not panic")
		}
		comWant(t, "the panic", p, errNoMore)
		comWant(t, "the stack is the server's", strings.Contains(string(p.Stack), "TestCOM_Exception.func1"), true)
	}()
	_, _ = call.Finish()
}

// --- the signal

func TestCOM_Wait(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		call := async.Go(ctx, hello)
		err := call.WaitFor(time.Second - 1)
		comWant(t, "WaitFor", err, async.ErrTimeout)
		comWant(t, "WaitFor", err, async.ErrCallPending)
		comWant(t, "WaitFor", err, context.DeadlineExceeded)
		comWant(t, "Wait, without end", call.Wait(context.Background()), nil)
		comResult(t, call, "hello", nil)
	})
}

func TestCOM_Poll(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		call := async.Go(ctx, hello)
		comWant(t, "IsDone", call.IsDone(), false)
		comWant(t, "WaitFor(0)", call.WaitFor(0), async.ErrTimeout)
		time.Sleep(time.Second)
		synctest.Wait()
		comWant(t, "IsDone", call.IsDone(), true)
		comWant(t, "WaitFor(0)", call.WaitFor(0), nil)
		comResult(t, call, "hello", nil)
	})
}

func TestCOM_Signal(t *testing.T) {
	promise, call := async.NewPromise[string](t.Context())
	comWant(t, "Complete", promise.Complete("hello", nil), true)
	comWant(t, "Complete again", promise.Complete("later", nil), false)
	comWant(t, "Wait", call.Wait(t.Context()), nil)
	comResult(t, call, "hello", nil)

	var e async.Event
	comWant(t, "Set", e.Set(), true)
	comWant(t, "Set again", e.Set(), false)
	comWant(t, "Wait", e.Wait(t.Context()), nil)
}

func TestCOM_Reset(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		var call async.Call[string]
		comWant(t, "Begin", call.Begin(ctx, hello), nil)
		first := call.Done()
		<-first
		comWant(t, "a wait resets nothing", call.WaitFor(0), nil)
		comResult(t, &call, "hello", nil)

		comWant(t, "Begin", call.Begin(ctx, hello), nil)
		comWant(t, "the second call", call.WaitFor(0), async.ErrTimeout)
		<-first // the first one's signal is set for ever
		<-call.Done()
		comResult(t, &call, "hello", nil)
	})
}

func TestCOM_GetHandle(t *testing.T) {
	promise, call := async.NewPromise[string](t.Context(), async.CancelOnAbandon())
	done := call.Done()
	comWant(t, "the same each time", done, call.Done())
	call.Release() // the channel alone is no reference
	<-done
	comWant(t, "cause", context.Cause(promise.Context()), async.ErrAbandoned)
}

func TestCOM_DuplicateHandle(t *testing.T) {
	promise, call := async.NewPromise[string](t.Context(), async.CancelOnAbandon())
	signal := call.Signal() // waits, and can do nothing else
	clone := call.Clone()   // does everything
	call.Release()
	another := signal.Clone()
	signal.Release()
	comWant(t, "Complete, with two handles left", promise.Complete("hello", nil), true)
	comWant(t, "Wait", another.Wait(t.Context()), nil)
	another.Release()
	comWant(t, "Wait after Release", another.Wait(t.Context()) == async.ErrReleased, true)
	comResult(t, clone, "hello", nil)
}

func TestCOM_SetEventHandle(t *testing.T) {
	var mine async.Event
	call := async.Go(t.Context(), func(context.Context) (string, error) { return "hello", nil },
		async.OnSignal(func() { mine.Set() }))
	comWant(t, "Wait", mine.Wait(t.Context()), nil)
	comResult(t, call, "hello", nil)
}

func TestCOM_AwaitableEvent(t *testing.T) {
	e := new(async.Event)
	a, b := e, e.Signal() // a copy of the pointer; a counted handle that only waits
	defer b.Release()
	waits := async.GoEach(t.Context(), make([]struct{}, 10), func(ctx context.Context, _ struct{}) (struct{}, error) {
		return struct{}{}, b.Wait(ctx)
	})
	a.Set()
	_, err := waits.All(t.Context())
	comWant(t, "ten waits", err, nil)
	comWant(t, "Wait, afterwards", e.Wait(t.Context()), nil)
}

func TestCOM_OneTimeInitialization(t *testing.T) {
	runs := 0
	lazy := async.NewLazy(func(context.Context) (string, error) {
		runs++
		if runs == 1 {
			return "", errNoMore
		}
		return "hello", nil
	})
	_, err := lazy.Get(t.Context())
	comWant(t, "Get", err, errNoMore) // a failure is not kept
	calls := async.GoEach(t.Context(), make([]struct{}, 10), func(ctx context.Context, _ struct{}) (string, error) {
		return lazy.Get(ctx)
	})
	texts, err := calls.All(t.Context())
	comWant(t, "Get by ten", err, nil)
	comWant(t, "the last", texts[9], "hello")
	comWant(t, "runs", runs, 2)
}

// --- waiting for many

func TestCOM_WaitAny(t *testing.T) {
	_, slow := async.NewPromise[string](t.Context())
	defer slow.Release()
	fast := async.Ready(1, nil)
	i, err := async.WaitAny(t.Context(), slow, fast, fast)
	comWant(t, "the lowest", i, 1)
	comWant(t, "error", err, nil)
	comResult(t, fast, 1, nil) // which the wait has not taken
}

func TestCOM_WaitAnyTimeout(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		call := async.Go(ctx, hello)
		defer call.Release()
		short, cancel := context.WithTimeout(ctx, time.Second-1)
		defer cancel()
		i, err := async.WaitAny(short, call)
		comWant(t, "index", i, -1)
		comWant(t, "error", err, async.ErrCallPending)
		comWant(t, "error", err, context.DeadlineExceeded)
	})
}

func TestCOM_WaitAll(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		var e async.Event
		call := async.Go(ctx, hello)
		time.AfterFunc(time.Minute, func() { e.Set() })
		before := time.Now()
		comWant(t, "WaitAll", async.WaitAll(ctx, call, &e), nil)
		comWant(t, "time passed", time.Since(before), time.Minute)
		comResult(t, call, "hello", nil)
	})
}

func TestCOM_OtherInput(t *testing.T) {
	_, call := async.NewPromise[string](t.Context())
	defer call.Release()
	input := make(chan string, 1)
	input <- "a key was pressed"
	select {
	case text := <-input:
		comWant(t, "input", text, "a key was pressed")
	case <-call.Done():
		t.Error("the call is complete")
	}
	quit := make(chan struct{})
	close(quit)
	i, err := async.WaitAny(t.Context(), call, async.Chan(quit), t.Context())
	comWant(t, "WaitAny", i, 1)
	comWant(t, "WaitAny", err, nil)
}

func TestCOM_NothingToWaitFor(t *testing.T) {
	i, err := async.WaitAny(t.Context())
	comWant(t, "WaitAny", i, -1)
	comWant(t, "WaitAny", err == async.ErrNothingToWait, true)
	var set async.Set[int]
	_, err = set.Next(t.Context())
	comWant(t, "Next", err == async.ErrNothingToWait, true)
}

func TestCOM_Container(t *testing.T) {
	const n = 1000 // and not 63
	var set async.Set[int]
	defer set.Release()
	promises := make([]*async.Promise[int], n)
	for i := range n {
		p, call := async.NewPromise[int](t.Context())
		promises[i] = p
		set.Add(i, call)
	}
	for i, p := range slices.Backward(promises) {
		p.Complete(i, nil)
		key, err := set.Next(t.Context())
		comWant(t, "Next", key, i)
		comWant(t, "Next", err, nil)
	}
	comWant(t, "Len", set.Len(), 0)
}

func TestCOM_CalledDirectly(t *testing.T) {
	direct := false
	promise, call := async.NewPromise[string](t.Context(), async.OnSignal(func() { direct = true }))
	var called async.Event
	stop := async.AfterFunc(call, func() { called.Set() })
	promise.Complete("hello", nil)
	comWant(t, "OnSignal has run on this stack", direct, true)
	comWant(t, "AfterFunc runs on another", called.Wait(t.Context()), nil)
	comWant(t, "stop, too late", stop(), false)
	comResult(t, call, "hello", nil)
}

// --- abandoning and canceling

func TestCOM_Abandon(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ended := make(chan error, 1)
		call := async.Go(ctx, func(ctx context.Context) (string, error) {
			text, err := hello(ctx)
			ended <- err
			return text, err
		})
		call.Release()
		comResult(t, call, "", async.ErrReleased)
		comWant(t, "the work, which ran on", <-ended, nil)
	})
}

func TestCOM_LateResult(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		late := make(chan string, 1)
		call := async.Go(ctx, hello, async.Discard(func(text string, _ error) { late <- text }))
		call.Release()
		comWant(t, "Discard", <-late, "hello")
	})
}

func TestCOM_AbandonAndCancel(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		causes := make(chan error, 1)
		call := async.Go(ctx, func(ctx context.Context) (string, error) {
			<-ctx.Done()
			causes <- context.Cause(ctx)
			return "", nil
		}, async.CancelOnAbandon())
		synctest.Wait()
		call.Release()
		comWant(t, "cause", <-causes, async.ErrAbandoned)
	})
}

func TestCOM_Cancel(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		call := async.Go(ctx, hello)
		comWant(t, "Cancel", call.Cancel(errNoMore), nil)
		comWant(t, "IsDone", call.IsDone(), true)
		_, err := call.Finish()
		comWant(t, "Finish", err, async.ErrCanceled)
		comWant(t, "Finish", err, errNoMore)
		comWant(t, "Finish, pending", errors.Is(err, async.ErrCallPending), false)
	})
}

func TestCOM_CancelSeconds(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		grace := func() context.Context {
			ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
			t.Cleanup(cancel)
			return ctx
		}
		polite := async.Go(ctx, func(ctx context.Context) (string, error) {
			<-ctx.Done()
			time.Sleep(4 * time.Second) // tidies up
			return "half", nil
		})
		synctest.Wait()
		comWant(t, "CancelWait", polite.CancelWait(grace(), errNoMore), nil)
		comResult(t, polite, "half", nil) // the server's own answer

		stubborn := async.Go(ctx, func(context.Context) (string, error) {
			time.Sleep(time.Hour)
			return "whole", nil
		})
		synctest.Wait()
		comWant(t, "CancelWait", stubborn.CancelWait(grace(), errNoMore), context.DeadlineExceeded)
		comResult(t, stubborn, "", async.ErrCanceled)
	})
}

func TestCOM_CancelTooLate(t *testing.T) {
	call := async.Ready("hello", nil)
	comWant(t, "Cancel of the complete", call.Cancel(nil) == async.ErrCallComplete, true)
	comResult(t, call, "hello", nil)

	promise, again := async.NewPromise[string](t.Context())
	comWant(t, "Cancel", again.Cancel(errNoMore), nil)
	comWant(t, "Cancel again", again.Cancel(nil) == async.ErrCanceled, true)
	comWant(t, "Complete of the canceled", promise.Complete("hello", nil), false)
}

func TestCOM_FinishAfterCancel(t *testing.T) {
	var call async.Call[string]
	begin := func() error {
		_, err := call.BeginPromise(t.Context())
		return err
	}
	comWant(t, "Begin", begin(), nil)
	comWant(t, "Cancel", call.Cancel(nil), nil)
	comWant(t, "Begin of the unfinished", begin() == async.ErrCallPending, true)
	comResult(t, &call, "", async.ErrCanceled)
	comWant(t, "Begin of the finished", begin(), nil)
}

func TestCOM_CancelFromElsewhere(t *testing.T) {
	_, call := async.NewPromise[string](t.Context())
	clone := call.Clone()
	go func() {
		clone.Cancel(errNoMore)
		clone.Release()
	}()
	_, err := call.Await(t.Context())
	comWant(t, "Await", err, errNoMore)
}

func TestCOM_TestCancel(t *testing.T) {
	promise, call := async.NewPromise[string](t.Context())
	ctx := promise.Context()
	comWant(t, "before", ctx.Err(), nil)
	comWant(t, "Cancel", call.Cancel(errNoMore), nil)
	comWant(t, "after", ctx.Err(), context.Canceled)
	comWant(t, "cause", context.Cause(ctx), errNoMore)
	<-ctx.Done()
}

func TestCOM_CancellationIsEnabled(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		deaf := async.Go(ctx, func(context.Context) (string, error) {
			time.Sleep(time.Hour)
			return "whole", nil
		})
		synctest.Wait()
		comWant(t, "Cancel", deaf.Cancel(errNoMore), nil)
		_, err := deaf.Await(ctx) // whether or not the server listens
		comWant(t, "Await", err, async.ErrCanceled)

		enabled := async.Go(ctx, func(ctx context.Context) (string, error) {
			return hello(context.WithoutCancel(ctx)) // the server's way to disable it
		})
		synctest.Wait()
		comWant(t, "CancelWait", enabled.CancelWait(ctx, errNoMore), nil)
		comResult(t, enabled, "hello", nil)
	})
}

// --- the server's side

func TestCOM_Server(t *testing.T) {
	server := newPromiser()
	call, err := async.CreateCall[asyncStream](server)
	comWant(t, "CreateCall", err, nil)
	defer call.Release()
	comWant(t, "BeginRead", call.BeginRead(t.Context(), 4), nil)
	_, err = call.FinishRead()
	comWant(t, "FinishRead", err, async.ErrCallPending)
	r := <-server.begun // whenever the server likes, and where
	comWant(t, "Complete", r.promise.Complete("hello"[:r.n], nil), true)
	comWant(t, "Wait", call.Wait(t.Context()), nil)
	text, err := call.FinishRead()
	comWant(t, "FinishRead", text, "hell")
	comWant(t, "FinishRead", err, nil)
}

func TestCOM_AsyncManager(t *testing.T) {
	promise, call := async.NewPromise[string](t.Context(), async.Name("Read"))
	comWant(t, "state", call.Info().State, async.StateRunning)
	comWant(t, "context", promise.Context().Err(), nil)
	comWant(t, "Complete", promise.Complete("", errNoMore), true)
	comWant(t, "state", call.Info().State, async.StateCompleted)
	comResult(t, call, "", errNoMore)
}

func TestCOM_ServerGone(t *testing.T) {
	promise, call := async.NewPromise[string](t.Context())
	func() {
		defer promise.Break() // and the server leaves without an answer
	}()
	comResult(t, call, "", async.ErrBrokenPromise)
}

func TestCOM_CallContext(t *testing.T) {
	type clientKey struct{}
	client := func(ctx context.Context) string { name, _ := ctx.Value(clientKey{}).(string); return name }
	ctx := context.WithValue(t.Context(), clientKey{}, "alice")
	promise, call := async.NewPromise[string](ctx)
	comWant(t, "client", client(promise.Context()), "alice")
	promise.Complete("hello", nil)
	comWant(t, "client, after the signal", client(promise.Context()), "alice")
	comResult(t, call, "hello", nil)
}

func TestCOM_NoApartments(t *testing.T) {
	var call async.Call[string]
	var wg sync.WaitGroup
	elsewhere := func(act func()) {
		wg.Go(act)
		wg.Wait()
	}
	elsewhere(func() {
		err := call.Begin(t.Context(), func(context.Context) (string, error) { return "hello", nil })
		comWant(t, "Begin", err, nil)
	})
	elsewhere(func() { comWant(t, "Wait", call.Wait(t.Context()), nil) })
	elsewhere(func() { comResult(t, &call, "hello", nil) })
	call.Release()
}

// --- the table

var comTest = regexp.MustCompile(`TestCOM_\w+`)

// The table and the tests are one for one.
func TestCOMTable(t *testing.T) {
	text, err := os.ReadFile("com.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "\n## The table\n")
	table, _, _ = strings.Cut(table, "\n## ")
	named := map[string]bool{}
	rows := 0
	for l := range strings.Lines(table) {
		if !strings.HasPrefix(l, "| ") || strings.HasPrefix(l, "| ---") || strings.HasPrefix(l, "| COM |") {
			continue
		}
		rows++
		found := comTest.FindAllString(l, -1)
		if len(found) != 1 || named[found[0]] {
			t.Errorf("a row without a test of its own: %s", l)
		}
		for _, name := range found {
			named[name] = true
		}
	}
	f, err := parser.ParseFile(token.NewFileSet(), "com_test.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range f.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && comTest.MatchString(f.Name.Name) {
			if !named[f.Name.Name] {
				t.Errorf("no row names %s", f.Name.Name)
			}
			delete(named, f.Name.Name)
		}
	}
	if len(named) > 0 || rows == 0 {
		t.Errorf("of %d rows, no test is %q", rows, slices.Sorted(maps.Keys(named)))
	}
}
