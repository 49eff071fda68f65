package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/seed4712c49f/async"
)

// A crawl fetches the pages of one site, each once. Each page is a call in the
// crawl's scope; the calls for the links on a page are begun by its function,
// which waits for them.
type crawl struct {
	scope  *async.Scope
	client *http.Client
	url    *url.URL // where it begins
	limit  int      // of pages being fetched at once
	max    int      // of pages
	board  *board   // shows what happens

	mu    sync.Mutex
	pages map[string]state // every page that was found, by name
	tally
}

// A state is what has become of a page.
type state int

const (
	stateFound    state = iota // → fetching, unless the crawl is stopped before
	stateFetching              // holds a slot → waiting, broken or canceled
	stateWaiting               // for its links, with its slot lent to others → done
	stateDone                  // and so are all pages below
	stateBroken                // not what a page should be
	stateCanceled              // the crawl was stopped before the page had come

	stateCount
)

// A tally says how far a crawl has come.
type tally struct {
	count  [stateCount]int // of pages, by state
	most   [stateCount]int // that there ever were at the same time
	bytes  int64
	broken []broken
	start  time.Time
	end    time.Time // zero before
	depth  int       // the longest chain of pages that waited for one another
}

// A page is one of the site.
type page struct {
	url  *url.URL
	name string // its path and query, as no other page has them
	from string // the name of the page that names it
}

// A broken page was asked for and did not come.
type broken struct {
	page page
	err  error
}

func newCrawl(o *options, b *board) *crawl {
	return &crawl{
		scope: async.NewScope(async.ScopeOptions{
			Name:  "crawl",
			Limit: o.limit,
			Panic: async.PanicCrash, // a bug is to be seen, not to become a broken page
		}),
		client: newClient(o.limit),
		url:    o.url,
		limit:  o.limit,
		max:    o.max,
		board:  b,
		pages:  make(map[string]state),
		tally:  tally{start: time.Now()},
	}
}

// run crawls the site. When ctx ends before it is done, it stops in order.
func (c *crawl) run(ctx context.Context, grace time.Duration) error {
	first, _ := c.claim(c.url, "the command line")
	// What ends the program's wait must not end the calls: they have their grace.
	call := c.begin(context.WithoutCancel(ctx), first)
	defer call.Release()
	if call.Wait(ctx) != nil {
		c.stop(context.Cause(ctx), grace)
		c.over(0)
		return context.Cause(ctx)
	}
	depth, err := call.Await(ctx) // the call is complete, so it does not wait
	c.over(depth)
	if err != nil {
		return fmt.Errorf("cannot begin: %v: %w", c.url, err)
	}
	return c.scope.Shutdown(context.WithoutCancel(ctx)) // every function has returned, or is about to
}

// begin begins the call for a page.
func (c *crawl) begin(ctx context.Context, p page) *async.Call[int] {
	return async.Go(ctx,
		func(ctx context.Context) (int, error) { return c.visit(ctx, p) },
		c.scope, async.Name(p.name))
}

// visit is the function of a page's call. It returns how long the longest chain
// of pages is from here down.
func (c *crawl) visit(ctx context.Context, p page) (depth int, err error) {
	links, err := c.fetch(ctx, p)
	if err != nil {
		return 0, err
	}
	var below async.Calls[int]
	for _, link := range links {
		if next, ok := c.claim(link, p.name); ok {
			below = append(below, c.begin(ctx, next))
		}
	}
	defer below.Release()
	// The wait has this function's context, so the scope knows who waits, and
	// lends the slot to another page. With a limit of 8 and without that, the
	// ninth page of a chain would never be fetched.
	results, err := below.Settle(ctx)
	for _, r := range results { // pages that are broken are told of already
		depth = max(depth, r.Value)
	}
	c.set(p, stateDone)
	return depth + 1, err
}

