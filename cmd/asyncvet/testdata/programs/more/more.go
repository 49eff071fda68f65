// Package more has more forms of code in which nothing is wrong.
package more

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed4712c49f/async"
	"golang.org/x/sync/errgroup"
)

func work(context.Context) (int, error)              { return 1, nil }
func get(ctx context.Context, u string) (int, error) { return len(u), nil }

// --- what says that there is no handle

type client struct {
	mu     sync.Mutex
	closed bool
	conns  map[string]net.Conn
	last   net.Conn
	idle   chan net.Conn
}

// begin says by a boolean whether it has begun a call.
func (c *client) begin(ctx context.Context) (*async.Call[int], bool) {
	if c.closed {
		return nil, false
	}
	return async.Go(ctx, work), true
}

func (c *client) asksBool(ctx context.Context) (int, error) {
	call, ok := c.begin(ctx)
	if !ok {
		return 0, errors.New("closed")
	}
	return call.Await(ctx)
}

type busyError struct{}

func (*busyError) Error() string { return "busy" }

func (c *client) try(ctx context.Context) (*async.Call[int], error) {
	if c.closed {
		return nil, new(busyError)
	}
	return async.Go(ctx, work), nil
}

func (c *client) asksSwitch(ctx context.Context) (int, error) {
	call, err := c.try(ctx)
	switch err {
	case nil:
		return call.Await(ctx)
	case io.EOF:
		return 0, nil
	default:
		return 0, err
	}
}

func (c *client) asksType(ctx context.Context) (int, error) {
	call, err := c.try(ctx)
	switch err := err.(type) {
	case nil:
		return call.Await(ctx)
	case *busyError:
		return 0, err
	default:
		return 0, fmt.Errorf("try: %w", err)
	}
}

func (c *client) asksAssertion(ctx context.Context) (int, error) {
	call, err := c.try(ctx)
	if busy, ok := err.(*busyError); ok {
		return 0, busy
	}
	if err != nil {
		return 0, err
	}
	return call.Await(ctx)
}

func (c *client) asksByName(ctx context.Context) (int, error) {
	call, err := c.try(ctx)
	if busy, ok := errors.AsType[*busyError](err); ok {
		return 0, busy
	}
	failed := err != nil
	if failed {
		return 0, err
	}
	return call.Await(ctx)
}

func translate(err error) error {
	if err == nil {
		return nil
	}
	return errors.New("translated")
}

func (c *client) asksTranslated(ctx context.Context) (n int, err error) {
	call, err := c.try(ctx)
	if err := translate(err); err != nil {
		return 0, err
	}
	if n, err = call.Await(ctx); err != nil {
		return 0, err
	}
	return n, nil
}

func (c *client) asksElement(ctx context.Context, errs []error) {
	for i := range errs {
		var call *async.Call[int]
		call, errs[i] = c.try(ctx)
		if errs[i] != nil {
			continue
		}
		_, errs[i] = call.Await(ctx)
	}
}

func (c *client) asksHandle(ctx context.Context) (int, error) {
	call, _ := c.begin(ctx)
	switch call {
	case nil:
		return 0, errors.New("closed")
	}
	return call.Await(ctx)
}

// --- what comes to the same twice

func flag(ctx context.Context, want bool) (int, error) {
	var call *async.Call[int]
	started := false
	if want {
		call = async.Go(ctx, work)
		started = true
	}
	prepare()
	if started {
		return call.Await(ctx)
	}
	return 0, nil
}

func mode(ctx context.Context, mode string) {
	var call *async.Call[int]
	switch mode {
	case "a":
		call = async.Go(ctx, work)
	}
	prepare()
	switch mode {
	case "a":
		call.Release()
	}
}

func modeByIf(ctx context.Context, mode int) {
	var call *async.Call[int]
	switch {
	case mode == 1:
		call = async.Go(ctx, work)
	}
	if mode != 1 {
		return
	}
	call.Release()
}

