// Package discardtype has options that their calls take, and some that they do not.
package discardtype

import (
	"context"
	"io"
	"iter"
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

func read(context.Context) ([]uint8, error)       { return nil, io.EOF }
func decode(context.Context) (interface{}, error) { return nil, io.EOF }

func aliases(ctx context.Context, named bool) {
	async.Go(ctx, read, helper.Bytes()).Release()
	async.Go(ctx, decode, helper.Any()).Release()
	async.Go(ctx, read, helper.Any()).Release() // want `Discard of any on a call that returns \(\[\]uint8, error\)`
	opts := []async.Option{async.Discard(closeTCP)}
	if named {
		opts = append(opts, async.Name("a"))
	}
	async.Go(ctx, dial, opts...).Release() // want `Discard of \*net.TCPConn`
}

var conns = async.Group[string, net.Conn]{Options: []async.Option{async.Discard(closeTCP)}}

func group(ctx context.Context) {
	_, _, _ = conns.Do(ctx, "a", dial) // want `Discard of \*net.TCPConn .*: conns.Do panics`
}

// --- options that only some functions take

func size(ctx context.Context, name string) (int, error)  { return len(name), nil }
func again(ctx context.Context, attempt int) (int, error) { return attempt, nil }
func work(context.Context) (int, error)                   { return 1, nil }
func byName(name string) string                           { return name }
func byNumber(i int) string                               { return "n" }

func special(ctx context.Context, names iter.Seq[string], all []string, ordered bool) {
	for range async.Map(ctx, names, size, async.InOrder(), async.AtOnce(2), async.NameEach(byName), async.WaitForRoom()) {
	}
	async.GoEach(ctx, all, size, async.NameEach(byName), async.WaitForRoom()).Release()
	async.Go(ctx, work, async.WaitForRoom()).Release()
	async.Go(ctx, work, async.InOrder()).Release()                                                 // want `InOrder, which is for Map alone: async.Go panics`
	async.Go(ctx, work, async.AtOnce(2)).Release()                                                 // want `AtOnce, which is for Map alone: async.Go panics`
	async.Go(ctx, work, async.NameEach(byName)).Release()                                          // want `NameEach, which is for Map and GoEach: async.Go panics`
	async.GoEach(ctx, all, size, async.InOrder()).Release()                                        // want `InOrder, which is for Map alone: async.GoEach panics`
	async.GoEach(ctx, all, size, async.NameEach(byNumber)).Release()                               // want `NameEach for inputs of int where they are of string: async.GoEach panics`
	async.GoAll(ctx, []func(context.Context) (int, error){work}, async.NameEach(byName)).Release() // want `NameEach, which is`
	_, _ = async.Hedge(ctx, time.Second, 2, again, async.AtOnce(2))                                // want `AtOnce, which is for Map alone: async.Hedge panics`
	_ = async.NewLazy(work, async.WaitForRoom())                                                   // want `WaitForRoom, which no Group and no Lazy takes: async.NewLazy panics`
	promise, call := async.NewPromise[int](ctx, async.InOrder())                                   // want `InOrder, which is for Map alone: async.NewPromise\[int\] panics`
	defer promise.Break()
	defer call.Release()
	_ = call.Begin(ctx, work, async.AtOnce(2))                        // want `AtOnce, which is for Map alone: call.Begin panics`
	_, _ = call.BeginPromise(ctx, async.AtOnce(2))                    // want `call.BeginPromise panics`
	for range async.Map(ctx, names, size, async.NameEach(byNumber)) { // want `NameEach for inputs of int where they are of string: async.Map panics`
	}
	async.Go(ctx, work, helper.Ordered()).Release()        // want `InOrder, which is for Map alone`
	async.Go(ctx, work, helper.Perhaps(ordered)).Release() // who knows
	several := []async.Option{async.Name("a"), async.InOrder()}
	async.Go(ctx, work, several...).Release()                              // want `InOrder, which is`
	async.Go(ctx, work, append(several[:1], async.AtOnce(1))...).Release() // want `AtOnce, which is for Map alone`
	opts := []async.Option{async.Name("a")}
	if ordered {
		opts = append(opts, async.InOrder())
	}
	if ordered {
		for range async.Map(ctx, names, size, opts...) {
		}
		return
	}
	async.Go(ctx, work, opts...).Release() // not ordered here
}

var rooms = async.Group[string, int]{Options: []async.Option{async.WaitForRoom()}}

func room(ctx context.Context) {
	_, _, _ = rooms.Do(ctx, "a", work) // want `WaitForRoom, which no Group and no Lazy takes: rooms.Do panics`
}

func genericInputs[T any](ctx context.Context, all []T, fn func(context.Context, T) (int, error)) {
	async.GoEach(ctx, all, fn, async.NameEach(byName)).Release() // right where T is string
}

func generic[T any](ctx context.Context, fn func(context.Context) (T, error)) {
	async.Go(ctx, fn, async.Discard(func(T, error) {})).Release()
	async.Go(ctx, fn, async.Discard(func(int, error) {})).Release() // right where T is int
}

type conn = net.Conn

func alias(ctx context.Context) {
	async.Go(ctx, dial, async.Discard(func(conn, error) {})).Release()
}

type cache[T any] struct{ runs async.Group[string, T] }

func caches(ctx context.Context) {
	var numbers cache[int]
	numbers.runs.Options = []async.Option{async.Discard(func(int, error) {})}
	var texts cache[string]
	_, _, _ = texts.runs.Do(ctx, "a", func(context.Context) (string, error) { return "", nil }) // has no options
	_, _, _ = numbers.runs.Do(ctx, "a", work)
}
