// Package fix has promises with one right mend.
package fix

import (
	"bufio"
	"context"
	"net"
	"net/http"

	"github.com/seed4712c49f/async"
)

func server(ctx context.Context, r *bufio.Reader) *async.Call[string] {
	promise, call := async.NewPromise[string](ctx)
	go func() { // want `the server can leave promise`
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		promise.Complete(line, nil)
	}()
	return call
}

func itself(ctx context.Context, busy bool) *async.Call[string] {
	promise, call := async.NewPromise[string](ctx) // want `neither completed nor broken`
	if busy {
		return call
	}
	promise.Complete("", nil)
	return call
}

func dropped(promise *async.Promise[net.Conn], l net.Listener) {
	conn, err := l.Accept()
	promise.Complete(conn, err) // want `nobody closes conn`
}

func response(promise *async.Promise[*http.Response], get func() *http.Response) {
	resp := get()
	promise.Complete(resp, nil) // want `nobody closes resp`
}

func passedOn(ctx context.Context, busy bool, queue chan<- *async.Promise[int]) *async.Call[int] {
	promise, call := async.NewPromise[int](ctx)
	go func() { // want `the server can leave promise`
		if busy {
			queue <- promise // a Break would come before whoever takes it from there
			return
		}
		if promise.Context().Value("a") != nil {
			promise.Complete(1, nil)
		}
	}()
	return call
}

type key struct{ n int }

func written(promises map[key]*async.Promise[net.Conn], l net.Listener) {
	conn, err := l.Accept()
	promises[key{n: 1}].Complete(conn, err) // want `nobody closes conn`
}

func servedBehind(ctx context.Context, busy bool) *async.Call[int] {
	promise, call := async.NewPromise[int](ctx) // want `neither completed nor broken`
	if busy {
		return call
	}
	go func() { promise.Complete(1, nil) }() // when the function has returned
	return call
}
