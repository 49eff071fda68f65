// Package lateresource has calls whose results have to be closed.
package lateresource

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/seed4712c49f/async"
	"vettest/helper"
)

func dial(context.Context) (net.Conn, error)                    { return net.Dial("tcp", "a:1") }
func dialTo(ctx context.Context, addr string) (net.Conn, error) { return net.Dial("tcp", addr) }
func dialAgain(context.Context, int) (net.Conn, error)          { return net.Dial("tcp", "a:1") }
func closing(c net.Conn, err error)                             {}

var shared net.Conn

type pool struct{ conn *net.TCPConn }

func all(ctx context.Context, addrs []string, opts ...async.Option) {
	async.Go(ctx, dial).Release()                                                                                   // want `without Discard nobody closes a net.Conn that comes too late`
	async.Go(ctx, func(context.Context) (*os.File, error) { return os.Open("a") }).Release()                        // want `nobody closes a \*os.File`
	async.GoEach(ctx, addrs, dialTo).Release()                                                                      // want `nobody closes a net.Conn`
	async.GoAll(ctx, []func(context.Context) (net.Conn, error){dial, dial}).Release()                               // want `nobody closes a net.Conn`
	_, _ = async.Hedge(ctx, time.Second, 2, dialAgain)                                                              // want `nobody closes a net.Conn`
	async.Go(ctx, dial, async.Discard(closing)).Release()                                                           // the mend
	async.Go(ctx, dial, opts...).Release()                                                                          // who knows
	async.Go(ctx, func(context.Context) (int, error) { return 1, nil }).Release()                                   // nothing to close
	async.Go(ctx, func(context.Context) (net.Conn, error) { return shared, nil }).Release()                         // was there before
	async.Go(ctx, func(context.Context) (net.Conn, error) { return nil, io.EOF }).Release()                         // nothing to close
	async.Go(ctx, func(context.Context) (io.ReadCloser, error) { return os.Open("a") }, helper.Closing()).Release() // closed by the option
}

func (p *pool) get(ctx context.Context) *async.Call[*net.TCPConn] {
	return async.Go(ctx, func(context.Context) (*net.TCPConn, error) { return p.conn, nil })
}

func promise(ctx context.Context) (*async.Promise[net.Conn], *async.Call[net.Conn]) {
	return async.NewPromise[net.Conn](ctx) // want `nobody closes a net.Conn`
}

type dialer struct {
	last  net.Conn
	conns map[string]net.Conn
}

func (d *dialer) dial(addr string) (net.Conn, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	if err := d.greet(conn); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

func (d *dialer) greet(conn net.Conn) error {
	_, err := conn.Write([]byte("hello"))
	return err
}

func (d *dialer) kept(addr string) (net.Conn, error) {
	conn, err := net.Dial("tcp", addr)
	d.keep(addr, conn)
	return conn, err
}

func (d *dialer) keep(addr string, conn net.Conn) { d.conns[addr] = conn }

func (d *dialer) all(ctx context.Context, addr string) {
	async.Go(ctx, func(context.Context) (net.Conn, error) { return d.dial(addr) }).Release() // want `nobody closes a net.Conn`
	async.Go(ctx, func(context.Context) (net.Conn, error) { return d.kept(addr) }).Release() // somebody has it
	async.Go(ctx, func(context.Context) (conn net.Conn, err error) {                         // want `nobody closes a net.Conn`
		conn, err = net.Dial("tcp", addr)
		return
	}).Release()
	async.Go(ctx, func(context.Context) (*http.Response, error) { // want `nobody closes a \*http.Response`
		body, err := os.Open(addr)
		return &http.Response{Body: body}, err
	}).Release()
}

func takenPerhaps(addrs []string, stop bool) {
	calls := async.GoEach(context.Background(), addrs, dialTo) // want `nobody closes a net.Conn`
	for _, call := range calls {
		if stop {
			break
		}
		_, _ = call.Await(context.Background())
	}
}

func generic[T io.Closer](ctx context.Context, fn func(context.Context) (T, error)) {
	async.Go(ctx, fn).Release() // depends on T
}

// --- options in slices

func slots(ctx context.Context, scope *async.Scope, late bool) {
	opts := []async.Option{scope, async.Name("a")}
	opts[1] = async.Discard(closing)
	async.Go(ctx, dial, opts...).Release()
	copied := []async.Option{scope, async.Name("a")}
	copy(copied[1:], []async.Option{async.Discard(closing)})
	async.Go(ctx, dial, copied...).Release()
	each := []async.Option{scope, async.Name("a")}
	for i := range each {
		each[i] = async.Discard(closing)
	}
	async.Go(ctx, dial, each...).Release()
	var list [2]async.Option
	list[0] = async.Discard(closing)
	async.Go(ctx, dial, list[:]...).Release()
	named := []async.Option{scope, async.Name("a")}
	named[1] = async.Name("b")
	async.Go(ctx, dial, named...).Release() // want `nobody closes a net.Conn`
}

// --- taken for certain

func waitsForEver(ctx context.Context) (net.Conn, error) {
	call := async.Go(ctx, dial)
	return call.Await(context.Background())
}

func waitsAtOnce(ctx context.Context) (net.Conn, error) {
	return async.Go(ctx, dial).Await(context.WithoutCancel(ctx))
}

func givesUp(ctx context.Context) (net.Conn, error) {
	call := async.Go(ctx, dial) // want `nobody closes a net.Conn`
	defer call.Release()
	return call.Await(ctx)
}

func givesUpInTime(ctx context.Context) (net.Conn, error) {
	call := async.Go(ctx, dial) // want `nobody closes a net.Conn`
	defer call.Release()
	if err := call.WaitFor(time.Second); err != nil {
		return nil, err
	}
	return call.Finish()
}

func inATest(t *testing.T) {
	call := async.Go(t.Context(), dial)
	conn, err := call.Await(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

func canceled(ctx context.Context) (net.Conn, error) {
	call := async.Go(ctx, dial) // want `nobody closes a net.Conn`
	call.Cancel(nil)
	return call.Await(context.Background())
}

// --- responses

func get(ctx context.Context, url string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	return http.DefaultClient.Do(req)
}

func getAll(ctx context.Context, url string) (*http.Response, error) {
	resp, err := get(ctx, url)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, err
}

func closeResponse(resp *http.Response, err error) {}

func responses(ctx context.Context, urls []string) {
	async.GoEach(ctx, urls, get).Release()                                                                                            // want `without Discard nobody closes a \*http.Response that comes too late, and without Streaming the call's context ends with the call, and reading the body fails with context canceled`
	async.GoEach(ctx, urls, get, async.Discard(closeResponse)).Release()                                                              // want `^without Streaming the call's context ends with the call`
	async.GoEach(ctx, urls, get, async.Streaming()).Release()                                                                         // want `^without Discard nobody closes a \*http.Response that comes too late$`
	async.GoEach(ctx, urls, get, async.Discard(closeResponse), async.Streaming()).Release()                                           // the mend
	async.GoEach(ctx, urls, getAll).Release()                                                                                         // the body is read by then
	async.Go(ctx, func(context.Context) (*http.Response, error) { return http.Get(urls[0]) }, async.Discard(closeResponse)).Release() // has no context
}
