// Package brokenpromise has servers that complete their promises, and some that
// forget to.
package brokenpromise

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"sync"
	"time"

	"github.com/seed4712c49f/async"
	"vettest/helper"
)

var errBusy = errors.New("busy")

// --- servers that wait

func untilAnEvent(ctx context.Context, e *async.Event, f func() int) *async.Call[int] {
	promise, call := async.NewPromise[int](ctx)
	go func() {
		if err := e.Wait(promise.Context()); err != nil {
			return // the call is over
		}
		promise.Complete(f(), nil)
	}()
	return call
}

func everySecond(ctx context.Context, f func() (int, bool)) *async.Call[int] {
	promise, call := async.NewPromise[int](ctx)
	go func() {
		for {
			if n, ok := f(); ok {
				promise.Complete(n, nil)
				return
			}
			if async.Sleep(ctx, time.Second) != nil {
				return
			}
			err := async.Sleep(promise.Context(), time.Second)
			if err != nil {
				return
			}
		}
	}()
	return call
}

func byAnother(ctx, other context.Context, e *async.Event, f func() int) *async.Call[int] {
	promise, call := async.NewPromise[int](ctx)
	go func() { // want `the server can leave promise neither`
		if err := e.Wait(other); err != nil {
			return
		}
		promise.Complete(f(), nil)
	}()
	return call
}

func withItsError(ctx context.Context, other *async.Call[int]) *async.Call[int] {
	promise, call := async.NewPromise[int](ctx)
	go func() { // want `the server can leave promise neither`
		n, err := other.Await(ctx)
		if err != nil {
			return // that of the other, perhaps
		}
		promise.Complete(n, nil)
	}()
	return call
}

// --- what is discarded

func discards(ctx context.Context, l net.Listener, late async.Option) *async.Call[net.Conn] {
	promise, call := async.NewPromise[net.Conn](ctx, late)
	go func() {
		conn, err := l.Accept()
		promise.CompleteOrDiscard(conn, err)
	}()
	return call
}

func discardsSome(ctx context.Context, l net.Listener, late async.Option) *async.Call[net.Conn] {
	promise, call := async.NewPromise[net.Conn](ctx, late)
	go discardSome(promise, l) // want `discardSome can return with promise neither completed nor broken`
	return call
}

func discardSome(promise *async.Promise[net.Conn], l net.Listener) {
	if conn, err := l.Accept(); err == nil {
		promise.CompleteOrDiscard(conn, nil)
	}
}

// --- a promise that is refused

func refused(ctx context.Context, scope *async.Scope, serve func(*async.Promise[int])) *async.Call[int] {
	promise, call := async.NewPromise[int](ctx, scope)
	if call.IsDone() {
		return call // there is nothing to serve
	}
	serve(promise)
	return call
}

func refusedElse(ctx context.Context, scope *async.Scope, serve func(*async.Promise[int])) *async.Call[int] {
	promise, call := async.NewPromise[int](ctx, scope) // want `promise is neither completed nor broken on the way to a return`
	if !call.IsDone() {
		return call
	}
	serve(promise)
	return call
}

// --- servers that are literals

func forgets(ctx context.Context, r *bufio.Reader) *async.Call[string] {
	promise, call := async.NewPromise[string](ctx)
	go func() { // want `the server can leave promise neither completed nor broken on the way to a return \(line \d+\): the call may stay pending for ever`
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		promise.Complete(line, nil)
	}()
	return call
}

func declared(ctx context.Context, busy bool) *async.Call[string] {
	var (
		promise *async.Promise[string]
		call    *async.Call[string]
	)
	promise, call = async.NewPromise[string](ctx)
	go func() { // want `the server can leave promise neither`
		if !busy {
			promise.Complete("", nil)
		}
	}()
	return call
}

