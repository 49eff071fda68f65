package asyncnats_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats"
	"github.com/seed4712c49f/async/asyncnats/internal/natstest"
)

// J8: the order of the requests of one key.

// A keyed is a request with a key.
type keyed struct {
	Key string
	N   int
}

// An order sees what runs when.
type order struct {
	mu      sync.Mutex
	running map[string]int
	seen    map[string][]int
	wrong   []string
}

func newOrder() *order { return &order{running: make(map[string]int), seen: make(map[string][]int)} }

// run is the function of the workers.
func (o *order) run(_ context.Context, k keyed) (int, error) {
	o.mu.Lock()
	o.running[k.Key]++
	if o.running[k.Key] > 1 {
		o.wrong = append(o.wrong, fmt.Sprintf("%s: two at a time at %d", k.Key, k.N))
	}
	o.mu.Unlock()
	runtime.Gosched() // another may run now
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.running[k.Key]--; o.running[k.Key] == 0 {
		delete(o.running, k.Key)
	}
	o.seen[k.Key] = append(o.seen[k.Key], k.N)
	return k.N, nil
}

// check fails the test unless each key had its requests once and in order.
func (o *order) check(t *testing.T, keys, each int) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, w := range o.wrong {
		t.Error(w)
	}
	for k := range keys {
		key := fmt.Sprint("customer ", k)
		if seen := o.seen[key]; len(seen) != each || !slices.IsSorted(seen) {
			t.Errorf("%s: %v", key, seen)
		}
	}
}

// Requests of one key run one at a time and in order, at several workers; those of different
// keys side by side.
func TestJ8_Order(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	o := newOrder()
	const keys, each = 7, 40
	var first sync.WaitGroup
	first.Add(keys)
	run := func(ctx context.Context, k keyed) (int, error) {
		if k.N == 0 {
			first.Done()
			first.Wait() // for all keys side by side
		}
		return o.run(ctx, k)
	}
	for range 3 {
		work(t, d.open(asyncnats.QueueOptions{}), run, asyncnats.WorkOptions{AtOnce: 8})
	}
	q := d.open(asyncnats.QueueOptions{})
	calls := make([]*async.Call[int], 0, keys*each)
	for n := range each {
		for k := range keys {
			key := fmt.Sprint("customer ", k)
			call, _ := submit[int](t, q, keyed{key, n}, asyncnats.Key(key))
			calls = append(calls, call)
		}
	}
	for i, call := range calls {
		wantValue(t, call, i/keys)
	}
	o.check(t, keys, each)
	eventually(t, "nothing is left of the keys", func() bool { return d.stream("ASYNC_jobs").State.Msgs == 0 })
}

// A key that has many requests, and one that is stuck, hold up nobody else.
func TestJ8_KeysDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	q := d.open(asyncnats.QueueOptions{})
	g := newGate()
	w := work(t, d.open(asyncnats.QueueOptions{}), func(ctx context.Context, k keyed) (int, error) {
		if k.Key == "stuck" {
			return g.double(ctx, k.N)
		}
		return 2 * k.N, nil
	}, asyncnats.WorkOptions{AtOnce: 2})
	stuck := make(async.Calls[int], 200)
	for i := range stuck {
		stuck[i], _ = submit[int](t, q, keyed{"stuck", i}, asyncnats.Key("stuck"))
	}
	g.next(t)
	many := make(async.Calls[int], 100)
	for i := range many {
		many[i], _ = submit[int](t, q, keyed{"many", i}, asyncnats.Key("many"))
	}
	for i := range 10 {
		plain, _ := submit[int](t, q, keyed{N: i})
		wantValue(t, plain, 2*i)
	}
	for i, call := range many {
		wantValue(t, call, 2*i)
	}
	if s := w.Stats(); s.Held > 2 {
		t.Errorf("%+v: requests of a key that is stuck are held", s)
	}
	g.open.Set()
	for i, call := range stuck {
		wantValue(t, call, 2*i)
	}
}

