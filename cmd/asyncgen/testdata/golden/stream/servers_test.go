package stream_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"

	"golden/stream"

	"github.com/seed4712c49f/async"
)

var (
	bg      = context.Background()
	errBoom = errors.New("boom")
)

// A file is a synchronous server. Its answers follow from what it is asked, with
// values beside errors.
type file struct {
	name  string
	data  []byte
	calls []string
	block async.Event // set when a Read that blocks has begun
}

func (f *file) Read(ctx context.Context, p []byte) (int, error) {
	switch string(p) {
	case "panic":
		panic("no such page")
	case "exit":
		runtime.Goexit()
	case "block":
		f.block.Set()
		<-ctx.Done()
		return 7, context.Cause(ctx)
	case "pending":
		return 3, async.ErrCallPending
	case "complete":
		return 4, async.ErrCallComplete
	case "released":
		return 5, async.ErrReleased
	}
	n := copy(p, f.data)
	if n < len(p) {
		return n, errBoom
	}
	return n, nil
}

func (f *file) Write(p []byte) (int, error) { return 1000 + len(p), nil }

func (f *file) Stat(ctx context.Context) (string, int64, error) {
	v, _ := ctx.Value(key{}).(string)
	return f.name + v, int64(len(f.data)), errBoom
}

func (f *file) Open(_ context.Context, name string) (stream.SimpleStream, error) {
	switch name {
	case "":
		return nil, async.ErrCallPending // nil beside an error that the object itself may return
	case "nil":
		return nil, nil
	}
	return &file{name: name}, errBoom
}

func (f *file) Len() int { return len(f.data) }

func (f *file) Split(at int) (head, tail []byte) { return f.data[:at], f.data[at:] }

func (f *file) Printf(_ context.Context, format string, args ...any) (int, error) {
	f.calls = append(f.calls, fmt.Sprintf(format, args...))
	return len(args), nil
}

func (f *file) Flush(context.Context) { f.calls = append(f.calls, "flush") }

func (f *file) Close() error { return errBoom }

type key struct{}

func newFile() *file { return &file{name: "file", data: []byte("hello")} }

// A mirror is a server that implements the asynchronous face itself: a call
// object whose calls are promises, completed by goroutines that know nothing of
// the caller.
type mirror struct {
	async.Call[reply]
	method string
	file   *file
}

type reply struct{ values []any }

func newMirror(f *file) *mirror { return &mirror{file: f} }

func (m *mirror) begin(ctx context.Context, method string, args ...any) error {
	p, err := m.BeginPromise(ctx)
	if err != nil {
		return err
	}
	m.method = method
	go func() {
		defer p.Break()
		in := []reflect.Value{}
		if method != "Write" && method != "Len" && method != "Split" && method != "Close" {
			in = append(in, reflect.ValueOf(p.Context()))
		}
		for _, arg := range args {
			in = append(in, reflect.ValueOf(arg))
		}
		var r reply
		var failed error
		for _, v := range reflect.ValueOf(m.file).MethodByName(method).Call(in) {
			if err, ok := v.Interface().(error); ok {
				failed = err
			} else if v.Type() != reflect.TypeFor[error]() {
				r.values = append(r.values, v.Interface())
			}
		}
		p.Complete(r, failed)
	}()
	return nil
}

func (m *mirror) finish(method string) (reply, error) {
	if m.method != method {
		return reply{}, async.ErrCallComplete
	}
	return m.Finish()
}

func at[T any](r reply, i int) (v T) {
	if i < len(r.values) {
		v, _ = r.values[i].(T)
	}
	return v
}

func (m *mirror) BeginRead(ctx context.Context, p []byte) error { return m.begin(ctx, "Read", p) }
func (m *mirror) FinishRead() (int, error) {
	r, err := m.finish("Read")
	return at[int](r, 0), err
}

func (m *mirror) BeginWrite(p []byte) error { return m.begin(bg, "Write", p) }
func (m *mirror) FinishWrite() (int, error) {
	r, err := m.finish("Write")
	return at[int](r, 0), err
}

func (m *mirror) BeginStat(ctx context.Context) error { return m.begin(ctx, "Stat") }
func (m *mirror) FinishStat() (string, int64, error) {
	r, err := m.finish("Stat")
	return at[string](r, 0), at[int64](r, 1), err
}

func (m *mirror) BeginOpen(ctx context.Context, name string) error { return m.begin(ctx, "Open", name) }
func (m *mirror) FinishOpen() (stream.SimpleStream, error) {
	r, err := m.finish("Open")
	return at[stream.SimpleStream](r, 0), err
}

func (m *mirror) BeginLen() error { return m.begin(bg, "Len") }
func (m *mirror) FinishLen() (int, error) {
	r, err := m.finish("Len")
	return at[int](r, 0), err
}

func (m *mirror) BeginSplit(n int) error { return m.begin(bg, "Split", n) }
func (m *mirror) FinishSplit() ([]byte, []byte, error) {
	r, err := m.finish("Split")
	return at[[]byte](r, 0), at[[]byte](r, 1), err
}

func (m *mirror) BeginPrintf(ctx context.Context, format string, args ...any) error {
	return m.begin(ctx, "Printf", append([]any{format}, args...)...)
}
func (m *mirror) FinishPrintf() (int, error) {
	r, err := m.finish("Printf")
	return at[int](r, 0), err
}