func twice(ctx context.Context, keep bool) (int, error) {
	call := async.Go(ctx, work)
	if !keep {
		call.Release()
	}
	prepare()
	if keep {
		return call.Await(ctx)
	}
	return 0, nil
}

func anew(ctx context.Context, failed bool) (int, error) {
	call := async.Go(ctx, work)
	if failed {
		call.Release()
	}
	prepare()
	if failed {
		call = async.Go(ctx, work)
	}
	return call.Await(ctx)
}

func lazily(ctx context.Context, ticks <-chan time.Time) (int, error) {
	var call *async.Call[int]
	for {
		if call == nil {
			call = async.Go(ctx, work)
		}
		select {
		case <-call.Done():
			return call.Finish()
		case <-ticks:
			prepare()
		case <-ctx.Done():
			call.Release()
			return 0, ctx.Err()
		}
	}
}

func firstTime(ctx context.Context, n int) {
	var call *async.Call[int]
	for i := 0; i < n; i++ {
		if i == 0 {
			call = async.Go(ctx, work)
		}
		prepare()
	}
	if call != nil {
		call.Release()
	}
}

func prepare() {}

// --- handles that somebody releases

// stoppable returns a call, and what gives it up.
func stoppable(ctx context.Context) (*async.Call[int], func()) {
	call := async.Go(ctx, work)
	return call, call.Release
}

func stops(ctx context.Context) error {
	call, stop := stoppable(ctx)
	defer stop()
	return call.Wait(ctx)
}

// bounded returns a call that is released when the context ends.
func bounded(ctx context.Context) *async.Call[int] {
	call := async.Go(context.WithoutCancel(ctx), work)
	context.AfterFunc(ctx, call.Release)
	return call
}

func waits(ctx context.Context) error { return bounded(ctx).Wait(ctx) }

func watched(ctx context.Context) *async.Call[int] {
	call := async.Go(ctx, work)
	go func() {
		<-ctx.Done()
		call.Release()
	}()
	return call
}

func waitsWatched(ctx context.Context) error {
	call := watched(ctx)
	return call.Wait(ctx)
}

// drain takes what streams, and releases it.
func drain(ctx context.Context, call *async.Call[io.ReadCloser]) error {
	defer func() {
		prepare()
		call.Release()
	}()
	body, err := call.Await(ctx)
	if err != nil {
		return err
	}
	return body.Close()
}

func drains(ctx context.Context, begin func(context.Context) (io.ReadCloser, error), late async.Option) error {
	call := async.Go(ctx, begin, async.Streaming(), late)
	return drain(ctx, call)
}

// beginWith begins a call as its caller says.
func beginWith(ctx context.Context, opts ...async.Option) *async.Call[int] {
	return async.Go(ctx, work, opts...)
}

func taskOfAHelper(ctx context.Context) (int, error) {
	g, ctx := errgroup.WithContext(ctx)
	call := beginWith(ctx, async.InGroup(g))
	if err := g.Wait(); err != nil {
		return 0, err
	}
	return call.Finish()
}

// --- handles that are begun again

func later(call *async.Call[int]) { time.AfterFunc(time.Minute, call.Release) }

func givesTime(ctx context.Context) (int, error) {
	call := async.Go(ctx, work)
	later(call)
	return call.Await(ctx)
}

func restarts(ctx context.Context) (int, error) {
	call := async.Go(ctx, work)
	restart := func() { call = async.Go(ctx, work) }
	call.Release()
	restart()
	return call.Await(ctx)
}

func renew(ctx context.Context, call **async.Call[int]) { *call = async.Go(ctx, work) }

func renews(ctx context.Context) (int, error) {
	call := async.Go(ctx, work)
	call.Release()
	renew(ctx, &call)
	return call.Await(ctx)
}

