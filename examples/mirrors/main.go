// Mirrors fetches one file from whichever of many mirrors answers first.
//
//	go run -C examples ./mirrors [-timeout 10s] [-hedge 150ms] [URL ...]
//
// Without URLs it starts four demonstration servers on loopback: one that
// answers after a moment, a slow one, one that answers 503, and one that never
// answers. It begins a call on each mirror, takes the first success, cancels the
// losers, reads the winner's body to the end, and shows meanwhile what becomes
// of every call. At the end it prints the timeline, the file's SHA-256, and that
// no goroutine is left.
//
// It exits with 0 when it has the whole file, with 1 when not, with 2 when it was
// called wrongly, and with 130 after Ctrl-C. What is worth reading is in fetch.go.
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
	"time"

	"github.com/seed4712c49f/async/examples/internal/console"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
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
	before := goroutines()
	servers, err := o.demonstrate(stdout)
	if err != nil {
		fmt.Fprintln(stderr, "mirrors: cannot start the demonstration:", err)
		return 1
	}
	b := newBoard(stdout, o.mirrors)
	client := newClient()
	got, err := o.fetch(ctx, &fetch{client: client, mirrors: o.mirrors, hedge: o.hedge, board: b})
	servers.stop()
	left := before.wait(2*time.Second, client.CloseIdleConnections)
	code := report(stdout, stderr, b, got, err, left)
	if err != nil && ctx.Err() != nil {
		return 130
	}
	return code
}

// fetch runs f within the time there is, with the board shown meanwhile.
func (o *options) fetch(ctx context.Context, f *fetch) (*file, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, o.timeout, fmt.Errorf("not done within %v (-timeout)", o.timeout))
	defer cancel()
	stop := f.board.animate()
	defer stop()
	return f.run(ctx)
}

// report prints how it ended and returns the exit code.
func report(stdout, stderr io.Writer, b *board, got *file, err error, left []string) int {
	code := 0
	b.timeline()
	if err != nil {
		code = 1
		fmt.Fprintf(stderr, "\nmirrors: the file was not fetched: %v\n", err)
		b.outcomes(stderr)
	} else {
		origin := "as the mirror announced"
		if !got.announced {
			origin = "the mirror announced none to compare"
		}
		fmt.Fprintf(stdout, "\nThe whole file is here: %d bytes.\nSHA-256 %s (%s)\n", got.size, got.sum, origin)
	}
	if len(left) == 0 {
		fmt.Fprintln(stdout, "No goroutine is left.")
		return code
	}
	fmt.Fprintf(stderr, "mirrors: %d goroutines are left:\n", len(left))
	for _, stack := range left {
		fmt.Fprintf(stderr, "\n%s\n", stack)
	}
	return 1
}

// options are what the command line says.
type options struct {
	timeout, hedge time.Duration
	mirrors        []*url.URL
}

const usage = `Fetches one file from whichever mirror answers first.

usage: mirrors [-timeout 10s] [-hedge 150ms] [URL ...]

Without URLs it starts four mirrors of its own and shows what becomes of them.

`

// parse reads the command line. It has told stderr of an error that it returns.
func parse(args []string, stderr io.Writer) (*options, error) {
	o := new(options)
	flags := flag.NewFlagSet("mirrors", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprint(stderr, usage)
		flags.PrintDefaults()
	}
	flags.DurationVar(&o.timeout, "timeout", 10*time.Second, "the time for everything, from the first call to the last byte")
	flags.DurationVar(&o.hedge, "hedge", 0, "how long to wait for an answer before the next mirror is asked,\nwhich one that fails does not delay; 0 asks all at once (the default)")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	err := o.check(flags.Args())
	if err != nil {
		fmt.Fprintf(stderr, "mirrors: %v (-h for help)\n", err)
	}
	return o, err
}

// check takes the URLs over and refuses what makes no sense.
func (o *options) check(urls []string) error {
	switch {
	case o.timeout <= 0:
		return fmt.Errorf("-timeout is %v and must be more than 0", o.timeout)
	case o.hedge < 0:
		return fmt.Errorf("-hedge is %v and must not be less than 0", o.hedge)
	}
	for _, s := range urls {
		u, err := url.Parse(s)
		switch {
		case err != nil:
			return fmt.Errorf("bad URL: %w", err)
		case u.Scheme != "http" && u.Scheme != "https":
			return fmt.Errorf("bad URL %q: it must begin with http:// or https://", s)
		case u.Hostname() == "":
			return fmt.Errorf("bad URL %q: it names no host", s)
		}
		o.mirrors = append(o.mirrors, u)
	}
	return nil
}
