package asyncnats_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats"
	"github.com/seed4712c49f/async/asyncnats/internal/natstest"
	"github.com/seed4712c49f/async/asynctest"
)

var errNotFound = errors.New("not found")

// failing returns a client of a server that fails with err.
func failing(t *testing.T, err error) *asyncnats.Client {
	a, b := pair(t)
	known := []asyncnats.ErrorCode{asyncnats.RegisterError("not_found", errNotFound)}
	serve(t, a, "x", func(context.Context, int) (int, error) { return 7, err }, asyncnats.ServeOptions{Name: "shop", Errors: known})
	return newClient(t, b, asyncnats.ClientOptions{Errors: known})
}

// An error that both sides know arrives as itself, and with the value beside it (R4).
func TestN5_ItselfArrivesAsItself(t *testing.T) {
	for _, want := range []error{
		errNotFound, async.ErrQueueFull, async.ErrScopeClosed, async.ErrBrokenPromise, async.ErrTimeout,
		context.Canceled, context.DeadlineExceeded, asyncnats.ErrNoResponders, asyncnats.ErrResponderLost,
	} {
		if v, err := await(t, asyncnats.Begin[int](t.Context(), failing(t, want), "x", 1)); err != want || v != 7 {
			t.Errorf("%v arrived as %d and %v", want, v, err)
		}
	}
}

// An error that wraps others is a RemoteError that is all those with a name.
func TestN5_WrappedIsFound(t *testing.T) {
	err := fmt.Errorf("order 4711: %w: %w: %w", errNotFound, context.DeadlineExceeded, io.EOF)
	got := wantError(t, asyncnats.Begin[int](t.Context(), failing(t, err), "x", 1), errNotFound, context.DeadlineExceeded)
	e := new(asyncnats.RemoteError)
	if !errors.As(got, &e) || e.Service != "shop" || e.Subject != "x" || e.Code != "not_found" || e.Message != err.Error() {
		t.Errorf("%#v", got)
	}
	if errors.Is(got, io.EOF) || errors.Is(got, async.ErrCanceled) {
		t.Errorf("%v is what it cannot be", got)
	}
}

func TestN5_Others(t *testing.T) {
	for _, text := range []string{"plain", "", " padded ", "two\nlines", "ctl \x00\r", strings.Repeat("long ", 10_000), "ümläut"} {
		got := wantError(t, asyncnats.Begin[int](t.Context(), failing(t, errors.New(text)), "x", 1))
		e := new(asyncnats.RemoteError)
		if !errors.As(got, &e) || e.Code != asyncnats.CodeInternal || e.Message != text {
			t.Errorf("%.20q arrived as %.60q with the code %q", text, e.Message, e.Code)
		}
	}
}

// The error of a canceled call at the server is all that it is there.
func TestN5_CanceledError(t *testing.T) {
	got := wantError(t, asyncnats.Begin[int](t.Context(), failing(t, &async.CanceledError{Cause: errNotFound}), "x", 1),
		async.ErrCanceled, context.Canceled, errNotFound)
	if errors.Is(got, async.ErrCallPending) {
		t.Error(got)
	}
}

func TestN5_PanicIsContained(t *testing.T) {
	for _, stack := range []bool{false, true} {
		a, b := pair(t)
		s := serve(t, a, "x", func(_ context.Context, n int) (int, error) {
			if n == 0 {
				panic("no such number")
			}
			return n, nil
		}, asyncnats.ServeOptions{SendStack: stack})
		c := newClient(t, b, asyncnats.ClientOptions{})
		got := wantError(t, asyncnats.Begin[int](t.Context(), c, "x", 0), asyncnats.ErrPanicked)
		if text := got.Error(); !strings.Contains(text, "panic: no such number") || strings.Contains(text, "errors_test.go") != stack {
			t.Errorf("with the stack %t: %s", stack, text)
		}
		wantValue(t, asyncnats.Begin[int](t.Context(), c, "x", 3), 3)
		if s := s.Stats(); s.Panicked != 1 || s.InFlight != 0 {
			t.Errorf("%+v", s)
		}
	}
}

// A function that panics when its call was canceled ends nothing but itself.
func TestN5_LatePanicIsContained(t *testing.T) {
	bubble(t, func(t *testing.T) {
		connect := natstest.RunInside(t)
		begun := make(chan struct{})
		s := serve(t, connect(), "x", func(ctx context.Context, _ int) (int, error) {
			close(begun)
			<-ctx.Done()
			panic("too late")
		}, asyncnats.ServeOptions{})
		c := newClient(t, connect(), asyncnats.ClientOptions{})
		call := asyncnats.Begin[int](t.Context(), c, "x", 0)
		<-begun
		call.Cancel(nil)
		time.Sleep(time.Second)
		if s := s.Stats(); s.Panicked != 1 {
			t.Errorf("%+v", s)
		}
	})
}