func reset(ctx context.Context) (int, error) {
	call := new(async.Call[int])
	if err := call.Begin(ctx, work); err != nil {
		return 0, err
	}
	call.Release()
	*call = async.Call[int]{}
	if err := call.Begin(ctx, work); err != nil {
		return 0, err
	}
	return call.Await(ctx)
}

func refills(ctx context.Context, urls []string) ([]int, error) {
	calls := async.GoEach(ctx, urls, get)
	calls.Release()
	for i := range calls {
		calls[i] = async.Go(ctx, work)
	}
	defer calls.Release()
	return calls.All(ctx)
}

// --- promises whose call is over

func until(ctx context.Context, lines <-chan string) *async.Call[string] {
	promise, call := async.NewPromise[string](ctx)
	go func() {
		select {
		case line := <-lines:
			promise.Complete(line, nil)
		case <-ctx.Done(): // ends the call, too
		}
	}()
	return call
}

func untilItsOwn(ctx context.Context, lines <-chan string) *async.Call[string] {
	promise, call := async.NewPromise[string](ctx)
	go func() {
		own := promise.Context()
		for own.Err() == nil {
			select {
			case line := <-lines:
				promise.Complete(line, nil)
				return
			case <-own.Done():
			}
		}
	}()
	return call
}

func untilCanceled(ctx context.Context, lines <-chan string) *async.Call[string] {
	promise, call := async.NewPromise[string](ctx)
	go func() {
		for line := range lines {
			if call.IsDone() {
				return
			}
			if err := promise.Context().Err(); err != nil {
				return
			}
			if line != "" {
				promise.Complete(line, nil)
				return
			}
		}
		promise.Break()
	}()
	return call
}

func untilAbove(ctx context.Context, lines <-chan string) *async.Call[string] {
	timed, cancel := context.WithTimeout(ctx, time.Second)
	promise, call := async.NewPromise[string](timed)
	go func() {
		defer cancel()
		select {
		case line := <-lines:
			promise.Complete(line, nil)
		case <-ctx.Done():
		}
	}()
	return call
}

func untilServed(ctx context.Context, lines <-chan string) *async.Call[string] {
	promise, call := async.NewPromise[string](ctx)
	go serve(ctx, promise, lines)
	return call
}

func serve(ctx context.Context, promise *async.Promise[string], lines <-chan string) {
	select {
	case line := <-lines:
		promise.Complete(line, nil)
	case <-ctx.Done():
	}
}

func nothingToClose(promise *async.Promise[io.ReadCloser], text string) {
	promise.Complete(io.NopCloser(strings.NewReader(text)), nil)
}

func (c *client) current() net.Conn { return c.last }

func (c *client) serves(promise *async.Promise[net.Conn]) {
	promise.Complete(c.current(), nil)
}

func (c *client) servesByName(promise *async.Promise[net.Conn]) {
	conn := c.current()
	promise.Complete(conn, nil)
}

// --- results that need not be closed

func (c *client) cached(ctx context.Context, addr string) *async.Call[net.Conn] {
	return async.Go(ctx, func(ctx context.Context) (net.Conn, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if conn, ok := c.conns[addr]; ok {
			return conn, nil
		}
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return nil, err
		}
		c.conns[addr] = conn
		return conn, nil
	})
}

func (c *client) lent(ctx context.Context) *async.Call[net.Conn] {
	return async.Go(ctx, func(context.Context) (net.Conn, error) { return c.current(), nil })
}

func checked(ctx context.Context, conns []net.Conn) async.Calls[net.Conn] {
	return async.GoEach(ctx, conns, func(_ context.Context, conn net.Conn) (net.Conn, error) {
		return conn, conn.SetDeadline(time.Time{})
	})
}

func text(ctx context.Context, s string) *async.Call[io.ReadCloser] {
	return async.Go(ctx, func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(s)), nil
	})
}

func answer(ctx context.Context, s string) *async.Call[*http.Response] {
	return async.Go(ctx, func(ctx context.Context) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(s))}, ctx.Err()
	})
}

// --- results that are taken

