// Asynctop shows in a terminal what the calls of a running program do: what is stuck, and
// why. The program serves that with package asyncview.
//
//	asynctop http://localhost:8080/debug/async/
//
// The usage text, which asynctop -h prints, has the flags, the exit codes and the keys. The
// screen is in package ui, and what asks the server in package feed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"slices"
	"strconv"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/term"
	"github.com/seed4712c49f/async/asyncview"
	"github.com/seed4712c49f/async/cmd/asynctop/internal/feed"
	"github.com/seed4712c49f/async/cmd/asynctop/internal/plain"
	"github.com/seed4712c49f/async/cmd/asynctop/internal/ui"
)

// The exit codes.
const (
	exitOK          = 0
	exitAway        = 1   // there is no answer
	exitUsage       = 2   // a flag or the address cannot be right
	exitRefused     = 3   // 401 or 403
	exitNoView      = 4   // what answers is no asyncview, or one with another schema
	exitInterrupted = 130 // Ctrl-C
)

const usage = `usage: asynctop [flags] address

Asynctop shows what the calls of a running program do: what is stuck, and why.
The address is the one at which the program serves package asyncview:

    asynctop http://localhost:8080/debug/async/

On a terminal it shows that live until q is pressed; ? shows the keys. With the
output into a file or a pipe, or with -once, it writes the picture of the moment
as text, and exits.

    -H 'Name: value'  send a header with every request, as curl does; may be
                      repeated. -H @file reads headers from a file, one a line,
                      so that a password is not on the command line
    -once             write one picture as text, and exit
    -interval 5s      look every so often; without it as often as the server
                      sends, about once a second
    -limit 1000       list so many calls, 10000 at most; all are counted
    -search text      only calls with the text in the name, or #17 for an ID
    -state stopping   only calls in one state: queued, running, lent, stopping
                      or ending
    -sort age         age, newest, name or count
    -group tree       tree (by parent), name (calls of one name in one line)
                      or flat
    -columns 120      how wide the text of -once is; without it as wide as the
                      terminal, or 120

Exit codes: 0 after q, or when the picture is written; 1 when there is no answer
from the server, 2 for a mistake on the command line, 3 when the server refuses
(401, 403), 4 when what answers is no asyncview or speaks another version, 130
after Ctrl-C. A live picture waits for a server that is away; it ends with 3 or
4 only where it has not shown anything yet.

Colors follow the background of the terminal; NO_COLOR=1 turns them off.
`

// An order is what the command line says.
type order struct {
	address  string
	headers  []string
	once     bool
	interval time.Duration
	columns  int
	show     ui.Options
}

func main() {
	log.SetOutput(io.Discard) // net/http says there what is on the screen, too, or of no use
	os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
}

// run is the command. It returns the exit code.
func run(ctx context.Context, args []string, stdout *os.File, stderr io.Writer) int {
	o, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, usage)
		return exitOK
	}
	if err != nil {
		fmt.Fprintf(stderr, "asynctop: %s\n\nasynctop -h shows the usage.\n", plain.Line(err.Error()))
		return exitUsage
	}
	headers, err := feed.Headers(o.headers, os.ReadFile)
	if err != nil {
		return fail(stderr, err, exitUsage)
	}
	f, err := feed.New(o.address, headers)
	if err != nil {
		return fail(stderr, err, exitUsage)
	}
	defer f.Close()
	f.Interval = o.interval
	if o.once || !term.IsTerminal(stdout.Fd()) || os.Getenv("TERM") == "dumb" {
		return once(ctx, f, o, stdout, stderr)
	}
	return live(ctx, f, o, stdout, stderr)
}