func TestN5_Goexit(t *testing.T) {
	a, b := pair(t)
	serve(t, a, "x", func(context.Context, int) (int, error) { runtime.Goexit(); return 0, nil }, asyncnats.ServeOptions{})
	c := newClient(t, b, asyncnats.ClientOptions{})
	if _, err := await(t, asyncnats.Begin[int](t.Context(), c, "x", 0)); err != async.ErrGoexit {
		t.Error(err)
	}
}

// loud panics in every method that a codec calls.
type loud struct{ Quiet bool }

func (l loud) MarshalJSON() ([]byte, error) {
	if !l.Quiet {
		panic("loud")
	}
	return []byte(`{}`), nil
}

func (l *loud) UnmarshalJSON([]byte) error { panic("loud") }

// What the methods of a value do ends no program, at either side.
func TestN5_CodecPanics(t *testing.T) {
	a, b := pair(t)
	serve(t, a, "decode", func(context.Context, loud) (int, error) { return 0, nil }, asyncnats.ServeOptions{})
	serve(t, a, "encode", func(context.Context, int) (loud, error) { return loud{}, nil }, asyncnats.ServeOptions{})
	serve(t, a, "reply", func(context.Context, int) (loud, error) { return loud{Quiet: true}, nil }, asyncnats.ServeOptions{})
	c := newClient(t, b, asyncnats.ClientOptions{})
	wantError(t, asyncnats.Begin[int](t.Context(), c, "decode", loud{}), asyncnats.ErrEncode)
	wantError(t, asyncnats.Begin[int](t.Context(), c, "decode", loud{Quiet: true}), asyncnats.ErrBadRequest)
	wantError(t, asyncnats.Begin[loud](t.Context(), c, "encode", 1), asyncnats.ErrBadReply)
	wantError(t, asyncnats.Begin[loud](t.Context(), c, "reply", 1), asyncnats.ErrBadReply)
}

// A Propagator that panics at the client panics out of Begin, which leaves no call behind.
func TestN5_InjectPanics(t *testing.T) {
	_, b := pair(t)
	c := newClient(t, b, asyncnats.ClientOptions{Propagator: badInject{}})
	p := asyncnats.NewProxy(c, "shop", "Shop", asyncnats.MethodOf[struct{}, struct{}]("Buy"))
	take := func(*struct{}) int { return 0 }
	own := new(async.Call[int])
	scope := asynctest.NewScope(t, async.ScopeOptions{})
	for name, begin := range map[string]func(){
		"Begin":    func() { asyncnats.Begin[int](t.Context(), c, "x", 1, scope) },
		"Invoke":   func() { asyncnats.Invoke(t.Context(), p, "Buy", struct{}{}, take, scope) },
		"InvokeOn": func() { asyncnats.InvokeOn(t.Context(), own, p, "Buy", struct{}{}, take, scope) },
	} {
		func() {
			defer func() {
				if recover() != errNotFound {
					t.Errorf("%s did not panic", name)
				}
			}()
			begin()
		}()
	}
	wantError(t, own, async.ErrBrokenPromise)
	if s := scope.Stats(); s.Broken != 3 || s.Pending != 0 {
		t.Errorf("%+v", s)
	}
}

// A codec that calls Goexit where a reply is read ends one call, and the client lives on. A call
// whose reply comes just then is answered, or told that the reply is lost.
func TestN5_CodecCallsGoexit(t *testing.T) {
	a, b := pair(t)
	serve(t, a, "x", double, asyncnats.ServeOptions{})
	c := newClient(t, b, asyncnats.ClientOptions{Heartbeat: 100 * time.Millisecond})
	answered := func(call *async.Call[int]) bool {
		v, err := await(t, call)
		if v != 2 && !errors.Is(err, asyncnats.ErrResponderLost) {
			t.Errorf("%d, %v", v, err)
		}
		return v == 2
	}
	for range 20 {
		bad, behind := asyncnats.Begin[exiting](t.Context(), c, "x", 1), asyncnats.Begin[int](t.Context(), c, "x", 1)
		wantError(t, bad, asyncnats.ErrBadReply)
		answered(behind)
		eventually(t, "the client lives on", func() bool { return answered(asyncnats.Begin[int](t.Context(), c, "x", 1)) })
	}
}

