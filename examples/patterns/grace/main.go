// Grace cancels by asking first. A server that listens to its context closes up
// and still says how many clients it had; one that listens to nothing is
// canceled when its time of grace is over, and what it says later is disposed of.
//
// Output:
//
//	the polite server stopped itself: true
//	it had 1 client
//	the other one stopped itself: false
//	async: call canceled: shutting down
//	it had 1 client, as it said too late
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"time"

	"github.com/seed4712c49f/async"
)

func main() {
	ctx := context.Background()
	if err := errors.Join(stopPolite(ctx), stopOther(ctx)); err != nil {
		log.Fatal(err)
	}
}

func stopPolite(ctx context.Context) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	call := async.Go(ctx, func(ctx context.Context) (int, error) {
		defer context.AfterFunc(ctx, func() { l.Close() })()
		return serve(l)
	})
	visitErr := visit(l)
	fmt.Println("the polite server stopped itself:", stop(ctx, call, time.Minute) == nil)
	n, err := call.Finish()
	fmt.Printf("it had %d client\n", n)
	return errors.Join(visitErr, err)
}

func stopOther(ctx context.Context) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	late := make(chan int, 1)
	call := async.Go(ctx, func(context.Context) (int, error) { return serve(l) },
		async.Discard(func(n int, _ error) { late <- n }))
	defer call.Release()
	visitErr := visit(l)
	fmt.Println("the other one stopped itself:", stop(ctx, call, 10*time.Millisecond) == nil)
	_, err = call.Await(ctx)
	fmt.Println(err)
	l.Close()
	fmt.Printf("it had %d client, as it said too late\n", <-late)
	return visitErr
}

// stop asks the server to stop, and insists when the grace is over.
func stop(ctx context.Context, server *async.Call[int], grace time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	return server.CancelWait(ctx, errors.New("shutting down"))
}

// serve counts clients until the listener is closed.
func serve(l net.Listener) (clients int, err error) {
	for {
		conn, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return clients, nil
		}
		if err != nil {
			return clients, err
		}
		clients++
		conn.Close()
	}
}

// visit returns when the server has closed the connection.
func visit(l net.Listener) error {
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = io.Copy(io.Discard, conn)
	return err
}
