// A gateway that fans out to five backends, with this library and by hand.

package bench_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/sourcegraph/conc/pool"
	"golang.org/x/sync/errgroup"

	"github.com/seed4712c49f/async"
)

// A get fetches the text at a URL.
type get = func(ctx context.Context, url string) (string, error)

// A gateway fans each request out to five backends and answers with all their texts.
// The first error would end the request and cancel the other fetches. Sixteen clients
// on two cores ask all the time. The allocations are those of client, gateway and
// backends together.
func BenchmarkGateway(b *testing.B) {
	for _, p := range []struct {
		name   string
		gather func(ctx context.Context, urls []string, get get) ([]string, error)
	}{
		{"raw=goroutines-and-channel", gatherByChannel},
		{"async=GoEach-All", gatherByAsync},
		{"errgroup=WithContext", gatherByErrgroup},
		{"conc=pool", gatherByConc},
	} {
		b.Run(p.name, func(b *testing.B) {
			f := newFetcher(b)
			var urls []string
			want := ""
			for i := range 5 {
				text := fmt.Sprintf(`{"shop": %d, "price": %d}`+"\n", i, 100+i)
				urls = append(urls, serve(b, func(*http.Request) (string, error) { return text, nil }))
				want += text
			}
			gateway := serve(b, func(r *http.Request) (string, error) {
				texts, err := p.gather(r.Context(), urls, f.get)
				return strings.Join(texts, ""), err
			})
			requests(b, want, func(ctx context.Context) (string, error) { return f.get(ctx, gateway) })
		})
	}
}

func gatherByChannel(ctx context.Context, urls []string, get get) ([]string, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type answer struct {
		i    int
		text string
		err  error
	}
	answers := make(chan answer, len(urls))
	for i, url := range urls {
		go func() {
			text, err := get(ctx, url)
			answers <- answer{i, text, err}
		}()
	}
	texts := make([]string, len(urls))
	for range urls {
		a := <-answers
		if a.err != nil {
			return nil, a.err
		}
		texts[a.i] = a.text
	}
	return texts, nil
}

func gatherByAsync(ctx context.Context, urls []string, get get) ([]string, error) {
	calls := async.GoEach(ctx, urls, get)
	defer calls.Cancel(nil)
	return calls.All(ctx)
}

func gatherByErrgroup(ctx context.Context, urls []string, get get) ([]string, error) {
	g, ctx := errgroup.WithContext(ctx)
	texts := make([]string, len(urls))
	for i, url := range urls {
		g.Go(func() (err error) {
			texts[i], err = get(ctx, url)
			return err
		})
	}
	return texts, g.Wait()
}

func gatherByConc(ctx context.Context, urls []string, get get) ([]string, error) {
	p := pool.New().WithContext(ctx).WithCancelOnError().WithFirstError()
	texts := make([]string, len(urls)) // a pool with results would not keep their order
	for i, url := range urls {
		p.Go(func(ctx context.Context) (err error) {
			texts[i], err = get(ctx, url)
			return err
		})
	}
	return texts, p.Wait()
}
