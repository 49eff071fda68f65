// Abandon waits a moment for a connection, then goes on without it. The work is
// not canceled: it ends in its own time, and the connection that arrives when
// nobody wants it any more is closed rather than lost.
//
// Output:
//
//	no connection in time: true
//	going on without
//	the late connection was closed
package main

import (
	"bufio"
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
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer l.Close()
	var ready async.Event
	server := async.Go(ctx, func(context.Context) (struct{}, error) { return struct{}{}, greet(l, &ready) })
	defer server.Release()

	call := async.Go(ctx, func(ctx context.Context) (net.Conn, error) {
		return connect(ctx, l.Addr().String())
	}, async.Discard(func(conn net.Conn, err error) {
		if err == nil {
			conn.Close()
		}
	}))
	err = call.WaitFor(10 * time.Millisecond)
	call.Release()
	fmt.Println("no connection in time:", errors.Is(err, async.ErrTimeout))
	fmt.Println("going on without")

	ready.Set() // only now does the server greet its client
	if _, err := server.Await(ctx); err != nil {
		return err
	}
	fmt.Println("the late connection was closed")
	return nil
}

// connect returns a connection that the server has greeted.
func connect(ctx context.Context, addr string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	if _, err := bufio.NewReader(conn).ReadString('\n'); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// greet greets one client when ready, and returns nil when the client has closed.
func greet(l net.Listener, ready *async.Event) error {
	conn, err := l.Accept()
	if err != nil {
		return err
	}
	defer conn.Close()
	<-ready.Done()
	fmt.Fprintln(conn, "hello")
	_, err = io.Copy(io.Discard, conn)
	return err
}
