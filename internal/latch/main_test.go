package latch_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/seed4712c49f/async/internal/latch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// This file has what the tests of latches share: goroutines that start together, sinks
// that take notes, and an owner of a queue.

var bg = context.Background()

// rounds is how often a race is run.
const rounds = 2000

// together runs functions at the same time and waits for all of them.
func together(fs ...func()) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for _, f := range fs {
		wg.Go(func() { <-start; f() })
	}
	close(start)
	wg.Wait()
}

// wantEq compares got with want.
func wantEq(t *testing.T, what string, got, want any) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// panicOf returns what f panics with, or nil.
func panicOf(f func()) (v any) {
	defer func() { v = recover() }()
	f()
	return nil
}

// A notes is a sink that notes the numbers of the nodes that are fired.
type notes []int

func (s *notes) Fire(n *latch.Node) { *s = append(*s, n.Index()) }

// node returns the i-th node of s for l.
func node(l *latch.Latch, s latch.Sink, i int) *latch.Node {
	n := new(latch.Node)
	n.Reset(l, s, i)
	return n
}

// An owner is a queue of keys. It keeps a node for each member, as owners do.
type owner struct {
	q     latch.Queue
	nodes []*latch.Node
	keys  []int
}

// enter returns the function that gives key a node.
func (o *owner) enter(key int) func(*latch.Node) *latch.Node {
	return func(n *latch.Node) *latch.Node {
		if n == nil {
			n = node(nil, nil, len(o.nodes))
			o.nodes, o.keys = append(o.nodes, n), append(o.keys, 0)
		}
		o.keys[n.Index()] = key
		return n
	}
}

func (o *owner) add(key int, l *latch.Latch) { o.q.Add(l, o.enter(key)) }

func (o *owner) addChan(key int, ch <-chan struct{}) { o.q.AddChan(ch, o.enter(key)) }

func (o *owner) addContext(key int, ctx context.Context) { //nolint:revive // the key comes first
	o.q.AddContext(ctx, o.enter(key))
}

// next is Next by a context.
func (o *owner) next(ctx context.Context) (key int, out latch.Outcome) {
	out = o.q.Next(nil, latch.Until{Done: ctx.Done()}, func(n *latch.Node) { key = o.keys[n.Index()] })
	return key, out
}

func (o *owner) tryNext() (key int, ok bool) {
	ok = o.q.TryNext(func(n *latch.Node) { key = o.keys[n.Index()] })
	return key, ok
}

// rest takes what is complete.
func (o *owner) rest() (keys []int) {
	for {
		key, ok := o.tryNext()
		if !ok {
			return keys
		}
		keys = append(keys, key)
	}
}

func (o *owner) withdraw() {
	var nodes []*latch.Node
	o.q.Withdraw(
		func() { nodes, o.nodes, o.keys = o.nodes, nil, nil },
		func(each func(*latch.Node)) {
			for n := range slices.Values(nodes) {
				each(n)
			}
		})
}
