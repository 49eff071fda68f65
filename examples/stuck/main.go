// Stuck is a program in which five things are stuck, and shows how the page of package
// asyncview names each of them on its first screen.
//
//	go run -C examples ./stuck [-text] [-addr 127.0.0.1:0]
//
// It plays a shop, which would work if it had not five faults:
//
//   - three calls in two scopes wait for each other;
//   - a report was canceled, and its function takes no notice;
//   - a promise is waited for that nobody completes;
//   - results are left lying about, more every second;
//   - letters are queued faster than they are sent.
//
// On a terminal it serves the page on loopback until Ctrl-C, and its first lines say
// where to look. With -text, and where its output is no terminal, it waits until all five
// can be seen, prints the first screen as text, and ends; -text=false serves the page there,
// too.
//
// At the end the shop is closed in order, which shows one of the faults once more: the
// report does not stop. The program exits with 0 after -text, with 1 when something
// failed, with 2 when it was called wrongly, and with 130 after Ctrl-C.
//
// The shop is in shop.go, and what is wrong with it, with the mend of each fault, in
// faults.go.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
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
	if !o.said {
		o.text = !stdout.IsLive()
	}
	return o.main(ctx, stdout, stderr)
}

// main runs the program as the command line says; it returns the exit code.
func (o *options) main(ctx context.Context, stdout, stderr io.Writer) int {
	err := o.run(ctx, stdout)
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(stderr, "stuck: interrupted:", context.Cause(ctx))
		return 130
	case err != nil:
		fmt.Fprintln(stderr, "stuck:", err)
		return 1
	}
	return 0
}

// run opens the shop, shows what is stuck in it, and closes it.
func (o *options) run(ctx context.Context, out io.Writer) error {
	s := newShop()
	p, err := serve(ctx, o, s)
	if err != nil {
		return err
	}
	defer p.close()
	fmt.Fprint(out, p.whereToLook())
	inside, end := context.WithCancelCause(ctx)
	s.open(inside)
	s.plant(inside)
	err = p.show(ctx, out, o.text)
	end(errClosing)
	o.finish(ctx, s, out)
	return err
}

// finish closes the shop, and says what did not stop within the time that there is: one
// function, which is no failure of this program.
func (o *options) finish(ctx context.Context, s *shop, out io.Writer) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.grace)
	defer cancel()
	for _, err := range s.close(ctx) {
		fmt.Fprintln(out, err)
	}
}

// options are what the command line says.
type options struct {
	addr  string
	text  bool
	said  bool // whether text
	grace time.Duration

	listen func(network, addr string) (net.Listener, error)
	way    *http.Transport // to what listens
}

const usage = `A program in which five things are stuck, and the page that names each of them.

usage: stuck [flags]

examples:
  stuck                        the page is served on loopback until Ctrl-C
  stuck -addr 127.0.0.1:8080   always at the same place
  stuck -text                  the first screen as text
  stuck -text=false            serves the page where there is no terminal, too

flags:
`

// parse reads the command line. It has told stderr of an error that it returns.
func parse(args []string, stderr io.Writer) (*options, error) {
	o := &options{listen: net.Listen, way: new(http.Transport)}
	flags := flag.NewFlagSet("stuck", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprint(stderr, usage)
		flags.PrintDefaults()
	}
	flags.StringVar(&o.addr, "addr", "127.0.0.1:0", "the `address` to serve the page on; port 0: any that is free")
	flags.BoolVar(&o.text, "text", false, "print the first screen as text, and end")
	flags.DurationVar(&o.grace, "grace", time.Second, "how long functions may take to return at the end")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	flags.Visit(func(f *flag.Flag) { o.said = o.said || f.Name == "text" })
	err := o.check(flags.Args())
	if err != nil {
		fmt.Fprintf(stderr, "stuck: %v (-h for help)\n", err)
	}
	return o, err
}

// check refuses what makes no sense.
func (o *options) check(rest []string) error {
	switch {
	case len(rest) > 0:
		return fmt.Errorf("unexpected argument %q", rest[0])
	case o.grace < 0:
		return fmt.Errorf("-grace is %v and must not be less than 0", o.grace)
	}
	return nil
}