func open(context.Context) (*os.File, error)                 { return os.Open("a") }
func openAt(ctx context.Context, n string) (*os.File, error) { return os.Open(n) }
func closeFile(f *os.File, err error) {
	if err == nil {
		f.Close()
	}
}

func takenAll(names []string) {
	calls := async.GoEach(context.Background(), names, openAt)
	for _, call := range calls {
		closeFile(call.Await(context.Background()))
	}
}

func takenByVar() {
	var call = async.Go(context.Background(), open)
	closeFile(call.Await(context.Background()))
}

func takenAtOnce(names []string) {
	results, _ := async.GoEach(context.Background(), names, openAt).Settle(context.Background())
	for _, r := range results {
		closeFile(r.Value, r.Err)
	}
}

func takenEach(names []string) {
	for _, r := range async.Map(context.Background(), slices.Values(names), openAt) {
		if r.Err != nil {
			continue
		}
		closeFile(r.Value, nil)
	}
}

func takenOfObject(ctx context.Context) (*os.File, error) {
	var call async.Call[*os.File]
	if err := call.Begin(ctx, open); err != nil {
		return nil, err
	}
	return call.Await(context.Background())
}

type limiter struct{}

func (limiter) Wait(ctx context.Context) error { return ctx.Err() }

func limited(ctx context.Context, l limiter, url string) *async.Call[*http.Response] {
	return async.Go(ctx, func(ctx context.Context) (*http.Response, error) {
		if err := l.Wait(ctx); err != nil {
			return nil, err
		}
		return http.Get(url)
	}, async.Discard(func(r *http.Response, err error) {
		if err == nil {
			r.Body.Close()
		}
	}))
}

// --- options that are held on some paths

func kinds(ctx context.Context, file bool, dial func(context.Context) (net.Conn, error), closeConn func(net.Conn, error)) {
	var late async.Option
	if file {
		late = async.Discard(closeFile)
	} else {
		late = async.Discard(closeConn)
	}
	if file {
		async.Go(ctx, open, late).Release()
		return
	}
	async.Go(ctx, dial, late).Release()
}

// --- locks that are not held

func (c *client) notHeld(ctx context.Context, fast bool) *async.Call[int] {
	if fast {
		c.mu.Lock()
		defer c.mu.Unlock()
		return async.Ready(1, nil)
	}
	return async.Go(ctx, work, async.OnSignal(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.closed = true
	}))
}

// --- loops over a few, or over others each time

func merge(ctx context.Context, a, b async.Waitable, quit chan struct{}) error {
	members := make([]async.Waitable, 2)
	members[0], members[1] = a, b
	if quit != nil {
		members = append(members, async.Chan(quit))
	}
	for {
		i, err := async.WaitAny(ctx, members...)
		if err != nil || i == 2 {
			return err
		}
		members[i] = async.Chan(nil)
	}
}

func standing(ctx context.Context, next func() []*async.Event) error {
	var members []async.Waitable
	for {
		members = members[:0]
		for _, e := range next() {
			members = append(members, e)
		}
		if _, err := async.WaitAny(ctx, members...); err != nil {
			return err
		}
	}
}

// --- ways through a function