func breaks(ctx context.Context, r *bufio.Reader) *async.Call[string] {
	promise, call := async.NewPromise[string](ctx)
	go func() {
		defer promise.Break()
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		promise.Complete(line, nil)
	}()
	return call
}

func always(ctx context.Context, r *bufio.Reader) *async.Call[string] {
	promise, call := async.NewPromise[string](ctx)
	go func() {
		line, err := r.ReadString('\n')
		if err != nil {
			promise.Complete("", err)
			return
		}
		promise.Complete(line, nil)
	}()
	return call
}

func loops(ctx context.Context, lines <-chan string) *async.Call[string] {
	promise, call := async.NewPromise[string](ctx)
	go func() { // want `the server can leave promise neither`
		for line := range lines {
			if line != "" {
				promise.Complete(line, nil)
				return
			}
		}
	}()
	return call
}

func inAGroup(ctx context.Context, wg *sync.WaitGroup, busy bool) *async.Call[string] {
	promise, call := async.NewPromise[string](ctx)
	wg.Go(func() { // want `the server can leave promise neither`
		if !busy {
			promise.Complete("", nil)
		}
	})
	return call
}

func callback(ctx context.Context, onLine func(func(string))) *async.Call[string] {
	promise, call := async.NewPromise[string](ctx)
	onLine(func(line string) {
		if line != "" {
			promise.Complete(line, nil) // called again, perhaps
		}
	})
	return call
}

func leavesForAnother(ctx, stop context.Context, lines <-chan string) *async.Call[string] {
	promise, call := async.NewPromise[string](ctx)
	go func() { // want `the server can leave promise neither`
		select {
		case line := <-lines:
			promise.Complete(line, nil)
		case <-stop.Done(): // the call goes on
		}
	}()
	return call
}

func leavesTooEarly(ctx context.Context, lines <-chan string) *async.Call[string] {
	promise, call := async.NewPromise[string](ctx)
	timed, cancel := context.WithTimeout(ctx, time.Second)
	go func() { // want `the server can leave promise neither`
		defer cancel()
		select {
		case line := <-lines:
			promise.Complete(line, nil)
		case <-timed.Done(): // before ctx
		}
	}()
	return call
}

func leavesWithANewContext(ctx context.Context, lines <-chan string) *async.Call[string] {
	promise, call := async.NewPromise[string](ctx)
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	go func() { // want `the server can leave promise neither`
		defer cancel()
		select {
		case line := <-lines:
			promise.Complete(line, nil)
		case <-ctx.Done(): // before that of the promise
		}
	}()
	return call
}

func inParentheses(ctx context.Context, busy bool) *async.Call[string] {
	promise, call := (async.NewPromise[string](ctx)) // want `promise is neither`
	if !busy {
		promise.Complete("", nil)
	}
	return call
}

func byParameter(ctx context.Context, busy bool) *async.Call[string] {
	promise, call := async.NewPromise[string](ctx)
	go func(p *async.Promise[string], busy bool) { // want `the server can leave p neither`
		if !busy {
			p.Complete("", nil)
		}
	}(promise, busy)
	return call
}

func byParameterAlways(ctx context.Context, busy bool) *async.Call[string] {
	promise, call := async.NewPromise[string](ctx)
	go func(p *async.Promise[string]) {
		defer p.Break()
		if !busy {
			p.Complete("", nil)
		}
	}(promise)
	return call
}

// --- servers that are functions

func served(ctx context.Context) *async.Call[string] {
	promise, call := async.NewPromise[string](ctx)
	go helper.Serve(promise)
	return call
}

func servedSometimes(ctx context.Context, ok bool) *async.Call[string] {
	promise, call := async.NewPromise[string](ctx)
	go helper.ServeSome(promise, ok) // want `ServeSome can return with promise neither completed nor broken`
	return call
}

func servedByALiteral(ctx context.Context, ok bool) *async.Call[string] {
	promise, call := async.NewPromise[string](ctx)
	go func() { helper.ServeSome(promise, ok) }() // want `the server can leave promise neither`
	return call
}

