// Stream makes the calls that the COM documents describe under "Making and
// Processing Asynchronous Calls", on two servers of one interface.
//
//	go run -C examples ./stream
//
// The interface is SimpleStream, as there. The generator asyncgen has written its
// asynchronous face, AsyncSimpleStream, with a Begin and a Finish for each
// method. Each server reads a TCP connection on loopback, at whose far end the
// program puts in what there is to read. The blocking server serves synchronously
// and knows nothing of call objects (blocking.go); the looping one serves
// asynchronously: its reader loop completes the promises of generated call objects
// (looping.go).
//
// Step by step the program does what a client can do with a call object (steps.go)
// and prints how that was answered. Most steps are done with both servers: their
// answers are the same, and printed once, save for those with a name in front.
//
// It exits with 0 when all was done, with 1 when not, and with 130 after Ctrl-C.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/seed4712c49f/async/examples/internal/console"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program the hard way
	err := run(ctx, console.New(os.Stdout))
	if err == nil {
		return
	}
	fmt.Fprintln(console.New(os.Stderr), "stream:", err)
	if ctx.Err() != nil {
		os.Exit(130) // Ctrl-C
	}
	os.Exit(1)
}

// run does the steps and prints what was said in each.
func run(ctx context.Context, w io.Writer) error {
	for i, s := range steps {
		lines, err := s.do(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", s.title, err)
		}
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "%d. %s\n   (%s)\n", i+1, s.title, s.com)
		for _, l := range lines {
			l.print(w)
		}
	}
	return nil
}

// do does the step with a new server of each kind, and returns when nothing of
// them is left.
func (s *step) do(ctx context.Context) (lines []line, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	blocking, err := newBlockingSide()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, blocking.stop(ctx)) }()
	looping, err := newLoopingSide()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, looping.stop(ctx)) }()

	if s.both != nil {
		t := newTranscript()
		s.both(ctx, blocking, looping, t)
		return t.lines, t.err
	}
	b, l := newTranscript(), newTranscript()
	s.each(ctx, blocking, b)
	s.each(ctx, looping, l)
	return merge(b.record, l.record, blocking, looping), errors.Join(b.err, l.err)
}
