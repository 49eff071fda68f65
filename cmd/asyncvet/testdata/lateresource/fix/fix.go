// Package fix has calls whose options have one right mend.
package fix

import (
	"context"
	"net"
	"net/http"

	"github.com/seed4712c49f/async"
	"vettest/helper"
)

func dial(context.Context) (net.Conn, error) { return net.Dial("tcp", "a:1") }

func get(ctx context.Context, url string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	return http.DefaultClient.Do(req)
}

func all(ctx context.Context, urls []string) {
	async.Go(ctx, dial, async.Name("dial")).Release() // want `without Discard`
	async.GoEach(ctx, urls, get).Release()            // want `without Discard .* without Streaming`
}

func hidden(ctx context.Context) {
	async.Go(ctx, helper.Hide).Release() // want `without Discard`
}

func shadows(ctx context.Context, net int) {
	async.Go(ctx, dial).Release() // want `without Discard`
}

func shadowsTheLibrary(ctx context.Context, begin func(context.Context, func(context.Context) (net.Conn, error)) *async.Call[net.Conn]) {
	promise, call := async.NewPromise[net.Conn](ctx) // want `without Discard`
	async := promise.Break
	defer async()
	call.Release()
}