// A request that is tried again, and one that is canceled while it runs and does not heed
// that, hold up the next of their key.
func TestJ8_RetryAndCancelKeepTheOrder(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	q := d.open(asyncnats.QueueOptions{})
	var mu sync.Mutex
	var seen []int
	entered, leave := make(chan struct{}), make(chan struct{})
	work(t, d.open(asyncnats.QueueOptions{}), func(_ context.Context, n int) (int, error) {
		if n == 1 {
			close(entered)
			<-leave // whatever becomes of its context
		}
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, n)
		if n == 0 && len(seen) < 3 {
			return 0, errFlaky
		}
		return n, nil
	}, asyncnats.WorkOptions{Retry: flaky, Backoff: []time.Duration{20 * time.Millisecond}})
	var calls async.Calls[int]
	var ids []string
	for n := range 4 {
		call, id := submit[int](t, q, n, asyncnats.Key("k"))
		calls, ids = append(calls, call), append(ids, id)
	}
	wantValue(t, calls[0], 0)
	<-entered
	if err := q.Cancel(t.Context(), ids[1], nil); err != nil {
		t.Fatal(err)
	}
	wantError(t, calls[1], async.ErrCanceled)
	if err := q.Cancel(t.Context(), ids[2], nil); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	if !slices.Equal(seen, []int{0, 0, 0}) {
		t.Errorf("%v ran while the function of a canceled call did", seen)
	}
	mu.Unlock()
	close(leave)
	wantValue(t, calls[3], 3)
	if !slices.Equal(seen, []int{0, 0, 0, 1, 3}) {
		t.Errorf("%v", seen)
	}
}

// A key whose turn was lost, because a process died between two writes, is found by the next
// worker that begins.
func TestJ8_LostTurn(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	q := d.open(asyncnats.QueueOptions{})
	call, _ := submit[int](t, q, 21, asyncnats.Key("a key: with * and > and ä"))
	s := d.liveStream("ASYNC_jobs")
	if err := s.Purge(t.Context(), jetstream.WithPurgeSubject("_ASYNC.queue.jobs.turn.>")); err != nil {
		t.Fatal(err)
	}
	work(t, q, double, asyncnats.WorkOptions{})
	wantValue(t, call, 42)
}

// Requests come and go, so that keys have a turn and none again and again: no request is left
// without one.
func TestJ8_TurnsComeAndGo(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	o := newOrder()
	for range 2 {
		work(t, d.open(asyncnats.QueueOptions{}), o.run, asyncnats.WorkOptions{})
	}
	q := d.open(asyncnats.QueueOptions{})
	const keys, each = 3, 150
	var wg sync.WaitGroup
	for k := range keys {
		wg.Go(func() {
			key := fmt.Sprint("customer ", k)
			var window async.Calls[int]
			for n := range each {
				call, _, err := asyncnats.Submit[int](t.Context(), q, keyed{key, n}, asyncnats.Key(key))
				if err != nil {
					t.Error(err)
					return
				}
				window = append(window, call)
				if rand.IntN(2) == 0 { // wait until the key has nothing any more
					for _, call := range window {
						if _, err := await(t, call); err != nil {
							t.Error(err)
						}
					}
					window = nil
				}
			}
			for _, call := range window {
				await(t, call)
			}
		})
	}
	wg.Wait()
	o.check(t, keys, each)
}

