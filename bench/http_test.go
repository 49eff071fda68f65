// What a user would measure: programs that talk over real loopback HTTP. This file
// has the servers, the clients and the measuring, which are the same for all.

package bench_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// A serverFunc answers with a text.
type serverFunc func(r *http.Request) (string, error)

// serve starts a server on loopback that ends with the benchmark, and returns its
// address.
func serve(b *testing.B, f serverFunc) (url string) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := f(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		io.WriteString(w, text)
	}))
	b.Cleanup(s.Close)
	return s.URL
}

// A fetcher gets texts from servers. It keeps its connections.
type fetcher struct{ client http.Client }

func newFetcher(b *testing.B) *fetcher {
	t := &http.Transport{MaxIdleConnsPerHost: 256}
	b.Cleanup(t.CloseIdleConnections)
	return &fetcher{http.Client{Transport: t}}
}

func (f *fetcher) get(ctx context.Context, url string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return "", err
	}
	resp, err := f.client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", url, resp.Status, body)
	}
	return string(body), err
}

// pause waits for some time, or until the client has gone.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// clients is how many clients ask at the same time, for each core.
const clients = 8

// requests has clients ask b.N times, and reports what the requests took. Each
// request returns want.
func requests(b *testing.B, want string, ask func(ctx context.Context) (string, error)) {
	b.ReportAllocs()
	b.SetParallelism(clients)
	var l latencies
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		var own []time.Duration
		for pb.Next() {
			start := time.Now()
			got, err := ask(b.Context())
			own = append(own, time.Since(start))
			if err != nil || got != want {
				b.Errorf("got %q, %v", got, err)
				break
			}
		}
		l.add(own...)
	})
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
	l.report(b, 0.5, 0.99)
}
