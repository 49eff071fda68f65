// A crawler under a limit, with this library and by hand.

package bench_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/seed4712c49f/async"
)

// The site of BenchmarkCrawl: a tree of pages, each of which also names its parent.
const (
	crawlPages = 150
	crawlLinks = 4
	crawlLimit = 8
)

// page returns the links of a page, one a line, after up to 3 ms.
func page(r *http.Request) (string, error) {
	var i int
	if _, err := fmt.Sscanf(r.URL.Path, "/%d", &i); err != nil {
		return "", err
	}
	links := fmt.Sprintf("/%d\n", max(i-1, 0)/crawlLinks)
	for next := i*crawlLinks + 1; next <= i*crawlLinks+crawlLinks && next < crawlPages; next++ {
		links += fmt.Sprintf("/%d\n", next)
	}
	return links, pause(r.Context(), time.Duration(i%4)*time.Millisecond)
}

// A crawler follows the links of a site of 150 pages, each of which takes up to 3 ms.
// It has at most eight requests at a time, which the site checks. The first error
// would end the crawl. One operation is a whole crawl.
func BenchmarkCrawl(b *testing.B) {
	for _, p := range []struct {
		name  string
		crawl func(ctx context.Context, get get) (pages int, err error)
	}{
		{"raw=workers-and-channels", crawlByWorkers},
		{"async=Scope-and-Set", crawlByAsync},
		{"errgroup=level-by-level", crawlByErrgroup},
	} {
		b.Run(p.name, func(b *testing.B) {
			f := newFetcher(b)
			g := gauge{limit: crawlLimit}
			url := serve(b, func(r *http.Request) (string, error) {
				if g.now.Add(1) > g.limit {
					return "", errors.New("too many requests at a time")
				}
				defer g.now.Add(-1)
				return page(r)
			})
			get := func(ctx context.Context, path string) (string, error) { return f.get(ctx, url+path) }
			oneCaller(b, crawlPages, func() int {
				n, err := p.crawl(b.Context(), get)
				if err != nil {
					b.Error(err)
				}
				return n
			})
			b.ReportMetric(float64(b.N)*crawlPages/b.Elapsed().Seconds(), "pages/s")
		})
	}
}

// unseen notes links and returns those that are new.
func unseen(seen map[string]bool, links string) (fresh []string) {
	for link := range strings.FieldsSeq(links) {
		if !seen[link] {
			seen[link] = true
			fresh = append(fresh, link)
		}
	}
	return fresh
}

func crawlByWorkers(ctx context.Context, get get) (int, error) {
	ctx, cancel := context.WithCancel(ctx)
	type answer struct {
		links string
		err   error
	}
	paths, answers := make(chan string), make(chan answer)
	var wg sync.WaitGroup
	for range crawlLimit {
		wg.Go(func() {
			for path := range paths {
				links, err := get(ctx, path)
				answers <- answer{links, err}
			}
		})
	}
	defer wg.Wait()
	defer close(paths)
	defer cancel()
	seen := map[string]bool{}
	queue, busy := unseen(seen, "/0"), 0
	var failed error
	for busy > 0 || len(queue) > 0 && failed == nil {
		var out chan string // nil where there is nothing to send
		next := ""
		if len(queue) > 0 && failed == nil {
			out, next = paths, queue[0]
		}
		select {
		case out <- next:
			queue = queue[1:]
			busy++
		case a := <-answers:
			busy--
			if a.err != nil && failed == nil {
				failed = a.err
				cancel()
			}
			queue = append(queue, unseen(seen, a.links)...)
		}
	}
	return len(seen), failed
}

func crawlByAsync(ctx context.Context, get get) (int, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	limit := async.NewScope(async.ScopeOptions{Limit: crawlLimit})
	var fetches async.Set[*async.Call[string]]
	defer fetches.Release()
	seen := map[string]bool{}
	visit := func(links string) {
		for _, path := range unseen(seen, links) {
			call := async.Go(ctx, func(ctx context.Context) (string, error) { return get(ctx, path) }, limit)
			fetches.Add(call, call)
		}
	}
	visit("/0")
	for call := range fetches.All(ctx) {
		links, err := call.Finish()
		if err != nil {
			return 0, err
		}
		visit(links)
	}
	return len(seen), ctx.Err()
}

// crawlByErrgroup waits for all pages of a depth before it goes deeper: a function in
// a group with a limit cannot begin another one without blocking.
func crawlByErrgroup(ctx context.Context, get get) (int, error) {
	seen := map[string]bool{}
	for level := unseen(seen, "/0"); len(level) > 0; {
		g, ctx := errgroup.WithContext(ctx)
		g.SetLimit(crawlLimit)
		links := make([]string, len(level))
		for i, path := range level {
			g.Go(func() (err error) {
				links[i], err = get(ctx, path)
				return err
			})
		}
		if err := g.Wait(); err != nil {
			return 0, err
		}
		level = unseen(seen, strings.Join(links, ""))
	}
	return len(seen), nil
}
