// Package client speaks to a server over one connection, with many requests under
// way at once.
package client

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/seed4712c49f/async"
)

// A Client has one connection.
type Client struct {
	conn    net.Conn
	closed  async.Event
	reading *async.Call[struct{}]

	mu      sync.Mutex
	next    int
	pending map[int]*async.Promise[string]
	err     error
}

var errClosed = errors.New("client: closed")

// Dial connects, or gives up when the context ends.
func Dial(ctx context.Context, addr string) (*Client, error) {
	call := async.Go(ctx, func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", addr)
	}, async.CancelOnAbandon(), async.Discard(func(conn net.Conn, err error) {
		if err == nil {
			conn.Close()
		}
	}))
	defer call.Release()
	conn, err := call.Await(ctx)
	if err != nil {
		return nil, err
	}
	c := &Client{conn: conn, pending: make(map[int]*async.Promise[string])}
	c.reading = async.Go(context.Background(), func(context.Context) (struct{}, error) { return struct{}{}, c.read() })
	return c, nil
}

// Ask sends a line. The call completes with the answer.
func (c *Client) Ask(ctx context.Context, line string) *async.Call[string] {
	promise, call := async.NewPromise[string](ctx, async.Name(line))
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		promise.Complete("", c.err)
		return call
	}
	c.next++
	id := c.next
	c.pending[id] = promise
	c.mu.Unlock()
	context.AfterFunc(promise.Context(), func() { c.forget(id) })
	if _, err := fmt.Fprintf(c.conn, "%d %s\n", id, line); err != nil {
		c.fail(err)
	}
	return call
}

func (c *Client) forget(id int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.pending, id)
}

// read completes the promises as the answers come.
func (c *Client) read() error {
	r := bufio.NewReader(c.conn)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			c.fail(err)
			return err
		}
		var id int
		if _, err := fmt.Sscan(line, &id); err != nil {
			log.Print(err)
			continue
		}
		c.mu.Lock()
		promise := c.pending[id]
		delete(c.pending, id)
		c.mu.Unlock()
		if promise != nil {
			promise.Complete(strings.TrimSpace(line), nil)
		}
	}
}

// fail breaks what is pending.
func (c *Client) fail(err error) {
	c.mu.Lock()
	c.err = err
	pending := c.pending
	c.pending = nil
	c.mu.Unlock()
	for _, promise := range pending {
		promise.Break()
	}
	c.closed.Set()
}

// Get asks and waits.
func (c *Client) Get(ctx context.Context, line string) (string, error) {
	call := c.Ask(ctx, line)
	defer call.Release()
	return call.Await(ctx)
}

// Ping asks whether the server is there, once.
func (c *Client) Ping(ctx context.Context) error {
	call := c.Ask(ctx, "ping")
	defer call.Release()
	if err := call.WaitFor(time.Second); err != nil {
		call.Cancel(err)
		return err
	}
	_, err := call.Finish()
	return err
}

// Lines asks for several lines and returns the answers in the order of the lines.
func (c *Client) Lines(ctx context.Context, lines ...string) ([]string, error) {
	calls := make(async.Calls[string], 0, len(lines))
	for _, line := range lines {
		calls = append(calls, c.Ask(ctx, line))
	}
	defer calls.Release()
	defer calls.Cancel(errClosed)
	return calls.All(ctx)
}

// Upload sends what r has, in the background.
func (c *Client) Upload(ctx context.Context, r io.Reader) *async.Call[int64] {
	promise, call := async.NewPromise[int64](ctx)
	go func() {
		defer promise.Break()
		n, err := io.Copy(c.conn, r)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		promise.Complete(n, err)
	}()
	return call
}

// Accept waits for a connection that the server makes.
func (c *Client) Accept(ctx context.Context, l net.Listener) *async.Call[net.Conn] {
	promise, call := async.NewPromise[net.Conn](ctx, async.Discard(func(conn net.Conn, err error) {
		if err == nil {
			conn.Close()
		}
	}))
	go accept(l, promise)
	return call
}

func accept(l net.Listener, promise *async.Promise[net.Conn]) {
	defer promise.Break()
	conn, err := l.Accept()
	if err != nil {
		promise.Complete(nil, err)
		return
	}
	if !promise.Complete(conn, nil) {
		conn.Close()
	}
}

// Closed returns a signal that the caller releases.
func (c *Client) Closed() *async.Signal { return c.reading.Signal() }

// WaitClosed waits until the connection is gone.
func (c *Client) WaitClosed(ctx context.Context) error {
	signal := c.Closed()
	defer signal.Release()
	return signal.Wait(ctx)
}

// Close closes the connection and waits for the reader.
func (c *Client) Close(ctx context.Context) error {
	c.conn.Close()
	_, err := c.reading.Await(ctx)
	c.reading.Release()
	if errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
