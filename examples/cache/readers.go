package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/seed4712c49f/async"
)

// readers ask the cache for totals, all at the same time.
type readers struct {
	o     *options
	cache *Cache[string, total]

	mu      sync.Mutex
	asked   map[string]int // how often, by product
	read    map[string]int // by a query
	took    []time.Duration
	gaveUp  int
	elapsed time.Duration
}

func newReaders(o *options, s *store, queries *async.Scope) *readers {
	r := &readers{o: o, asked: make(map[string]int), read: make(map[string]int)}
	r.cache = NewCache(o.keep, queries, func(ctx context.Context, product string) (total, error) {
		r.count(r.read, product)
		return s.total(ctx, product)
	})
	return r
}

// run has every reader ask, and waits for them. The first failure ends it.
func (r *readers) run(ctx context.Context) error {
	began := time.Now()
	numbers := make([]int, r.o.readers)
	for i := range numbers {
		numbers[i] = i
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	calls := async.GoEach(ctx, numbers, r.reader)
	defer calls.Release()
	_, err := calls.All(context.WithoutCancel(ctx)) // the readers look at ctx themselves
	cancel(err)                                     // so that the others leave too
	_, _ = calls.Settle(context.WithoutCancel(ctx))
	r.elapsed = time.Since(began)
	return err
}

// reader is the life of one reader.
func (r *readers) reader(ctx context.Context, number int) (struct{}, error) {
	rng := rand.New(rand.NewPCG(r.o.seed, uint64(number)))
	zipf := rand.NewZipf(rng, 1.2, 4, uint64(r.o.products-1)) // product 0 most often
	for range r.o.asks {
		patience := time.Hour
		if rng.IntN(4) == 0 {
			patience = time.Duration(1+rng.IntN(10)) * time.Millisecond
		}
		if err := r.ask(ctx, productName(int(zipf.Uint64())), patience); err != nil {
			return struct{}{}, err
		}
		pause(ctx, time.Duration(rng.IntN(20))*time.Millisecond) // the reader reads
	}
	return struct{}{}, nil
}

// ask asks for one product. To give up is no failure, but the end of ctx is.
func (r *readers) ask(ctx context.Context, product string, patience time.Duration) error {
	r.count(r.asked, product)
	began := time.Now()
	short, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := r.cache.Get(short, product)
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, gaveUp := errors.AsType[*async.WaitError](err); gaveUp && ctx.Err() == nil {
		r.gaveUp++
		return nil
	}
	r.took = append(r.took, time.Since(began))
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// pause returns when the time has passed or ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

func (r *readers) count(in map[string]int, product string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	in[product]++
}

// report draws what became of the questions, and of the queries.
func (r *readers) report(out io.Writer, s async.Stats) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.cache.Counts()
	all := n.Hits + n.Misses
	line := func(name string, n int64, what string) {
		text := fmt.Sprintf("  %-18s %5d  %-*s  %s", name, n, barWidth, bar(n, all), what)
		fmt.Fprintln(out, strings.TrimRight(text, " "))
	}
	fmt.Fprintf(out, "\nIn %s, %d questions:\n", short(r.elapsed), all)
	line("hits", n.Hits, "answered from memory")
	line("misses", n.Misses, "answered by a query, or given up:")
	line("  shared", n.Shared, "had the answer together with others")
	line("  given up", int64(r.gaveUp), "by readers who did not wait that long")
	fmt.Fprintf(out, "For that, %d queries in the scope:\n", s.Begun)
	line("answered", s.Returned, "")
	if s.Failed > 0 {
		line("failed", s.Failed, "and kept nothing")
	}
	line("canceled", s.Canceled, "when the last who waited had given up:")
	line("  while reading", n.Abandoned, "and stopped")
	line("  before", s.Canceled-n.Abandoned, "their turn came, and read nothing")
	r.times(out, s)
	r.favorites(out)
}

// times says how long it took to have an answer, and to stop where nobody wanted
// one.
func (r *readers) times(out io.Writer, s async.Stats) {
	if slices.Sort(r.took); len(r.took) > 0 {
		at := func(percent int) string { return short(r.took[(len(r.took)-1)*percent/100]) }
		fmt.Fprintf(out, "\nHalf of the answers came within %s, nine of ten within %s, all within %s.\n", at(50), at(90), at(100))
	}
	if s.Stopped > 0 {
		fmt.Fprintf(out, "A canceled query stopped within %s on average, and %s at most.\n",
			short(s.StopTotal/time.Duration(s.Stopped)), short(s.StopMax))
	}
}

// favorites lists the products that were asked for most, and how often they were
// read from the database.
func (r *readers) favorites(out io.Writer) {
	products := slices.SortedFunc(maps.Keys(r.asked), func(a, b string) int {
		return cmp.Or(cmp.Compare(r.asked[b], r.asked[a]), cmp.Compare(a, b))
	})
	fmt.Fprintf(out, "\n  most asked for     asked  queries\n")
	for _, p := range products[:min(len(products), 5)] {
		fmt.Fprintf(out, "  %-18s %5d    %5d  %s\n", p, r.asked[p], r.read[p], bar(int64(r.asked[p]), int64(r.asked[products[0]])))
	}
}

const barWidth = 30

// bar draws a part of a whole.
func bar(part, whole int64) string {
	return strings.Repeat("=", int((barWidth*part+whole-1)/max(whole, 1)))
}

// short writes a time in few digits.
func short(d time.Duration) string {
	switch {
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d >= time.Millisecond:
		return d.Round(time.Millisecond).String()
	}
	return d.Round(time.Microsecond).String()
}
