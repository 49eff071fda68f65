// Package wraps has a small library over the calls, as a program may have one: futures,
// batches, pools, sequences. Nothing is wrong in it.
package wraps

import (
	"context"
	"errors"
	"iter"
	"log"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/seed4712c49f/async"
)

// A Future is a call with a name.
type Future[T any] struct {
	*async.Call[T]
	name string
	once sync.Once
}

// Start begins a future.
func Start[T any](ctx context.Context, name string, fn func(context.Context) (T, error), opts ...async.Option) *Future[T] {
	return &Future[T]{Call: async.Go(ctx, fn, append(opts, async.Name(name))...), name: name}
}

// Close gives the future up, once.
func (f *Future[T]) Close() { f.once.Do(f.Release) }

// Get waits for it.
func (f *Future[T]) Get(ctx context.Context) (v T, err error) {
	defer f.Close()
	if v, err = f.Await(ctx); err != nil {
		log.Print(f.name, err)
	}
	return v, err
}

// Then begins a call with the result of another, which it owns from then on.
func Then[A, B any](ctx context.Context, call *async.Call[A], fn func(context.Context, A) (B, error)) *async.Call[B] {
	return async.Go(ctx, func(ctx context.Context) (b B, err error) {
		defer call.Release()
		a, err := call.Await(ctx)
		if err != nil {
			return b, err
		}
		return fn(ctx, a)
	})
}

func two(ctx context.Context, first func(context.Context) (int, error), second func(context.Context, int) (string, error)) (string, error) {
	call := Then(ctx, async.Go(ctx, first), second)
	defer call.Release()
	return call.Await(ctx)
}

func twoByName(ctx context.Context, first func(context.Context) (int, error), second func(context.Context, int) (string, error)) (string, error) {
	begun := async.Go(ctx, first)
	call := Then(ctx, begun, second)
	return call.Await(ctx)
}

// All yields calls that its user owns.
func All[In, T any](ctx context.Context, in []In, fn func(context.Context, In) (T, error)) iter.Seq2[int, *async.Call[T]] {
	return func(yield func(int, *async.Call[T]) bool) {
		for i, v := range in {
			call := async.Go(ctx, func(ctx context.Context) (T, error) { return fn(ctx, v) })
			if !yield(i, call) {
				return
			}
		}
	}
}

func lengths(ctx context.Context, names []string, length func(context.Context, string) (int, error)) (n int, err error) {
	for i, call := range All(ctx, names, length) {
		m, err := call.Await(ctx)
		call.Release()
		switch {
		case errors.Is(err, os.ErrNotExist):
			continue
		case err != nil:
			return 0, errors.Join(errors.New(names[i]), err)
		}
		n += m
	}
	return n, nil
}

// A Batch has the calls of one round.
type Batch[K comparable, T any] struct {
	mu    sync.Mutex
	calls map[K]*async.Call[T]
	list  async.Calls[T]
	over  chan *async.Call[T]
	stops []func() bool
}

// Add begins a call, unless the batch has it.
func (b *Batch[K, T]) Add(ctx context.Context, key K, fn func(context.Context) (T, error)) (call *async.Call[T], shared bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if call, shared = b.calls[key]; shared {
		return call.Clone(), true
	}
	call = async.Go(ctx, fn)
	b.calls[key] = call
	b.list = append(b.list, call)
	b.stops = append(b.stops, async.AfterFunc(call, func() { b.over <- call }))
	return call.Clone(), false
}

// Take is Add and a wait.
func (b *Batch[K, T]) Take(ctx context.Context, key K, fn func(context.Context) (T, error)) (v T, err error) {
	call, shared := b.Add(ctx, key, fn)
	defer call.Release()
	if shared {
		log.Print("shared")
	}
	return call.Await(ctx)
}

// Close ends the batch.
func (b *Batch[K, T]) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, stop := range b.stops {
		stop()
	}
	defer b.list.Release()
	defer b.list.Cancel(nil)
	clear(b.calls)
}

// --- objects in a pool

type object struct {
	call async.Call[int]
	buf  []byte
}

var objects = sync.Pool{New: func() any { return new(object) }}