func tried(ctx context.Context, ok bool) *async.Call[string] {
	promise, call := async.NewPromise[string](ctx)
	if !try(promise, ok) {
		promise.Break()
	}
	return call
}

func try(promise *async.Promise[string], ok bool) bool {
	return ok && promise.Complete("", nil)
}

func servedOnOnePath(ctx context.Context, busy bool) (*async.Call[string], error) {
	promise, call := async.NewPromise[string](ctx) // want `promise is neither completed nor broken on the way to a return \(line \d+\)`
	if busy {
		return call, errBusy
	}
	go helper.Serve(promise)
	return call, nil
}

// --- the function itself

func itself(ctx context.Context, busy bool) *async.Call[string] {
	promise, call := async.NewPromise[string](ctx) // want `promise is neither completed nor broken`
	if busy {
		return call
	}
	promise.Complete("", nil)
	return call
}

func object(ctx context.Context, call *async.Call[string], busy bool) error {
	promise, err := call.BeginPromise(ctx) // want `promise is neither completed nor broken`
	if err != nil {
		return err
	}
	if busy {
		return errBusy
	}
	promise.Complete("", nil)
	return nil
}

func generic[T any](ctx context.Context, v T, busy bool) *async.Call[T] {
	promise, call := async.NewPromise[T](ctx) // want `promise is neither completed nor broken`
	if !busy {
		promise.Complete(v, nil)
	}
	return call
}

type client struct {
	mu      sync.Mutex
	pending map[int]*async.Promise[string]
}

func (c *client) stored(ctx context.Context, id int) *async.Call[string] {
	promise, call := async.NewPromise[string](ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pending[id] = promise
	return call
}

func never(ctx context.Context) error {
	_, call := async.NewPromise[string](ctx) // ends with ctx
	defer call.Release()
	return call.Wait(ctx)
}

func canceled(ctx context.Context, ok bool) error {
	promise, call := async.NewPromise[string](ctx)
	defer call.Cancel(nil)
	if ok {
		promise.Complete("", nil)
	}
	return call.Wait(ctx)
}

// --- what a Complete leaves behind

func drops(ctx context.Context, l net.Listener) *async.Call[net.Conn] {
	promise, call := async.NewPromise[net.Conn](ctx)
	go func() {
		conn, err := l.Accept()
		promise.Complete(conn, err) // want `where Complete returns false, nobody closes conn`
	}()
	return call
}

func dropsOpenly(promise *async.Promise[net.Conn], l net.Listener) {
	conn, err := l.Accept()
	_ = promise.Complete(conn, err) // want `nobody closes conn`
}

func dropsResult(promise *async.Promise[io.ReadCloser], open func() io.ReadCloser) {
	promise.Complete(open(), nil) // want `where Complete returns false, nobody closes open\(\)`
}

func closes(promise *async.Promise[net.Conn], l net.Listener) {
	conn, err := l.Accept()
	if !promise.Complete(conn, err) && err == nil {
		conn.Close()
	}
}

func fails(promise *async.Promise[net.Conn], err error) { promise.Complete(nil, err) }

func keeps(promise *async.Promise[net.Conn], l net.Listener, all map[net.Conn]bool) {
	conn, err := l.Accept()
	all[conn] = true // somebody has it
	promise.Complete(conn, err)
}

func looks(promise *async.Promise[net.Conn], l net.Listener) {
	conn, err := l.Accept()
	if conn != nil {
		log.Print(conn.RemoteAddr())
	}
	promise.Complete(conn, err) // want `nobody closes conn`
}

func passes(promise *async.Promise[net.Conn], conn net.Conn) { promise.Complete(conn, nil) }

func plain(promise *async.Promise[string], r *bufio.Reader) {
	line, err := r.ReadString('\n')
	promise.Complete(line, err)
}
