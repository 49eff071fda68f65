// Cache puts a read-through cache in front of an embedded database, and shows how
// those who ask for the same thing share the work.
//
//	go run -C examples ./cache [-db sales.db] [-sales 8000] [-products 100] [-keep 50] [-readers 64] [-asks 30] [-limit 4] [-seed 1]
//
// The database is a file of bbolt in a folder for temporary files, or the one that
// -db names, which is filled when it is new and stays. It has thousands of sales
// and no index, so that the total of one product is a slow query: it reads every
// record. Many readers ask for totals at the same time, for some products much more
// often than for others, and every fourth time they do not wait long.
//
// What happens in the cache is in cache.go, on an [async.Group] in an
// [async.Scope]:
//
//   - Readers who miss the same product at the same time share one query.
//   - A reader who gives up leaves alone. The query goes on for the others; when the
//     last has left it is canceled and stops reading, and whoever asks after that
//     gets a query of his own.
//   - The scope bounds how many queries run at once. At the end it is shut down
//     before the database is closed, so that no query finds it closed.
//
// At the end the program prints what became of every question, how many queries
// that took, and how often the products most asked for were really read.
//
// Ctrl-C stops the readers, and with them the queries. The program exits with 0
// when all went well, with 1 when not, with 2 when it was called wrongly, and with
// 130 after Ctrl-C.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/seed4712c49f/async"
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
	err = o.run(ctx, stdout)
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil:
		fmt.Fprintln(stderr, "cache: interrupted:", err)
		return 130
	}
	fmt.Fprintln(stderr, "cache:", err)
	return 1
}

// run opens and fills the database, has the readers ask, and reports.
func (o *options) run(ctx context.Context, out io.Writer) (err error) {
	s, err := openStore(o.db)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	began := time.Now()
	n, err := s.fill(ctx, o.seed, o.sales, o.products)
	if err != nil {
		return fmt.Errorf("cannot fill the database: %w", err)
	}
	fmt.Fprintf(out, "A database of %d sales of %d products is ready, after %s.\n", n, o.products, short(time.Since(began)))
	fmt.Fprintf(out, "%d readers ask it for the totals of products, each %d times.\n", o.readers, o.asks)

	queries := async.NewScope(async.ScopeOptions{Name: "queries", Limit: o.limit, Panic: async.PanicCrash})
	r := newReaders(o, s, queries)
	err = r.run(ctx)
	// When the last reader has left a query it is canceled, and stops in a moment.
	// Shutdown waits for that; only then the database can be closed.
	err = errors.Join(err, queries.Shutdown(context.WithoutCancel(ctx)))
	r.report(out, queries.Stats())
	return err
}

// options are what the command line says.
type options struct {
	db              string
	sales, products int
	keep            int
	readers, asks   int
	limit           int
	seed            uint64
}

const usage = `Puts a read-through cache in front of an embedded database, and has many
readers ask it at the same time.

usage: cache [flags]

examples:
  cache                 a database in a temporary file
  cache -db sales.db    one that stays
  cache -keep 0         nothing is kept in memory, but queries are shared
  cache -readers 500    more readers, hardly more queries

flags:
`

// parse reads the command line. It has told stderr of an error that it returns.
func parse(args []string, stderr io.Writer) (*options, error) {
	o := new(options)
	flags := flag.NewFlagSet("cache", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprint(stderr, usage)
		flags.PrintDefaults()
	}
	flags.StringVar(&o.db, "db", "", "the `file` of the database; without it, a temporary one")
	flags.IntVar(&o.sales, "sales", 8_000, "how many sales a new database is filled with")
	flags.IntVar(&o.products, "products", 100, "how many products there are")
	flags.IntVar(&o.keep, "keep", 50, "how many totals are kept in memory")
	flags.IntVar(&o.readers, "readers", 64, "how many readers ask at the same time")
	flags.IntVar(&o.asks, "asks", 30, "how often each of them asks")
	flags.IntVar(&o.limit, "limit", 4, "how many queries run at the same time")
	flags.Uint64Var(&o.seed, "seed", 1, "what the sales and the questions are made from")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	err := o.check(flags.Args())
	if err != nil {
		fmt.Fprintf(stderr, "cache: %v (-h for help)\n", err)
	}
	return o, err
}

// check refuses what makes no sense.
func (o *options) check(rest []string) error {
	if len(rest) > 0 {
		return fmt.Errorf("unexpected argument %q", rest[0])
	}
	for _, f := range []struct {
		name       string
		value, min int
	}{
		{"sales", o.sales, 1}, {"products", o.products, 1}, {"keep", o.keep, 0},
		{"readers", o.readers, 1}, {"asks", o.asks, 1}, {"limit", o.limit, 1},
	} {
		if f.value < f.min {
			return fmt.Errorf("-%s is %d and must be %d or more", f.name, f.value, f.min)
		}
	}
	return nil
}
