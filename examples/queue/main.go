// Queue hashes and compresses every file of a folder, a few at the same time, and
// shows a queue of many jobs: bounded, with progress, with retries, with an orderly end.
//
//	go run -C examples ./queue [-files 20000] [-limit 8] [-busy 50] [-damaged 0] [-seed 1] [-grace 1s]
//
// It makes the folder itself, from the seed. The name of each file announces the hash of
// the file. A job reads a file, compares the hash, compresses the file, and puts the
// result into a store. The store is busy now and then: the job waits and tries again. A
// file that is damaged is not tried again.
//
// The jobs are one [async.Map] over the names, in an [async.Scope] with a limit. A job
// that waits before it tries again does so by [async.Sleep], which lends its slot to
// another job. Neither the names nor the results are ever all in memory.
//
// Ctrl-C and SIGTERM end the queue in order: no job is started any more, those that run
// have the time of -grace to come to their end, and then are canceled. A second Ctrl-C
// ends the program at once. The summary says what was done and what was not.
//
// It exits with 0 when every file was done; with 1 when not; with 2 when it was called
// wrongly; with 130 after Ctrl-C or SIGTERM. What is worth reading is in queue.go.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
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
	q, err := o.work(ctx, stdout)
	if q != nil {
		q.summary(stdout)
	}
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(stderr, "\nqueue: interrupted:", context.Cause(ctx))
		return 130
	case err != nil:
		fmt.Fprintln(stderr, "\nqueue:", err)
		return 1
	case q.done < o.files:
		fmt.Fprintf(stderr, "\nqueue: %d of %s could not be done\n", o.files-q.done, count(o.files, "file"))
		return 1
	}
	return 0
}

// work makes the folder, and has the queue do every file of it.
func (o *options) work(ctx context.Context, out *console.Console) (*queue, error) {
	root, err := os.MkdirTemp("", "queue-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(root)
	fmt.Fprintf(out, "Making %s in %s\n", count(o.files, "file"), root)
	f, err := makeFolder(ctx, root, o)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(out, "Hashing and compressing %s, %d at the same time.\n", formatSize(f.size), o.limit)
	q := newQueue(f, newStore(root, o), o)
	stop := q.animate(out)
	defer stop()
	return q, q.run(ctx)
}

// options are what the command line says.
type options struct {
	files, limit  int
	busy, damaged int
	seed          uint64
	grace         time.Duration
}

const usage = `Hashes and compresses the files of a folder that it makes, a few at the same time.

usage: queue [flags]

Ctrl-C stops it in order, a second Ctrl-C at once.

examples:
  queue                             20,000 files
  queue -limit 64 -busy 2           every second file finds the store busy
  queue -files 1000 -damaged 5      five files are not what their names announce

flags:
`

// parse reads the command line. It has told stderr of an error that it returns.
func parse(args []string, stderr io.Writer) (*options, error) {
	o := new(options)
	flags := flag.NewFlagSet("queue", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprint(stderr, usage)
		flags.PrintDefaults()
	}
	flags.IntVar(&o.files, "files", 20_000, "how many files there are")
	flags.IntVar(&o.limit, "limit", 8, "how many files are worked on at the same time")
	flags.IntVar(&o.busy, "busy", 50, "the store is busy for one file in so many; 0 is never")
	flags.IntVar(&o.damaged, "damaged", 0, "how many files are damaged")
	flags.Uint64Var(&o.seed, "seed", 1, "what the files are made from: the same seed, the same files")
	flags.DurationVar(&o.grace, "grace", time.Second, "how long jobs that run may go on after Ctrl-C")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	err := o.check(flags.Args())
	if err != nil {
		fmt.Fprintf(stderr, "queue: %v (-h for help)\n", err)
	}
	return o, err
}

// check refuses what makes no sense.
func (o *options) check(rest []string) error {
	switch {
	case len(rest) > 0:
		return fmt.Errorf("unexpected argument %q", rest[0])
	case o.files < 1 || o.files > maxFiles:
		return fmt.Errorf("-files is %d and must be from 1 to %d", o.files, maxFiles)
	case o.limit < 1:
		return fmt.Errorf("-limit is %d and must be 1 or more", o.limit)
	case o.busy < 0:
		return fmt.Errorf("-busy is %d and must not be less than 0", o.busy)
	case o.damaged < 0 || o.damaged > o.files:
		return fmt.Errorf("-damaged is %d and must be from 0 to %d", o.damaged, o.files)
	case o.grace < 0:
		return fmt.Errorf("-grace is %v and must not be less than 0", o.grace)
	}
	return nil
}
