// Invoices makes a thousand invoices, as PDF, by a queue that outlives everything: the workers
// and the process that submits are killed and started again, and every invoice is there once.
//
//	cd asyncnats/examples/invoices && go run .
//	go run . [-n 1000] [-workers 3] [-dir folder] [-url nats://…]
//	go run . -attach -url nats://… [-n 1000]
//
// The program starts processes: a real server of NATS with JetStream, whose files are in the
// folder, three workers, and the one that submits. It kills each worker once, and the submitting
// process, with SIGKILL, while it watches how the invoices come. Kill any of them yourself, by the
// numbers that it prints: what is gone is started again. With -url the program uses the server of
// NATS that is there.
//
// It prints the command by which another terminal attaches: that one shows the same progress.
// When the program itself is killed or interrupted, its server of NATS stays for as long as somebody
// is attached, and go run . -url nats://… -dir … goes on with what is left; so does
// go run . -dir … when no server is there any more.
//
// The processes are in office.go and process.go, the work is in paint.go, and what watches is in
// follow.go: it attaches to every call by its id.
//
// It exits with 0 when every invoice is there once, with 1 when not, with 2 when it was called
// wrongly, and with 130 after Ctrl-C.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed4712c49f/async/asyncnats"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program the hard way
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// options are what the command line says.
type options struct {
	url     string
	dir     string
	n       int
	workers int
	attach  bool
	role    string // what this process is, where the program has started it
}

const (
	roleDirect = "direct" // what the program is without -role
	roleNATS   = "nats"
	roleWork   = "work"
	roleSubmit = "submit"
)

func parse(args []string, stderr io.Writer) (*options, error) {
	o := new(options)
	f := flag.NewFlagSet("invoices", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.url, "url", "", "a `server` of NATS with JetStream that is there; without, one is started")
	f.StringVar(&o.dir, "dir", "", "the `folder` of the invoices and of NATS; without, one is made, and removed at the end")
	f.IntVar(&o.n, "n", 1000, "how many invoices")
	f.IntVar(&o.workers, "workers", 3, "how many workers to start")
	f.BoolVar(&o.attach, "attach", false, "start nothing, and watch the invoices of another terminal")
	f.StringVar(&o.role, "role", roleDirect, "what the program is that the program has started: nats, work or submit")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	switch o.role {
	case roleDirect, roleNATS, roleWork, roleSubmit:
	default:
		return nil, fmt.Errorf("-role %s: there are %s, %s, %s and %s", o.role, roleDirect, roleNATS, roleWork, roleSubmit)
	}
	if f.NArg() > 0 || o.n < 1 || o.workers < 1 || o.attach && o.url == "" {
		f.Usage()
		return nil, errors.New("there is one invoice and one worker at least, -attach needs -url, and there is no further argument")
	}
	return o, nil
}

// run is the program; it returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(stderr, "invoices:", err)
		return 2
	case o.role == roleNATS:
		err = o.serveNATS(os.Stdin, stdout)
	case o.role == roleWork:
		err = o.work(ctx, os.Stdin, stdout)
	case o.role == roleSubmit:
		err = o.submit(ctx)
	case o.attach:
		_, err = o.watch(ctx, stdout, new(atomic.Int64))
	default:
		err = o.direct(ctx, stdout)
	}
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil:
		fmt.Fprintln(stderr, "invoices: interrupted:", err)
		return 130
	}
	fmt.Fprintln(stderr, "invoices:", err)
	return 1
}

// open connects, and opens the queue.
func (o *options) open(ctx context.Context) (*asyncnats.Queue, *nats.Conn, error) {
	nc, err := nats.Connect(o.url, nats.Name("invoices"), nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	if err != nil {
		return nil, nil, err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		nc.Close()
		return nil, nil, err
	}
	q, err := asyncnats.OpenQueue(ctx, js, asyncnats.QueueOptions{Name: "invoices", Keep: 24 * time.Hour})
	if err != nil {
		nc.Close()
		return nil, nil, err
	}
	return q, nc, nil
}

// idOf is the id of the call that makes an invoice. So whoever knows the number can attach.
func idOf(number int) string { return fmt.Sprintf("invoice-%04d", number) }

// submit submits all invoices, and is done when the queue has them. Those that the queue had
// before, because a process was killed that submitted them, are the same calls.
func (o *options) submit(ctx context.Context) error {
	q, nc, err := o.open(ctx)
	if err != nil {
		return err
	}
	defer nc.Close()
	defer q.Close()
	for number := 1; number <= o.n; number++ {
		call, _, err := asyncnats.Submit[Invoice](ctx, q, orderOf(number), asyncnats.ID(idOf(number)))
		if err != nil {
			return fmt.Errorf("invoice %d: %w", number, err)
		}
		call.Release() // who wants the invoice attaches
	}
	return nil
}

// work is a worker, until its input ends. Where NATS goes away as the queue is opened, the program
// would wait for a worker that waits for NATS, so that ends.
func (o *options) work(ctx context.Context, in io.Reader, out io.Writer) error {
	opening, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	q, nc, err := o.open(opening)
	if err != nil {
		return err
	}
	defer nc.Close()
	defer q.Close()
	w, err := asyncnats.Work(ctx, q, painter{o.dir}.paint, asyncnats.WorkOptions{
		Name: "painter", AtOnce: 8, AckWait: 2 * time.Second, MaxDeliver: 10,
		Backoff: []time.Duration{100 * time.Millisecond, time.Second},
	})
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "ready")
	_, err = io.Copy(io.Discard, in)
	ctx, cancel = context.WithTimeout(ctx, 10*time.Second) // NATS may be gone
	defer cancel()
	return errors.Join(err, w.Shutdown(ctx))
}
