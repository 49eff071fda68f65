// Package discardtype has Discards of the right type and of wrong ones.
package discardtype

import (
	"context"
	"io"
	"net"
	"time"

	"github.com/seed4712c49f/async"
	"vettest/helper"
)

func dial(context.Context) (net.Conn, error)                    { return nil, io.EOF }
func open(context.Context) (io.ReadCloser, error)               { return nil, io.EOF }
func dialAgain(context.Context, int) (net.Conn, error)          { return nil, io.EOF }
func dialTo(ctx context.Context, addr string) (net.Conn, error) { return nil, io.EOF }
func closeConn(c net.Conn, err error)                           {}
func closeCloser(c io.Closer, err error)                        {}
func closeTCP(c *net.TCPConn, err error)                        {}
func closeEach[T io.Closer](v T, err error)                     {}

var closer = async.Discard(closeCloser)

func all(ctx context.Context) {
	async.Go(ctx, dial, async.Discard(closeConn)).Release()
	async.Go(ctx, dial, async.Discard(closeCloser)).Release() // want `Discard of io.Closer on a call that returns \(net.Conn, error\): async.Go panics`
	async.Go(ctx, dial, async.Discard(closeTCP)).Release()    // want `Discard of \*net.TCPConn on a call that returns \(net.Conn, error\)`
	async.Go(ctx, dial, async.Discard(closeEach[net.Conn])).Release()
	async.Go(ctx, dial, async.Discard(closeEach[*net.TCPConn])).Release() // want `Discard of \*net.TCPConn`
	async.Go(ctx, dial, closer).Release()                                 // want `Discard of io.Closer on a call`
	async.Go(ctx, open, helper.Closing()).Release()
	async.Go(ctx, dial, helper.Closing()).Release()                             // want `Discard of io.ReadCloser on a call that returns \(net.Conn, error\)`
	async.GoEach(ctx, []string{"a"}, dialTo, async.Discard(closeTCP)).Release() // want `Discard of \*net.TCPConn .*: async.GoEach panics`
	_, _ = async.Hedge(ctx, time.Second, 2, dialAgain, async.Discard(closeTCP)) // want `async.Hedge panics`
	_ = async.NewLazy(dial, async.Discard(closeTCP))                            // want `async.NewLazy panics`
	promise, call := async.NewPromise[net.Conn](ctx, async.Discard(closeTCP))   // want `Discard of \*net.TCPConn`
	defer promise.Break()
	call.Release()
	var object async.Call[int]
	defer object.Release()
	_ = object.Begin(ctx, func(context.Context) (int, error) { return 1, nil }, async.Discard(func(string, error) {})) // want `Discard of string on a call that returns \(int, error\): object.Begin panics`
}

func lists(ctx context.Context, more ...async.Option) {
	opts := []async.Option{async.Name("a"), async.Discard(closeTCP)}
	async.Go(ctx, dial, opts...).Release()                                            // want `Discard of \*net.TCPConn`
	good := append([]async.Option{async.Discard(closeTCP)}, async.Discard(closeConn)) // the last counts
	async.Go(ctx, dial, good...).Release()
	async.Go(ctx, dial, more...).Release()
}

var conns = async.Group[string, net.Conn]{Options: []async.Option{async.Discard(closeTCP)}}

func group(ctx context.Context) {
	_, _, _ = conns.Do(ctx, "a", dial) // want `Discard of \*net.TCPConn .*: conns.Do panics`
}

func generic[T any](ctx context.Context, fn func(context.Context) (T, error)) {
	async.Go(ctx, fn, async.Discard(func(T, error) {})).Release()
	async.Go(ctx, fn, async.Discard(func(int, error) {})).Release() // right where T is int
}

type conn = net.Conn

func alias(ctx context.Context) {
	async.Go(ctx, dial, async.Discard(func(conn, error) {})).Release()
}
