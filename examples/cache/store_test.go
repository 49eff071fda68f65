package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/seed4712c49f/async"
	"go.etcd.io/bbolt"
)

// newTestStore returns a store with sales in it.
func newTestStore(t *testing.T, sales, products int) *store {
	t.Helper()
	s, err := openStore("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(s.temp); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the folder %s is left: %v", s.temp, err)
		}
	})
	if n, err := s.fill(t.Context(), 1, sales, products); n != sales || err != nil {
		t.Fatalf("filled with %d: %v", n, err)
	}
	return s
}

func TestStore_total(t *testing.T) {
	const sales, products = 3000, 7
	s := newTestStore(t, sales, products)
	want := make(map[string]total)
	rng := rand.New(rand.NewPCG(1, 0))
	for range sales {
		sold := newSale(rng, products)
		w := want[sold.Product]
		w.Sales++
		w.Pieces += sold.Pieces
		w.Cents += int64(sold.Pieces) * sold.Cents
		want[sold.Product] = w
	}
	for product, w := range want {
		if got, err := s.total(t.Context(), product); got != w || err != nil {
			t.Errorf("%s: %+v, %v; want %+v", product, got, err, w)
		}
	}
	if got, err := s.total(t.Context(), "nothing"); got != (total{}) || err != nil {
		t.Errorf("of nothing: %+v, %v", got, err)
	}
}

// A countdown is a context that ends when it has been looked at so many times.
type countdown struct {
	context.Context
	looks int
}

func (c *countdown) Err() error {
	if c.looks--; c.looks < 0 {
		return context.Canceled
	}
	return nil
}

// A query that is canceled stops in the middle.
func TestStore_canceled(t *testing.T) {
	s := newTestStore(t, 10*recordsPerLook, 1)
	ctx, cancel := context.WithCancelCause(t.Context())
	over := errors.New("over")
	cancel(over)
	got, err := s.total(&countdown{ctx, 4}, productName(0))
	if want := 5*recordsPerLook - 1; got.Sales != want || err != over {
		t.Errorf("%d sales were read, want %d; error %v", got.Sales, want, err)
	}
}

// A database that was interrupted while it was filled is empty.
func TestStore_fillInterrupted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	s, err := openStore(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	over := errors.New("over")
	cancel(over)
	if _, err := s.fill(&countdown{ctx, 10}, 1, 100, 1); err != over {
		t.Errorf("error %v", err)
	}
	if n, err := s.fill(t.Context(), 1, 100, 1); n != 100 || err != nil {
		t.Errorf("then filled with %d: %v", n, err)
	}
	if n, err := s.fill(t.Context(), 1, 200, 1); n != 100 || err != nil {
		t.Errorf("and again with %d: %v", n, err)
	}
	if err := s.close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error("the file is gone:", err)
	}
}

func TestStore_openFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, make([]byte, 1<<16), 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := openStore(path); err == nil {
		t.Error("a file of zeros is a database")
		_ = s.close()
	}
}

// Readers share a query of the real database; when all have left it stops reading,
// and who comes then has one of his own.
func TestStore_behindCache(t *testing.T) {
	s := newTestStore(t, 2000, 3)
	began := make(chan struct{}, 1)
	deaf := make(chan struct{})
	c, queries := newTestCache(t, 10, 2, func(ctx context.Context, product string) (total, error) {
		select {
		case began <- struct{}{}:
			<-deaf // the first query is slow to notice
		default:
		}
		return s.total(ctx, product)
	})
	ctx, cancel := context.WithCancel(t.Context())
	var gets sync.WaitGroup
	for range 20 {
		gets.Go(func() {
			if _, err := c.Get(ctx, productName(1)); !errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
		})
	}
	<-began
	began <- struct{}{} // no other is slow

	// All are there: one who came after the others have left would begin another.
	for waiters := 0; waiters < 20; runtime.Gosched() {
		for query := range queries.InFlight() {
			waiters = query.Waiters
		}
	}
	cancel()
	gets.Wait()
	right, err := s.total(t.Context(), productName(1))
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		gets.Go(func() { want(t, c, productName(1), right) })
	}
	gets.Wait()
	close(deaf)
	if err := queries.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if n := c.Counts(); n.Queries != 2 || n.Abandoned != 1 {
		t.Errorf("counts %+v", n)
	}
	if s := queries.Stats(); s.Begun < 2 || s.Canceled != 1 || s.Stopped != 1 || s.Running != 0 {
		t.Errorf("the scope says %+v", s)
	}
	if _, err := c.Get(t.Context(), productName(2)); !errors.Is(err, async.ErrScopeClosed) {
		t.Errorf("after the end: %v", err)
	}
}

// putNonsense writes a record that is no sale.
func putNonsense(tx *bbolt.Tx) error {
	return tx.Bucket([]byte(salesBucket)).Put([]byte("nonsense"), []byte("?"))
}
