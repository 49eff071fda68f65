// Mixed waits for calls beside contexts, timers and channels: first in one
// select, round after round, then in one WaitAny. Each thing that comes brings
// about the next, so that the output is the same each time.
//
// Output:
//
//	select: a job named "sweep"
//	select: the timer
//	select: the call read "first\n"
//	select: context canceled
//	WaitAny: the timer, member 1
//	WaitAny: the call, member 0
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/seed4712c49f/async"
)

func main() {
	r, w, err := os.Pipe()
	if err != nil {
		log.Fatal(err)
	}
	read := func(context.Context) (string, error) { return bufio.NewReader(r).ReadString('\n') }
	ctx := context.Background()
	err = errors.Join(bySelect(ctx, read, w), byWaitAny(ctx, read, w), w.Close(), r.Close())
	if err != nil {
		log.Fatal(err)
	}
}

func bySelect(ctx context.Context, read func(context.Context) (string, error), w *os.File) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	jobs := make(chan string, 1)
	jobs <- "sweep"
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	call := async.Go(ctx, read)
	defer call.Release()
	done := call.Done()
	for {
		select {
		case name := <-jobs:
			fmt.Printf("select: a job named %q\n", name)
			timer.Reset(time.Millisecond)
		case <-timer.C:
			fmt.Println("select: the timer")
			fmt.Fprintln(w, "first")
		case <-done:
			done = nil // a closed channel would be ready again and again
			line, err := call.Finish()
			if err != nil {
				return err
			}
			fmt.Printf("select: the call read %q\n", line)
			cancel()
		case <-ctx.Done():
			fmt.Println("select:", context.Cause(ctx))
			return nil
		}
	}
}

func byWaitAny(ctx context.Context, read func(context.Context) (string, error), w *os.File) error {
	other, cancel := context.WithCancel(ctx)
	defer cancel()
	call := async.Go(ctx, read)
	defer call.Release()
	var alarm async.Event // a timer's channel carries times: an event stands in
	defer time.AfterFunc(time.Millisecond, func() { alarm.Set() }).Stop()
	quit := make(chan struct{})

	i, err := async.WaitAny(ctx, call, &alarm, async.Chan(quit), other)
	if err != nil {
		return err
	}
	fmt.Println("WaitAny: the timer, member", i)
	fmt.Fprintln(w, "second")
	if i, err = async.WaitAny(ctx, call, async.Chan(quit), other); err != nil {
		return err
	}
	fmt.Println("WaitAny: the call, member", i)
	_, err = call.Finish()
	return err
}