func chosen(ctx context.Context, others <-chan *async.Call[int], ticks <-chan time.Time) (int, error) {
	call := async.Go(ctx, work)
	for {
		select {
		case <-call.Done():
			return call.Finish()
		case <-ticks:
			call.Release()
			call = async.Go(ctx, work)
		}
		if len(others) == 0 {
			continue
		}
		call.Release()
		select {
		case call = <-others:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

func swapped(ctx context.Context, others <-chan *async.Call[int]) (int, error) {
	call := async.Go(ctx, work)
	next := call
	select {
	case call = <-others:
		next.Release()
	case <-ctx.Done():
	}
	return call.Await(ctx)
}

func fails(tb testing.TB, format string) {
	tb.Helper()
	tb.Fatalf(format, "a")
}

func inTest(tb testing.TB, ctx context.Context) {
	call := async.Go(ctx, work)
	switch {
	case ctx.Err() == nil:
		call.Release()
	default:
		fails(tb, "%s")
		return
	}
}

func again(ctx context.Context) (n int, err error) {
	left := 3
retry:
	call := async.Go(ctx, work)
	if n, err = call.Await(ctx); err != nil && left > 0 {
		left--
		goto retry
	}
	return n, err
}

func (c *client) inIf(ctx context.Context) (n int, err error) {
	if call, err := c.try(ctx); err != nil {
		return 0, err
	} else if n, err = call.Await(ctx); err != nil {
		return 0, err
	}
	if call, err := c.try(ctx); err == nil {
		defer call.Release()
		prepare()
	}
	return n, nil
}

func (c *client) both(ctx context.Context, bad bool) (int, error) {
	call, err := c.try(ctx)
	if err != nil || bad {
		if call != nil {
			call.Release()
		}
		return 0, err
	}
	return call.Await(ctx)
}

type job struct {
	*async.Call[int]
	name string
}

func jobs(ctx context.Context, names []string) (n int, err error) {
	var all []job
	for _, name := range names {
		all = append(all, job{async.Go(ctx, work), name})
	}
	defer func() {
		for _, j := range all {
			j.Release()
		}
	}()
	for _, j := range all {
		m, err := j.Await(ctx)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", j.name, err)
		}
		n += m
	}
	return n, nil
}

func once(ctx context.Context) error {
	call := async.Go(ctx, work)
	stop := sync.OnceFunc(call.Release)
	defer stop()
	return call.Wait(ctx)
}

// --- others

func (c *client) Close() error { return nil }

func (c *client) ready(context.Context) (*client, error) { return c, nil }

func (c *client) connects(ctx context.Context) *async.Call[*client] { return async.Go(ctx, c.ready) }

func deferredTwice(ctx context.Context) error {
	call := async.Go(ctx, work)
	defer call.Cancel(nil)
	call = async.Go(ctx, work)
	defer call.Release()
	return call.Wait(ctx)
}

func untilError(ctx context.Context, read func(context.Context) (string, error)) *async.Call[string] {
	promise, call := async.NewPromise[string](ctx)
	go func() {
		for {
			line, err := read(ctx)
			if errors.Is(err, context.Canceled) || errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return
			}
			if err == nil {
				promise.Complete(line, nil)
				return
			}
		}
	}()
	return call
}

func while(ctx context.Context, read func() string) *async.Call[string] {
	promise, call := async.NewPromise[string](ctx)
	go func() {
		for !call.IsDone() {
			if line := read(); line != "" {
				promise.Complete(line, nil)
				return
			}
		}
	}()
	return call
}

// fetch completes the promise, or fails the group, whose context is that of the call.
func fetch(ctx context.Context, read func() (string, error)) (string, error) {
	g, ctx := errgroup.WithContext(ctx)
	promise, call := async.NewPromise[string](ctx)
	defer call.Release()
	g.Go(func() error {
		line, err := read()
		if err != nil {
			return err
		}
		promise.Complete(line, nil)
		return nil
	})
	line, err := call.Await(ctx)
	return line, errors.Join(err, g.Wait())
}

type watcher struct {
	call    *async.Call[int]
	results chan int
}

// newWatcher has what it began looked at when it is complete.
func newWatcher(ctx context.Context, name string) *watcher {
	made := &watcher{results: make(chan int, 1)}
	made.call = async.Go(ctx, work, async.OnSignal(made.done), async.Name(name))
	return made
}

func (w *watcher) done() {
	n, _ := w.call.Await(context.Background()) // is complete
	w.results <- n
}

func (w *watcher) read() {
	w.done()
}

func (w *watcher) begin(ctx context.Context) {
	w.call = async.Go(ctx, work, async.OnSignal(func() { w.read() }))
}