// parse reads the command line.
func parse(args []string) (o order, err error) {
	set := flag.NewFlagSet("asynctop", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.Func("H", "", func(s string) error { o.headers = append(o.headers, s); return nil })
	set.BoolVar(&o.once, "once", false, "")
	set.DurationVar(&o.interval, "interval", 0, "")
	set.IntVar(&o.columns, "columns", 0, "")
	q := &o.show.Query
	set.IntVar(&q.Limit, "limit", 1000, "")
	set.StringVar(&q.Search, "search", "", "")
	set.Func("state", "", oneOf(&q.State, asyncview.Queued, asyncview.Running, asyncview.Lent, asyncview.Stopping, asyncview.Ending))
	q.Sort, o.show.Group = asyncview.ByAge, asyncview.Tree
	set.Func("sort", "", oneOf(&q.Sort, asyncview.ByAge, asyncview.ByNewest, asyncview.ByName, ui.ByCount))
	set.Func("group", "", oneOf(&o.show.Group, asyncview.Tree, asyncview.Names, asyncview.Flat))
	if err := set.Parse(args); err != nil {
		return o, err
	}
	switch {
	case set.NArg() == 0:
		return o, errors.New("the address is missing, such as http://localhost:8080/debug/async/")
	case set.NArg() > 1:
		return o, fmt.Errorf("%d addresses, where one is wanted; flags go before it", set.NArg())
	case q.Limit < 1 || q.Limit > 10_000:
		return o, fmt.Errorf("-limit %d is not from 1 to 10000", q.Limit)
	case o.interval < 0:
		return o, fmt.Errorf("-interval %v is below zero", o.interval)
	case o.columns < 0 || o.columns > 0 && o.columns < 20 || o.columns > 10_000:
		return o, fmt.Errorf("-columns %d is not from 20 to 10000", o.columns)
	}
	o.address = set.Arg(0)
	return o, nil
}

// oneOf returns what sets a flag to one of some words.
func oneOf[T ~string](to *T, words ...T) func(string) error {
	return func(s string) error {
		if !slices.Contains(words, T(s)) {
			return fmt.Errorf("it is one of %v", words)
		}
		*to = T(s)
		return nil
	}
}

// once writes one picture.
func once(ctx context.Context, f *feed.Feed, o order, stdout *os.File, stderr io.Writer) int {
	r, err := f.Report(ctx, ui.Asked(o.show.Query))
	if err != nil {
		return fail(stderr, err, codeOf(err))
	}
	w := colorprofile.NewWriter(stdout, os.Environ())
	if _, err := io.WriteString(w, ui.Dump(f, r, o.show, width(o.columns, stdout))); err != nil {
		return fail(stderr, err, exitAway)
	}
	return exitOK
}

// width returns how wide a dump is to be.
func width(asked int, stdout *os.File) int {
	if asked > 0 {
		return asked
	}
	if w, _, err := term.GetSize(stdout.Fd()); err == nil && w > 0 {
		return w
	}
	if w, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && w > 0 {
		return w
	}
	return 120
}

// live shows pictures until somebody quits. The keys are those of the terminal, also where
// the standard input is another.
func live(ctx context.Context, f *feed.Feed, o order, stdout *os.File, stderr io.Writer) int {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	m := ui.New(ctx, f, o.show)
	_, err := tea.NewProgram(m, tea.WithOutput(stdout)).Run()
	switch {
	case errors.Is(err, tea.ErrInterrupted):
		return exitInterrupted
	case err != nil:
		return fail(stderr, err, exitAway)
	case m.Err() != nil:
		return fail(stderr, m.Err(), codeOf(m.Err()))
	}
	return exitOK
}

// fail says an error, and returns the exit code.
func fail(stderr io.Writer, err error, code int) int {
	fmt.Fprintf(stderr, "asynctop: %s\n", plain.Line(err.Error()))
	return code
}

// codeOf returns the exit code of an error of the feed.
func codeOf(err error) int {
	switch {
	case errors.Is(err, feed.ErrRefused):
		return exitRefused
	case errors.Is(err, feed.ErrNoView), errors.Is(err, feed.ErrSchema):
		return exitNoView
	}
	return exitAway
}