// fetch gets a page and returns the links on it.
func (c *crawl) fetch(ctx context.Context, p page) ([]*url.URL, error) {
	c.set(p, stateFetching)
	got, err := get(ctx, c.client, p.url)
	c.add(got.size)
	switch {
	case err == nil:
		c.set(p, stateWaiting)
	case ctx.Err() != nil:
		c.set(p, stateCanceled)
	default:
		c.set(p, stateBroken)
		c.add(0, broken{p, err})
		c.board.logf("broken: %s: %v", p.name, err)
	}
	return got.links, err
}

// claim reports whether a link is to be followed: to a page of this site that
// nobody has claimed before.
func (c *crawl) claim(link *url.URL, from string) (page, bool) {
	p := page{url: link, name: link.RequestURI(), from: from}
	if link.Scheme != c.url.Scheme || !strings.EqualFold(link.Host, c.url.Host) {
		return p, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, seen := c.pages[p.name]; seen || len(c.pages) == c.max {
		return p, false
	}
	c.pages[p.name] = stateFound
	c.count[stateFound]++
	return p, true
}

// set says what has become of a page.
func (c *crawl) set(p page, s state) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count[c.pages[p.name]]--
	c.count[s]++
	c.pages[p.name] = s
	c.most[s] = max(c.most[s], c.count[s])
}

// add counts what has come.
func (c *crawl) add(bytes int64, broken ...broken) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bytes += bytes
	c.broken = append(c.broken, broken...)
}

// over says that nothing happens any more.
func (c *crawl) over(depth int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.end, c.depth = time.Now(), depth
}

// patience is how long the functions of canceled calls have to return before they
// are listed as stuck.
const patience = time.Second

// stop shuts the scope down in order, and lists what did not stop. From Close on
// the scope refuses new calls. CancelQueued ends those that wait for a slot: their pages
// are never begun. Pages that are being fetched have the grace, and are canceled then.
func (c *crawl) stop(why error, grace time.Duration) {
	c.scope.Close()
	c.scope.CancelQueued(why)
	c.board.logf("Stopping: %v. No page is begun any more, those being fetched have %v.", why, grace)
	began := time.Now()
	err := c.shutdown(grace)
	late, ok := errors.AsType[*async.ShutdownError](err)
	if !ok {
		c.board.logf("Stopped in order after %s: every page that was being fetched has come.", short(time.Since(began)))
		return
	}
	c.listCanceled(late.Left, grace)
	// A canceled call is complete, but its function may need a moment to return.
	if c.shutdown(patience) != nil {
		c.listStuck(slices.Collect(c.scope.InFlight()))
		return
	}
	c.board.logf("All of them have stopped since, the slowest %s after it was canceled.", short(c.scope.Stats().StopMax))
}

// shutdown waits for the end of every call of the scope, but no longer than d, and
// cancels what is left then.
func (c *crawl) shutdown(d time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	return c.scope.Shutdown(ctx)
}

// listCanceled lists the calls that did not come to their end within the grace.
func (c *crawl) listCanceled(left []async.CallInfo, grace time.Duration) {
	unfetched := slices.DeleteFunc(slices.Clone(left), func(i async.CallInfo) bool { return c.fetched(i.Name) })
	c.board.logf("Canceled after %v: %s.", grace, count(len(left), "call"))
	c.board.logf("  %d had come and waited for their links; %d had not:", len(left)-len(unfetched), len(unfetched))
	for _, i := range unfetched {
		c.board.logf("    %s, begun %s ago", i.Name, short(time.Since(i.Began)))
	}
}

// listStuck lists the calls whose functions go on although they were canceled.
func (c *crawl) listStuck(stuck []async.CallInfo) {
	c.board.logf("Did not stop: %s.", count(len(stuck), "call"))
	for _, i := range stuck {
		c.board.logf("    %s, canceled %s ago", i.Name, short(time.Since(i.Canceled)))
	}
}

// fetched reports whether a page has come.
func (c *crawl) fetched(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pages[name] == stateWaiting || c.pages[name] == stateDone
}
