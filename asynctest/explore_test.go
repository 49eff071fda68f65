package asynctest_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asynctest"
)

// A cache keeps a value that is slow to load. A naive one keeps whatever a load
// brings, also one that began before Invalidate: then it serves for ever what is no
// longer so. The other keeps it only if nobody has said meanwhile that it changed.
type cache struct {
	naive bool
	load  func(context.Context) (int, error)

	mu      sync.Mutex // never held while the library is called
	value   int
	has     bool
	version int
}

func (c *cache) Get(ctx context.Context) (int, error) {
	v, has, version := c.look()
	if has {
		return v, nil
	}
	call := async.Go(ctx, c.load)
	defer call.Release()
	v, err := call.Await(ctx)
	if err == nil {
		c.keep(v, version)
	}
	return v, err
}

func (c *cache) look() (v int, has bool, version int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.value, c.has, c.version
}

func (c *cache) keep(v, version int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.naive || c.version == version {
		c.value, c.has = v, true
	}
}

func (c *cache) Invalidate() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.has = false
	c.version++
}

// The scenario: somebody gets the value while another changes it, and says so.
// Whoever gets it after that has the new one.
func getWhileItChanges(c *cache) func(r *asynctest.Run) {
	return func(r *asynctest.Run) {
		source := 1
		c := &cache{naive: c.naive, load: func(context.Context) (int, error) { return source, nil }}
		r.Go(func() { c.Get(bg) })
		r.Go(func() { source = 2; c.Invalidate() })
		r.Check(func() error {
			if v, err := c.Get(bg); v != 2 || err != nil {
				return errors.Join(err, fmt.Errorf("the source says 2, the cache %d", v))
			}
			return nil
		})
	}
}

func TestExplore_CacheKeepsNothingOld(t *testing.T) {
	asynctest.Explore(t, getWhileItChanges(&cache{}))
}

// A timeout may strike wherever time may pass, also between the work and its Set,
// and never strikes early.
func TestExplore_Time(t *testing.T) {
	outcomes := make(map[bool]int)
	asynctest.Explore(t, func(r *asynctest.Run) {
		var e async.Event
		start := time.Now()
		r.Go(func() {
			err := e.WaitFor(time.Minute)
			outcomes[err == nil]++
			if took := time.Since(start); err != nil && (took < time.Minute || !errors.Is(err, async.ErrTimeout)) {
				r.Errorf("after %v: %v", took, err)
			}
		})
		r.Go(func() { asynctest.Point("work"); e.Set() })
	}, asynctest.ExploreOptions{Time: true, Switches: 1})
	if outcomes[true] == 0 || outcomes[false] == 0 {
		t.Errorf("set in time and not: %v", outcomes)
	}
}

// A run takes the assertions of others: it has what they ask for.
func TestExplore_RunIsATestingT(t *testing.T) {
	var _ interface {
		Errorf(format string, args ...any)
		FailNow()
		Helper()
	} = new(asynctest.Run)
	asynctest.Explore(t, func(r *asynctest.Run) {
		r.Go(func() { r.Helper() })
	}, asynctest.ExploreOptions{Switches: -1})
}

// Elsewhere a point is nothing.
func TestPoint_IsNothingElsewhere(*testing.T) { asynctest.Point("here") }
