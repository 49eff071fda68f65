// Callback makes calls of an API that reports by callback: a client that sends
// lines over one connection and hands each reply to a function.
//
// Output:
//
//	replies: [ONE TWO]
//	async: call canceled: the user has left
//	a reply came too late: WAIT
//	the connection broke: unexpected EOF
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"strings"

	"github.com/seed4712c49f/async"
)

// A client is the API to be adapted. Replies come in the order of the requests.
type client struct {
	conn  net.Conn
	asked chan func(reply string, err error)
}

func (c *client) ask(line string, done func(reply string, err error)) {
	c.asked <- done
	fmt.Fprintln(c.conn, line)
}

func (c *client) readReplies() {
	lines := bufio.NewScanner(c.conn)
	for done := range c.asked {
		if lines.Scan() {
			done(lines.Text(), nil)
		} else {
			done("", io.ErrUnexpectedEOF)
		}
	}
}

// call is the adapter: the callback completes a promise.
func (c *client) call(ctx context.Context, line string) *async.Call[string] {
	promise, call := async.NewPromise[string](ctx)
	c.ask(line, func(reply string, err error) {
		if !promise.Complete(reply, err) {
			fmt.Println("a reply came too late:", reply)
		}
	})
	return call
}

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	conn, server := net.Pipe()
	defer conn.Close()
	var proceed async.Event
	go serve(server, &proceed)
	c := &client{conn, make(chan func(string, error), 8)}
	defer close(c.asked)
	go c.readReplies()

	both := async.Calls[string]{c.call(ctx, "one"), c.call(ctx, "two")}
	defer both.Release()
	replies, err := both.All(ctx)
	if err != nil {
		return err
	}
	fmt.Println("replies:", replies)

	wait := c.call(ctx, "wait")
	defer wait.Release()
	wait.Cancel(errors.New("the user has left"))
	_, err = wait.Await(ctx)
	fmt.Println(err)
	proceed.Set()

	quit := c.call(ctx, "quit")
	defer quit.Release()
	_, err = quit.Await(ctx)
	fmt.Println("the connection broke:", err)
	return nil
}

// serve answers one client in capitals, until it says quit.
func serve(conn net.Conn, proceed *async.Event) {
	defer conn.Close()
	for lines := bufio.NewScanner(conn); lines.Scan() && lines.Text() != "quit"; {
		if lines.Text() == "wait" {
			<-proceed.Done()
		}
		fmt.Fprintln(conn, strings.ToUpper(lines.Text()))
	}
}
