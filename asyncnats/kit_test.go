package asyncnats_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats"
	"github.com/seed4712c49f/async/asyncnats/internal/natstest"
	"github.com/seed4712c49f/async/asyncnats/internal/wire"
)

// What the tests share: a server of NATS with a client and a server of this package on
// connections of their own.

// patience is how long a test waits for what is to come at once, on a machine that has
// other things to do. In a bubble it is no time at all, unless nothing comes.
const patience = 10 * time.Second

// serve serves a subject for the test.
func serve[Req, Resp any](t testing.TB, nc *nats.Conn, subject string, fn func(context.Context, Req) (Resp, error), o asyncnats.ServeOptions) *asyncnats.Server {
	t.Helper()
	if o.Name == "" {
		o.Name = "service"
	}
	s, err := asyncnats.Serve(nc, subject, fn, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil { // the server of NATS knows of the subscription now
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		s.Shutdown(ctx)
	})
	return s
}

// newClient returns a client for the test.
func newClient(t testing.TB, nc *nats.Conn, o asyncnats.ClientOptions) *asyncnats.Client {
	t.Helper()
	c, err := asyncnats.NewClient(nc, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// pair returns two connections to one new server of NATS.
func pair(t testing.TB) (a, b *nats.Conn) {
	t.Helper()
	url := natstest.Run(t, natstest.Options()).ClientURL()
	return natstest.Connect(t, url), natstest.Connect(t, url)
}

// await returns what the call completes with, soon.
func await[T any](t testing.TB, call *async.Call[T]) (T, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	v, err := call.Await(ctx)
	if errors.Is(err, async.ErrCallPending) {
		t.Fatalf("the call was left waiting: %v", err)
	}
	return v, err
}

// wantError fails the test unless the call completes with an error that is each of those.
func wantError[T any](t testing.TB, call *async.Call[T], want ...error) error {
	t.Helper()
	v, err := await(t, call)
	for _, w := range want {
		if !errors.Is(err, w) {
			t.Fatalf("the call returned %v and the error %v, which is not %v", v, err, w)
		}
	}
	return err
}

// wantValue fails the test unless the call completes with the value.
func wantValue[T comparable](t testing.TB, call *async.Call[T], want T) {
	t.Helper()
	if v, err := await(t, call); v != want || err != nil {
		t.Fatalf("the call returned %v and the error %v, not %v", v, err, want)
	}
}

// bubble runs a test in a bubble of synctest. The client of NATS keeps used timers in a pool
// that all connections share, and a timer of a bubble must not be used outside: the pool is
// emptied, which takes two collections. So no test that uses a bubble is parallel.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	defer runtime.GC()
	defer runtime.GC()
	synctest.Test(t, f)
}

func double(_ context.Context, n int) (int, error) { return 2 * n, nil }

// A gate holds up the functions of a server until it is opened.
type gate struct {
	entered chan context.Context // each function's context, when it has begun
	open    async.Event
	late    async.Event // a function was let go by its context
}

func newGate() *gate { return &gate{entered: make(chan context.Context, 100_000)} }

// double is double when the gate is open, or the cause of ctx when that ends before.
func (g *gate) double(ctx context.Context, n int) (int, error) {
	g.entered <- ctx
	select { // a wait of package async would lend the slot of the function
	case <-ctx.Done():
		g.late.Set()
		return 0, context.Cause(ctx)
	case <-g.open.Done():
		return 2 * n, nil
	}
}

// next returns the context of the next function that has begun.
func (g *gate) next(t testing.TB) context.Context {
	t.Helper()
	select {
	case ctx := <-g.entered:
		return ctx
	case <-time.After(patience):
		t.Fatal("no function was begun")
		return nil
	}
}

// A tally counts how often something happened to each of many.
type tally struct {
	mu sync.Mutex
	n  map[int]int
}

func (y *tally) add(i int) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.n == nil {
		y.n = make(map[int]int)
	}
	y.n[i]++
}

func (y *tally) of(i int) int {
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.n[i]
}

// An ear hears what servers tell the clients of an inbox prefix.
type ear struct {
	beats chan *nats.Msg
	named int // calls that a server said to have
}

// listen returns an ear on its own connection.
func listen(t testing.TB, nc *nats.Conn, prefix string) *ear {
	t.Helper()
	e := &ear{beats: make(chan *nats.Msg, 10_000)}
	if _, err := nc.ChanSubscribe(prefix+".*."+wire.BeatToken, e.beats); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	return e
}

// beat returns when a server has sent a heartbeat that was not waited for.
func (e *ear) beat(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	select {
	case m := <-e.beats:
		b, err := wire.ParseBeat(m.Data)
		if err != nil {
			t.Fatal(err)
		}
		e.named += len(b.Has) / wire.IDSize
	case <-ctx.Done():
		t.Fatal("no server was heard")
	}
}

// told returns when servers have said of n calls that they have them.
func (e *ear) told(t testing.TB, n int) {
	t.Helper()
	for e.named < n {
		e.beat(t)
	}
}
