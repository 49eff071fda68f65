// Prices asks three servers, in processes of their own, for ten thousand quotes over NATS,
// while one of the servers is killed and NATS itself is stopped and started.
//
//	cd asyncnats/examples/prices && go run .
//	go run . [-quotes 10000] [-window 500] [-servers 3] [-hedge 250ms] [-slow 2] [-url nats://…]
//
// Without -url the program starts a real server of NATS on a free port, and stops and starts
// it when three quarters of the quotes are there. With -url it uses the one that is there,
// and leaves it alone. When half of the quotes are there it kills one of its servers with
// SIGKILL.
//
// What asks is in ask.go: every quote is a remote call, all calls in flight are in one
// [async.Set], and one goroutine takes what completes. A quote that takes long is asked for
// a second time, and the slower of the two is canceled. Connection and servers are in
// fleet.go, the service is in serve.go.
//
// While it runs, the program prints a timeline; at the end what each call got, and whether a
// call was left waiting, or a quote is missing or wrong. It exits with 0 when all went well,
// with 1 when not, with 2 when it was called wrongly, and with 130 after Ctrl-C.
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

	"github.com/nats-io/nats.go"

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
	quotes  int
	window  int
	servers int
	slow    int
	hedge   time.Duration
	serve   string // the name of a server: this process is one
}

func parse(args []string, stderr io.Writer) (*options, error) {
	o := new(options)
	f := flag.NewFlagSet("prices", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.url, "url", "", "a `server` of NATS that is there; without, one is started")
	f.IntVar(&o.quotes, "quotes", 10_000, "how many quotes to ask for")
	f.IntVar(&o.window, "window", 500, "how many to ask for at the same time")
	f.IntVar(&o.servers, "servers", 3, "how many servers to start")
	f.IntVar(&o.slow, "slow", 2, "how many `percent` of the calls take seconds")
	f.DurationVar(&o.hedge, "hedge", 250*time.Millisecond, "how long to wait before a quote is asked for a second time")
	f.StringVar(&o.serve, "serve", "", "be the server with this `name`; the program starts its servers so")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if f.NArg() > 0 || o.quotes < 1 || o.window < 1 || o.servers < 2 || o.slow < 0 || o.slow > 100 || o.hedge <= 0 {
		f.Usage()
		return nil, errors.New("there is one quote, one call and two servers at least, and no further argument")
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
		fmt.Fprintln(stderr, "prices:", err)
		return 2
	case o.serve != "":
		err = o.beServer(ctx, os.Stdin, stdout)
	default:
		err = o.ask(ctx, stdout)
	}
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil:
		fmt.Fprintln(stderr, "prices: interrupted:", err)
		return 130
	}
	fmt.Fprintln(stderr, "prices:", err)
	return 1
}

// ask starts what there is to start, asks, and reports.
func (o *options) ask(ctx context.Context, out io.Writer) (err error) {
	f, err := startFleet(ctx, o)
	if err != nil {
		return err
	}
	defer f.stop()
	nc, err := connect(f.url)
	if err != nil {
		return err
	}
	defer nc.Close()
	client, err := asyncnats.NewClient(nc, asyncnats.ClientOptions{
		Heartbeat: heartbeat, WaitForReconnect: 30 * time.Second, Errors: known(),
	})
	if err != nil {
		return err
	}
	defer client.Close()
	d := newDesk(o, client, newTimeline(out))
	d.at(o.quotes/2, func() string { return f.kill(1) })
	if o.url == "" {
		d.at(o.quotes*3/4, func() string { return f.restart(d.line.note) })
	}
	if err := d.run(ctx); err != nil {
		return err
	}
	return d.report(out)
}

// connect connects to NATS, and again when the connection is lost.
func connect(url string) (*nats.Conn, error) {
	return nats.Connect(url, nats.Name("prices"), nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
}
