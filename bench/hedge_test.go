// A client that hedges against a slow tail, with this library and by hand.

package bench_test

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/hedgepolicy"

	"github.com/seed4712c49f/async"
)

// The tail of a backend, and what a client does about it.
const (
	slowEvery  = 50 // every so manieth request is slow
	slowTakes  = 30 * time.Millisecond
	hedgeAfter = 4 * time.Millisecond
)

// A backend is slow for one request of fifty, by 30 ms. A client that hedges asks
// once more after 4 ms and takes the first answer. "tries" counts the requests that
// reached the backend for each of the client's: what is above 1 is the added load.
func BenchmarkHedge(b *testing.B) {
	policy := hedgepolicy.NewWithDelay[string](hedgeAfter)
	for _, p := range []struct {
		name string
		ask  func(ctx context.Context, url string, get get) (string, error)
	}{
		{"raw=timer-and-channel", hedgeByHand},
		{"raw=without-a-hedge", func(ctx context.Context, url string, get get) (string, error) { return get(ctx, url) }},
		{"async=Hedge", func(ctx context.Context, url string, get get) (string, error) {
			return async.Hedge(ctx, hedgeAfter, 2, func(ctx context.Context, _ int) (string, error) { return get(ctx, url) })
		}},
		{"failsafe=HedgePolicy", func(ctx context.Context, url string, get get) (string, error) {
			return failsafe.With(policy).WithContext(ctx).GetWithExecution(func(e failsafe.Execution[string]) (string, error) {
				return get(e.Context(), url)
			})
		}},
	} {
		b.Run(p.name, func(b *testing.B) {
			f := newFetcher(b)
			var asked atomic.Int64
			url := serve(b, func(r *http.Request) (string, error) {
				if asked.Add(1)%slowEvery == 0 {
					return "answer", pause(r.Context(), slowTakes)
				}
				return "answer", nil
			})
			requests(b, "answer", func(ctx context.Context) (string, error) { return p.ask(ctx, url, f.get) })
			b.ReportMetric(float64(asked.Load())/float64(b.N), "tries/op")
		})
	}
}

func hedgeByHand(ctx context.Context, url string, get get) (string, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type answer struct {
		text string
		err  error
	}
	answers := make(chan answer, 2)
	ask := func() {
		text, err := get(ctx, url)
		answers <- answer{text, err}
	}
	go ask()
	timer := time.NewTimer(hedgeAfter)
	defer timer.Stop()
	var failed []error
	for asked := 1; ; {
		select {
		case a := <-answers:
			if a.err == nil {
				return a.text, nil
			}
			if failed = append(failed, a.err); len(failed) == 2 {
				return "", errors.Join(failed...)
			}
			timer.Reset(0)
		case <-timer.C:
			if asked < 2 {
				asked++
				go ask()
			}
		}
	}
}