func pooled(ctx context.Context, fn func(context.Context, []byte) (int, error)) (n int, err error) {
	o := objects.Get().(*object)
	if err := o.call.Begin(ctx, func(ctx context.Context) (int, error) { return fn(ctx, o.buf) }); err != nil {
		return 0, err
	}
	if n, err = o.call.Await(ctx); err == nil {
		objects.Put(o)
	}
	return n, err
}

var handles sync.Pool

func pooledHandle(ctx context.Context, fn func(context.Context) (int, error)) (int, error) {
	call, _ := handles.Get().(*async.Call[int])
	if call == nil {
		call = new(async.Call[int])
	}
	if err := call.Begin(ctx, fn); err != nil {
		return 0, err
	}
	n, err := call.Await(ctx)
	if err == nil {
		handles.Put(call)
	}
	return n, err
}

// --- a loop with one call ahead

func ahead(ctx context.Context, pages int, page func(context.Context, int) (string, error)) (all []string, err error) {
	begin := func(i int) *async.Call[string] {
		return async.Go(ctx, func(ctx context.Context) (string, error) { return page(ctx, i) })
	}
	next := begin(0)
	defer func() { next.Release() }()
	for i := range pages {
		text, err := next.Await(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, text)
		if i+1 < pages {
			next = begin(i + 1)
		}
	}
	return all, nil
}

func aheadOpenly(ctx context.Context, page func(context.Context, int) (string, bool, error)) (all []string, err error) {
	type answer struct {
		text string
		more bool
	}
	fetch := func(i int) func(context.Context) (answer, error) {
		return func(ctx context.Context) (answer, error) {
			text, more, err := page(ctx, i)
			return answer{text, more}, err
		}
	}
	current := async.Go(ctx, fetch(0))
	for i := 1; ; i++ {
		a, err := current.Await(ctx)
		if err != nil {
			current.Release()
			return nil, err
		}
		all = append(all, a.text)
		if !a.more {
			return all, nil
		}
		current = async.Go(ctx, fetch(i))
	}
}

// --- a handler

type server struct {
	scope *async.Scope
	ready async.Event
	runs  async.Group[string, []byte]
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	call := s.runs.Join(r.Context(), r.URL.Path, func(ctx context.Context) ([]byte, error) { return os.ReadFile(r.URL.Path) })
	defer call.Release()
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
wait:
	for {
		select {
		case <-call.Done():
			break wait
		case <-timer.C:
			http.Error(w, "slow", http.StatusGatewayTimeout)
			return
		case <-r.Context().Done():
			return
		}
	}
	text, err := call.Finish()
	var missing *os.PathError
	switch {
	case errors.As(err, &missing):
		http.NotFound(w, r)
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	default:
		w.Write(text)
	}
}

func (s *server) background(ctx context.Context, jobs <-chan func(context.Context) (int, error)) {
	var running async.Set[*async.Call[int]]
	defer running.Release()
	for job := range jobs {
		call := async.Go(ctx, job, s.scope)
		running.Add(call, call)
	}
	for call := range running.All(ctx) {
		if _, err := call.Finish(); err != nil {
			log.Print(err)
		}
	}
}

func (s *server) must(ctx context.Context, fn func(context.Context) (int, error)) int {
	call := async.Go(ctx, fn, s.scope)
	n, err := call.Await(ctx)
	if err != nil {
		call.Release()
		log.Fatal(err)
	}
	return n
}

func (s *server) orElse(ctx context.Context, fn func(context.Context) (int, error)) (n int, err error) {
	call := async.Go(ctx, fn, s.scope)
	defer func() {
		if e := recover(); e != nil {
			err = errors.New("panicked")
		}
		call.Release()
	}()
	if err = s.ready.Wait(ctx); err != nil {
		return
	}
	n, err = call.Await(ctx)
	return
}

func (s *server) either(ctx context.Context, a, b func(context.Context) (int, error)) (int, error) {
	x, y := async.Go(ctx, a, s.scope), async.Go(ctx, b, s.scope)
	defer x.Release()
	defer y.Release()
	i, err := async.WaitAny(ctx, x, y)
	if err != nil {
		return 0, err
	}
	if i == 0 {
		return x.Finish()
	}
	return y.Finish()
}