type badInject struct{ asyncnats.Propagator }

func (badInject) Inject(context.Context, asyncnats.Carrier) { panic(errNotFound) }

func TestRegisterErrorPanics(t *testing.T) {
	for _, f := range []func(){
		func() { asyncnats.RegisterError("x", nil) },
		func() { asyncnats.RegisterError("x", (*nilError)(nil)) },
		func() { asyncnats.RegisterError("", io.EOF) },
		func() { asyncnats.RegisterError("two words", io.EOF) },
		func() { asyncnats.RegisterError("a,b", io.EOF) },
		func() { asyncnats.RegisterError("async.queue_full", io.EOF) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("did not panic")
				}
			}()
			f()
		}()
	}
}

// A nilError is an error whose nil pointer, as any other one, cannot be asked for its text.
type nilError struct{ text string }

func (e *nilError) Error() string { return e.text }

// A strangeError panics when it is asked what it is.
type strangeError struct{}

func (strangeError) Error() string { return "strange" }
func (strangeError) Is(error) bool { panic("no answer") }

// badErrors are errors of users that panic when they are asked.
var badErrors = map[string]error{
	"a nil pointer":         (*nilError)(nil),
	"a wrapped nil pointer": errors.Join((*nilError)(nil)),
	"Is panics":             strangeError{},
	"Is of another panics":  fmt.Errorf("wrapped: %w", strangeError{}),
}

// An error that panics when it is asked is an error of the call, and the server lives on.
func TestN5_ErrorPanics(t *testing.T) {
	for name, bad := range badErrors {
		c := failing(t, bad)
		for range 2 {
			err := wantError(t, asyncnats.Begin[int](t.Context(), c, "x", 1), asyncnats.ErrPanicked)
			if !hasText(err, "the error panicked") {
				t.Errorf("%s arrived as %v", name, err)
			}
		}
	}
}

// A cause that panics when it is asked ends the function of the server all the same.
func TestN5_CausePanics(t *testing.T) {
	for name, bad := range badErrors {
		a, b := pair(t)
		g := newGate()
		serve(t, a, "x", g.double, asyncnats.ServeOptions{})
		call := asyncnats.Begin[int](t.Context(), newClient(t, b, asyncnats.ClientOptions{}), "x", 1)
		ctx := g.next(t)
		if err := call.Cancel(bad); err != nil {
			t.Error(err)
		}
		<-ctx.Done()
		if err := context.Cause(ctx); !errors.Is(err, asyncnats.ErrPanicked) {
			t.Errorf("%s arrived as %v", name, err)
		}
	}
}

// obstacles are observers by which a function never begins.
var obstacles = map[string]struct {
	o    async.Observer
	want error
}{
	"Started calls Goexit": {async.Observer{Started: func(async.CallInfo) { runtime.Goexit() }}, async.ErrGoexit},
	"Context calls Goexit": {async.Observer{Context: func(context.Context, async.CallInfo) context.Context { runtime.Goexit(); return nil }}, async.ErrGoexit},
	"Context panics":       {async.Observer{Context: func(context.Context, async.CallInfo) context.Context { panic("no context") }}, asyncnats.ErrPanicked},
	"Context returns nil":  {async.Observer{Context: func(context.Context, async.CallInfo) context.Context { return nil }}, asyncnats.ErrPanicked},
}