func (m *mirror) BeginFlush(ctx context.Context) error { return m.begin(ctx, "Flush") }
func (m *mirror) FinishFlush() error {
	_, err := m.finish("Flush")
	return err
}

func (m *mirror) BeginClose() error { return m.begin(bg, "Close") }
func (m *mirror) FinishClose() error {
	_, err := m.finish("Close")
	return err
}

var _ stream.AsyncSimpleStream = (*mirror)(nil)

// await is an asynchronous client that is called synchronously: it begins, does
// something else, waits by the channel, and finishes.
type await struct{ call stream.AsyncSimpleStream }

func (a await) done(err error) {
	if err != nil {
		panic(err)
	}
	runtime.Gosched()
	<-a.call.Done()
}

func (a await) Read(ctx context.Context, p []byte) (int, error) {
	a.done(a.call.BeginRead(ctx, p))
	return a.call.FinishRead()
}

func (a await) Write(p []byte) (int, error) {
	a.done(a.call.BeginWrite(p))
	return a.call.FinishWrite()
}

func (a await) Stat(ctx context.Context) (string, int64, error) {
	a.done(a.call.BeginStat(ctx))
	return a.call.FinishStat()
}

func (a await) Open(ctx context.Context, name string) (stream.SimpleStream, error) {
	a.done(a.call.BeginOpen(ctx, name))
	return a.call.FinishOpen()
}

func (a await) Len() int {
	a.done(a.call.BeginLen())
	n, err := a.call.FinishLen()
	if err != nil {
		panic(err)
	}
	return n
}

func (a await) Split(n int) ([]byte, []byte) {
	a.done(a.call.BeginSplit(n))
	head, tail, err := a.call.FinishSplit()
	if err != nil {
		panic(err)
	}
	return head, tail
}

func (a await) Printf(ctx context.Context, format string, args ...any) (int, error) {
	a.done(a.call.BeginPrintf(ctx, format, args...))
	return a.call.FinishPrintf()
}

func (a await) Flush(ctx context.Context) {
	a.done(a.call.BeginFlush(ctx))
	if err := a.call.FinishFlush(); err != nil {
		panic(err)
	}
}

func (a await) Close() error {
	a.done(a.call.BeginClose())
	return a.call.FinishClose()
}

// plain is a client of the plain idiom that is called synchronously.
type plain struct{ calls stream.SimpleStreamCalls }

func (c plain) Read(ctx context.Context, p []byte) (int, error) {
	return c.calls.Read(ctx, p).Await(bg)
}
func (c plain) Write(p []byte) (int, error) { return c.calls.Write(p).Await(bg) }
func (c plain) Stat(ctx context.Context) (string, int64, error) {
	r, err := c.calls.Stat(ctx).Await(bg)
	return r.Name, r.Size, err
}
func (c plain) Open(ctx context.Context, name string) (stream.SimpleStream, error) {
	return c.calls.Open(ctx, name).Await(bg)
}
func (c plain) Len() int {
	n, err := c.calls.Len().Await(bg)
	if err != nil {
		panic(err)
	}
	return n
}
func (c plain) Split(n int) ([]byte, []byte) {
	r, err := c.calls.Split(n).Await(bg)
	if err != nil {
		panic(err)
	}
	return r.Head, r.Tail
}
func (c plain) Printf(ctx context.Context, format string, args ...any) (int, error) {
	return c.calls.Printf(ctx, format, args...).Await(bg)
}
func (c plain) Flush(ctx context.Context) { _, _ = c.calls.Flush(ctx).Await(bg) }
func (c plain) Close() error {
	_, err := c.calls.Close().Await(bg)
	return err
}

// transcript is what a client gets to see.
func transcript(s stream.SimpleStream, f *file) string {
	var b strings.Builder
	say := func(what string, values ...any) { fmt.Fprintln(&b, what, fmt.Sprintf("%#v", values)) }
	ctx := context.WithValue(bg, key{}, "!")
	for _, p := range []string{"12345", "1234567", "", "pending", "complete", "released"} {
		buf := []byte(p)
		n, err := s.Read(ctx, buf)
		say("read", n, err, bytes.Clone(buf))
	}
	ended, cancel := context.WithCancelCause(ctx)
	n, err := func() (int, error) {
		defer cancel(nil)
		go cancel(errBoom)
		return s.Read(ended, []byte("block"))
	}()
	say("block", n == 7 || errors.Is(err, async.ErrCanceled), errors.Is(err, errBoom))
	n, err = s.Write([]byte("abc"))
	say("write", n, err)
	name, size, err := s.Stat(ctx)
	say("stat", name, size, err)
	for _, name := range []string{"", "nil", "other"} {
		o, err := s.Open(ctx, name)
		say("open", o == nil, err)
	}
	say("len", s.Len())
	head, tail := s.Split(2)
	say("split", head, tail)
	n, err = s.Printf(ctx, "%d %s", 1, "two")
	say("printf", n, err)
	n, err = s.Printf(ctx, "none")
	say("printf", n, err)
	s.Flush(ctx)
	say("close", s.Close())
	say("calls", f.calls)
	return b.String()
}