// The same in a cluster, which answers before all its servers have done what they were asked for. A
// key that has lost its turn would be found only after a minute.
func TestJ8_TurnsComeAndGoInACluster(t *testing.T) {
	t.Parallel()
	nodes := natstest.Cluster(t, 3)
	c := asyncnats.QueueOptions{Replicas: 3, Memory: true}
	o := newOrder()
	for _, node := range nodes[:2] {
		work(t, openQueue(t, natstest.Connect(t, node.ClientURL()), c), o.run, asyncnats.WorkOptions{})
	}
	nc := natstest.Connect(t, nodes[2].ClientURL())
	q := openQueue(t, nc, c)
	const keys, each = 8, 100
	var wg sync.WaitGroup
	for k := range keys {
		wg.Go(func() {
			key := fmt.Sprint("customer ", k)
			for n := range each {
				for range rand.IntN(30) { // some time, in which the worker removes the turn
					nc.Flush()
				}
				call, _, err := asyncnats.Submit[int](t.Context(), q, keyed{key, n}, asyncnats.Key(key))
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := await(t, call); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	o.check(t, keys, each)
}

// The worker that has the turn of a key is lost, here with its connection: another goes on with
// the same request, and the order holds.
func TestJ8_WorkerLost(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	q := d.open(asyncnats.QueueOptions{})
	g := newGate()
	defer g.open.Set()
	nc := natstest.Connect(t, d.url, nats.NoReconnect())
	work(t, openQueue(t, nc, asyncnats.QueueOptions{}), func(ctx context.Context, k keyed) (int, error) {
		return g.double(ctx, k.N)
	}, asyncnats.WorkOptions{AckWait: 500 * time.Millisecond})
	calls := make(async.Calls[int], 20)
	for n := range calls {
		calls[n], _ = submit[int](t, q, keyed{"customer 0", n}, asyncnats.Key("customer 0"))
	}
	g.next(t)
	nc.Close()
	o := newOrder()
	work(t, d.open(asyncnats.QueueOptions{}), o.run, asyncnats.WorkOptions{AckWait: 500 * time.Millisecond})
	for n, call := range calls {
		wantValue(t, call, n)
	}
	o.check(t, 1, len(calls))
}

// The turn of a key cannot be stored, although the request was: Submit returns the call all the
// same, and the next worker that looks for keys without a turn runs the request.
func TestJ8_NoRoomForTheTurn(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	q := d.open(asyncnats.QueueOptions{})
	js := d.js()
	limit := func(messages int64) {
		t.Helper()
		c := d.stream("ASYNC_jobs").Config
		c.MaxMsgs = messages
		if _, err := js.UpdateStream(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	limit(1)
	call, id := submit[int](t, q, 21, asyncnats.Key("k"), asyncnats.ID("a"))
	again, _ := submit[int](t, q, 21, asyncnats.Key("k"), asyncnats.ID(id))
	if n := d.stream("ASYNC_jobs").State.Msgs; n != 1 {
		t.Fatalf("%d messages are stored, not the request alone", n)
	}
	limit(-1)
	work(t, q, double, asyncnats.WorkOptions{})
	wantValue(t, call, 42)
	wantValue(t, again, 42)
}

// A worker dies with the turn of a key, whose first request is canceled then: the next request was
// not delivered by that, and is not given up for it. Where there is no room for another turn, the
// request is run all the same.
func TestJ8_DeliveriesAreOfOneRequest(t *testing.T) {
	t.Parallel()
	for _, full := range []bool{false, true} {
		d := newDepot(t)
		q := d.open(asyncnats.QueueOptions{})
		o := asyncnats.WorkOptions{AckWait: 500 * time.Millisecond, MaxDeliver: 1}
		if full {
			o.MaxDeliver = 2
		}
		g := newGate()
		defer g.open.Set()
		nc := natstest.Connect(t, d.url, nats.NoReconnect())
		work(t, openQueue(t, nc, asyncnats.QueueOptions{}), g.double, o)
		first, id := submit[int](t, q, 1, asyncnats.Key("k"))
		second, _ := submit[int](t, q, 2, asyncnats.Key("k"))
		g.next(t)
		nc.Close() // as of a process that is killed
		if err := q.Cancel(t.Context(), id, nil); err != nil {
			t.Fatal(err)
		}
		wantError(t, first, async.ErrCanceled)
		if full {
			c := d.stream("ASYNC_jobs").Config
			c.MaxMsgs, c.DiscardNewPerSubject = 2, true
			if _, err := d.js().UpdateStream(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
		work(t, d.open(asyncnats.QueueOptions{}), double, o)
		wantValue(t, second, 4)
	}
}

// A request of a key is canceled as its function is about to begin: it does not begin beside the
// next of its key.
func TestJ8_CanceledAsItBegins(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	q := d.open(asyncnats.QueueOptions{})
	var begun atomic.Int32
	about, goOn, over := make(chan struct{}), make(chan struct{}), make(chan struct{}, 1)
	scope := async.NewScope(async.ScopeOptions{Observer: async.Observer{
		Started: func(async.CallInfo) {
			if begun.Add(1) == 1 {
				close(about)
				<-goOn
			}
		},
		Returned: func(async.CallInfo) { over <- struct{}{} },
	}})
	g := newGate()
	w := work(t, d.open(asyncnats.QueueOptions{}), g.double, asyncnats.WorkOptions{Scope: scope})
	first, id := submit[int](t, q, 1, asyncnats.Key("k"))
	second, _ := submit[int](t, q, 2, asyncnats.Key("k"))
	<-about
	if err := q.Cancel(t.Context(), id, nil); err != nil {
		t.Fatal(err)
	}
	wantError(t, first, async.ErrCanceled)
	g.next(t) // the second
	close(goOn)
	<-over
	if n := len(g.entered); n != 0 {
		t.Error("two functions of a key are running")
	}
	g.open.Set()
	wantValue(t, second, 4)
	eventually(t, "the worker has let go", func() bool { return w.Stats().Held == 0 })
}