// A function that the observer of the server's scope keeps from beginning is an error of the call.
func TestN5_ObserverKeepsTheFunction(t *testing.T) {
	for name, test := range obstacles {
		t.Run(name, func(t *testing.T) {
			a, b := pair(t)
			s := serve(t, a, "x", double, asyncnats.ServeOptions{Scope: async.NewScope(async.ScopeOptions{Observer: test.o})})
			wantError(t, asyncnats.Begin[int](t.Context(), newClient(t, b, asyncnats.ClientOptions{}), "x", 1), test.want)
			if s := s.Stats(); s.InFlight != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// A badExtract is a Propagator whose Extract finds nothing, and ends in its own way.
type badExtract struct {
	tracing
	end func()
}

func (b badExtract) Extract(context.Context, asyncnats.Carrier) context.Context {
	b.end()
	return nil
}

var badExtracts = map[string]struct {
	asyncnats.Propagator
	want error
}{
	"panics":       {badExtract{end: func() { panic("no values") }}, asyncnats.ErrPanicked},
	"calls Goexit": {badExtract{end: runtime.Goexit}, async.ErrGoexit},
	"returns nil":  {badExtract{end: func() {}}, nil},
}

// Where the server's Propagator ends in a bad way nothing runs without the values, and the caller is told.
// The server lives on.
func TestN5_BadExtract(t *testing.T) {
	for name, test := range badExtracts {
		t.Run(name, func(t *testing.T) {
			a, b := pair(t)
			s := serve(t, a, "x", double, asyncnats.ServeOptions{Propagator: test.Propagator})
			c := newClient(t, b, asyncnats.ClientOptions{})
			calls := make(async.Calls[int], 100)
			for i := range calls {
				calls[i] = asyncnats.Begin[int](t.Context(), c, "x", i)
			}
			for i, call := range calls {
				if test.want == nil {
					wantValue(t, call, 2*i)
					continue
				}
				wantError(t, call, test.want)
			}
			if n := s.Stats().Panicked; (n == 100) != (test.want == asyncnats.ErrPanicked) {
				t.Errorf("%d panics", n)
			}
		})
	}
}

// An observer that ends Begin at the server, by a panic or by Goexit, ends that call and no other: a call
// that was begun all the same goes on.
func TestN5_ObserverEndsBegin(t *testing.T) {
	begin := func(f func() context.Context) async.Observer {
		return async.Observer{BeginContext: func(context.Context, async.CallInfo) context.Context { return f() }}
	}
	for name, test := range map[string]struct {
		o    async.Observer
		want error
	}{
		"BeginContext calls Goexit": {begin(func() context.Context { runtime.Goexit(); return nil }), async.ErrGoexit},
		"BeginContext panics":       {begin(func() context.Context { panic("no context") }), asyncnats.ErrPanicked},
		"BeginContext returns nil":  {begin(func() context.Context { return nil }), asyncnats.ErrPanicked},
		"Begun calls Goexit":        {async.Observer{Begun: func(async.CallInfo) { runtime.Goexit() }}, nil},
		"Begun panics":              {async.Observer{Begun: func(async.CallInfo) { panic("begun") }}, nil},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			a, b := pair(t)
			s := serve(t, a, "x", double, asyncnats.ServeOptions{Scope: async.NewScope(async.ScopeOptions{Observer: test.o})})
			c := newClient(t, b, asyncnats.ClientOptions{})
			var calls async.Calls[int]
			for range 20 {
				calls = append(calls, asyncnats.Begin[int](t.Context(), c, "x", 21))
			}
			for _, call := range calls {
				if test.want == nil {
					wantValue(t, call, 42)
				} else {
					wantError(t, call, test.want)
				}
			}
			if st := s.Stats(); st.InFlight != 0 {
				t.Errorf("%+v", st)
			}
		})
	}
}

// An error that has the text of one with a name, and is another one besides, arrives as both.
func TestN5_TextOfAnother(t *testing.T) {
	a, b := pair(t)
	serve(t, a, "x", func(context.Context, int) (int, error) { return 0, &async.CanceledError{} }, asyncnats.ServeOptions{})
	c := newClient(t, b, asyncnats.ClientOptions{})
	wantError(t, asyncnats.Begin[int](t.Context(), c, "x", 1), async.ErrCanceled, context.Canceled)
}

// An ErrorCode that RegisterError has not made is misuse, which is told where it is given.
func TestRegisterError_Zero(t *testing.T) {
	_, b := pair(t)
	defer func() {
		if r := fmt.Sprint(recover()); !strings.HasPrefix(r, "asyncnats: an ErrorCode") {
			t.Error(r)
		}
	}()
	asyncnats.NewClient(b, asyncnats.ClientOptions{Errors: make([]asyncnats.ErrorCode, 1)})
}

// An unencodable is a request that needed a call that was canceled.
type unencodable struct{}

func (unencodable) MarshalJSON() ([]byte, error) {
	return nil, &async.CanceledError{Name: "another call", Cause: errMind}
}

// What a request cannot be encoded for may be that another call was canceled: this call was not.
func TestErrors_EncodeForWantOfACanceledCall(t *testing.T) {
	a, _ := pair(t)
	call := asyncnats.Begin[int](t.Context(), newClient(t, a, asyncnats.ClientOptions{}), "x", unencodable{})
	err := wantError(t, call, asyncnats.ErrEncode, errMind)
	if text := err.Error(); !strings.Contains(text, "another call") {
		t.Error(text)
	}
}
