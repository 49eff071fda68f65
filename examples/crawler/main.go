// Crawler fetches every page of a web site, each once and at most eight at the
// same time, and shows how calls may wait for calls under such a limit.
//
//	go run -C examples ./crawler [-pages 300] [-limit 8] [-seed 1] [-timeout 1m] [-grace 1s]
//	go run -C examples ./crawler -url https://example.org/ [-max 500] [...]
//
// Without -url it serves a site of its own on loopback, made from the seed: some
// of its pages are slow, some large, and some broken.
//
// Every page is a call in one [async.Scope] with a limit. Its function fetches
// the page, begins a call for each link on it that nobody has seen yet, and waits
// for those calls. While it waits its slot is lent to another page, so that calls
// nest deeper than there are slots and nothing is ever stuck. The crawl is over
// when the first call is.
//
// Ctrl-C, SIGTERM and the end of -timeout shut the scope down in order: no page
// is begun any more, those that are being fetched have the time of -grace to come
// to their end, and then are canceled. The program lists which were, and what has
// still not stopped. A second Ctrl-C ends it at once.
//
// It exits with 0 when the whole site was crawled, broken links included; with 1
// when not; with 2 when it was called wrongly; with 130 after Ctrl-C or SIGTERM.
// What is worth reading is in crawl.go.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/seed4712c49f/async/examples/internal/console"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program the hard way
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the program; it returns the exit code.
func run(ctx context.Context, args []string, out, errs io.Writer) int {
	stdout, stderr := console.New(out), console.New(errs)
	o, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	}
	own, err := o.serve(stdout)
	if err != nil {
		fmt.Fprintln(stderr, "crawler: cannot serve a site:", err)
		return 1
	}
	defer own.stop()
	c := newCrawl(o, newBoard(stdout))
	err = o.crawl(ctx, c)
	c.summary(stdout)
	own.summary(stdout)
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil:
		fmt.Fprintln(stderr, "\ncrawler: interrupted:", err)
		return 130
	}
	fmt.Fprintln(stderr, "\ncrawler:", err)
	return 1
}

// crawl runs c within the time there is, with its board shown meanwhile.
func (o *options) crawl(ctx context.Context, c *crawl) error {
	ctx, cancel := context.WithTimeoutCause(ctx, o.timeout, fmt.Errorf("not done within %v (-timeout)", o.timeout))
	defer cancel()
	defer c.client.CloseIdleConnections()
	stop := c.board.animate(c.view)
	defer stop()
	return c.run(ctx, o.grace)
}

// serve starts a site of the program's own where the command line names none, and
// says so.
func (o *options) serve(out io.Writer) (*server, error) {
	if o.url != nil {
		fmt.Fprintf(out, "Crawling %v, %d pages at most, %d at the same time.\n", o.url, o.max, o.limit)
		return nil, nil
	}
	s, err := serve(newSite(o.seed, o.pages))
	if err != nil {
		return nil, err
	}
	o.url, o.max = s.url, o.pages
	fmt.Fprintf(out, "A site of %v is on %v\nIts pages are fetched %d at the same time.\n", s.site, s.url, o.limit)
	return s, nil
}

// options are what the command line says.
type options struct {
	url            *url.URL // nil: a site of the program's own
	max            int      // of pages on a site of others
	pages          int      // of its own
	seed           uint64
	limit          int
	timeout, grace time.Duration
}

const usage = `Crawls a web site: every page once, a few at the same time.

usage: crawler [flags]

Without -url it crawls a site of its own, which it serves on loopback. Ctrl-C
stops it in order, a second Ctrl-C at once.

examples:
  crawler                           the site of its own
  crawler -pages 2000 -limit 32     a larger one, faster
  crawler -limit 1 -pages 50        one slot is enough, however deep pages nest
  crawler -timeout 1s -grace 100ms  the time is up before it is done
  crawler -url https://example.org/ -max 50

flags:
`

// parse reads the command line. It has told stderr of an error that it returns.
func parse(args []string, stderr io.Writer) (*options, error) {
	o := new(options)
	site := ""
	flags := flag.NewFlagSet("crawler", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprint(stderr, usage)
		flags.PrintDefaults()
	}
	flags.StringVar(&site, "url", "", "crawl the site at this `URL`, and no other host, instead of one of its own")
	flags.IntVar(&o.max, "max", 500, "with -url: fetch so many pages at most")
	flags.IntVar(&o.pages, "pages", 300, "how many pages its own site has")
	flags.Uint64Var(&o.seed, "seed", 1, "what its own site is made from: the same seed, the same site")
	flags.IntVar(&o.limit, "limit", 8, "how many pages are fetched at the same time")
	flags.DurationVar(&o.timeout, "timeout", time.Minute, "the time for everything")
	flags.DurationVar(&o.grace, "grace", time.Second, "how long pages being fetched may go on after Ctrl-C or -timeout")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	err := o.check(site, flags.Args())
	if err != nil {
		fmt.Fprintf(stderr, "crawler: %v (-h for help)\n", err)
	}
	return o, err
}

// check takes the URL over and refuses what makes no sense.
func (o *options) check(site string, rest []string) (err error) {
	switch {
	case len(rest) > 0:
		return fmt.Errorf("unexpected argument %q", rest[0])
	case o.limit < 1:
		return fmt.Errorf("-limit is %d and must be 1 or more", o.limit)
	case o.pages < 1 || o.pages > maxPages:
		return fmt.Errorf("-pages is %d and must be from 1 to %d", o.pages, maxPages)
	case o.max < 1:
		return fmt.Errorf("-max is %d and must be 1 or more", o.max)
	case o.timeout <= 0:
		return fmt.Errorf("-timeout is %v and must be more than 0", o.timeout)
	case o.grace < 0:
		return fmt.Errorf("-grace is %v and must not be less than 0", o.grace)
	case site == "":
		return nil
	}
	if o.url, err = url.Parse(site); err != nil {
		return fmt.Errorf("bad -url: %w", err)
	}
	if o.url.Scheme != "http" && o.url.Scheme != "https" || o.url.Hostname() == "" {
		return fmt.Errorf("bad -url %q: it must begin with http:// or https:// and a host", site)
	}
	return nil
}
