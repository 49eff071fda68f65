// How many bytes a pending call takes.

package bench_test

import (
	"testing"

	"github.com/samber/mo"

	"github.com/seed4712c49f/async"
)

// A wide result has 16 bytes.
type wide [2]int

// A wideResult is a wide value and an error.
type wideResult struct {
	v   wide
	err error
}

func (r wideResult) value() int { return value(r.v[0], r.err) }

// Calls that are pending, with a result of 16 bytes, which something else will
// complete. The bytes are those of one call. The pointers to the calls are not
// counted.
func BenchmarkPendingBytes(b *testing.B) {
	sizes(b, func(b *testing.B, n int) {
		pending(b, "raw=channel-with-one-slot", n,
			func() chan wideResult { return make(chan wideResult, 1) },
			func(ch chan wideResult) { ch <- wideResult{v: wide{1}} },
			func(ch chan wideResult) int { return (<-ch).value() })
		type boxed struct {
			done chan struct{}
			wideResult
		}
		pending(b, "raw=struct-and-channel", n,
			func() *boxed { return &boxed{done: make(chan struct{})} },
			func(p *boxed) { p.v[0] = 1; close(p.done) },
			func(p *boxed) int { <-p.done; return p.value() })
		type ends struct {
			p *async.Promise[wide]
			c *async.Call[wide]
		}
		open := func() ends {
			p, c := async.NewPromise[wide](bg)
			return ends{p, c}
		}
		complete := func(e ends) { e.p.Complete(wide{1}, nil) }
		wait := func(e ends) int {
			v, err := e.c.Await(bg)
			return wideResult{v, err}.value()
		}
		pending(b, "async=Promise", n, open, complete, wait)
		pending(b, "async=Promise-and-its-channel", n, func() ends {
			e := open()
			e.c.Done()
			return e
		}, complete, wait)
		type future struct {
			resolve func(wide)
			f       *mo.Future[wide]
		}
		pending(b, "mo=Future", n,
			func() future { resolve, f := moPromise[wide](); return future{resolve, f} },
			func(f future) { f.resolve(wide{1}) },
			func(f future) int {
				v, err := f.f.Collect()
				return wideResult{v, err}.value()
			})
	}, manyHeld)
}

// pending is a case that keeps n things, and completes them.
func pending[P any](b *testing.B, name string, n int, open func() P, complete func(P), wait func(P) int) {
	things := make([]P, n)
	held(b, name, n, func(*testing.B) func() int {
		for i := range things {
			things[i] = open()
		}
		return func() (sum int) {
			for _, p := range things {
				complete(p)
				sum += wait(p)
			}
			clear(things)
			return sum
		}
	})
}
