package asyncview_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncview"
)

// crowd returns a scope with n calls in flight, and what ends them. The calls have a
// hundred names; most of them are promises, which are cheap.
func crowd(t testing.TB, n int) *async.Scope {
	t.Helper()
	s := async.NewScope(async.ScopeOptions{Name: "crowd", Limit: 4})
	end := make(chan struct{})
	var options [100]async.Option
	for i := range options {
		options[i] = async.Name(fmt.Sprintf("call %02d", i))
	}
	block := func(context.Context) (int, error) { <-end; return 0, nil }
	var promises []*async.Promise[int]
	for i := range n {
		if i%10 == 0 {
			async.Go(bg, block, s, options[i%100]).Release()
			continue
		}
		p, c := async.NewPromise[int](bg, s, options[i%100])
		c.Release()
		promises = append(promises, p)
	}
	t.Cleanup(func() {
		close(end)
		s.CancelQueued(nil)
		for _, p := range promises {
			p.Complete(0, nil)
		}
		if err := s.Shutdown(bg); err != nil {
			t.Error(err)
		}
	})
	return s
}

// sink is a ResponseWriter that keeps nothing, so that only the view's own memory counts.
type sink struct {
	header http.Header
	status int
	n      int
}

func (s *sink) Header() http.Header  { return s.header }
func (s *sink) WriteHeader(code int) { s.status = code }
func (s *sink) Write(p []byte) (int, error) {
	s.n += len(p)
	return len(p), nil
}

func serve(h http.Handler, path, accept string) *sink {
	r := httptest.NewRequest(http.MethodGet, "/debug/async/"+path, nil)
	r.Header.Set("Accept", accept)
	w := &sink{header: make(http.Header)}
	h.ServeHTTP(w, r)
	return w
}

// raceEnabled says that the race detector is on, which makes everything ten times slower.
var raceEnabled = func() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}()

// A page over a million calls needs little memory, and not much more time than it takes to
// begin the calls, which is half a second.
func TestV9_AMillionCalls(t *testing.T) {
	n := 1_000_000
	if testing.Short() || raceEnabled {
		n = 20_000
	}
	start := time.Now()
	s := crowd(t, n)
	begin := time.Since(start)
	runtime.GC()
	for _, q := range []string{"", "?sort=newest", "?q=call+07&format=json", "?format=text", "call?scope=1&call=77"} {
		v := asyncview.Handler(s)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		w := serve(v, q, "text/html")
		took := time.Since(start)
		runtime.ReadMemStats(&after)
		if w.status != http.StatusOK || w.n < 500 {
			t.Fatalf("%q: %d, %d bytes", q, w.status, w.n)
		}
		if all := after.TotalAlloc - before.TotalAlloc; all > 50<<20 {
			t.Errorf("%q: %d MiB were allocated for a page, 50 are allowed", q, all>>20)
		}
		t.Logf("%q: %d kB, %.2f of the time of the Begins, %d kB allocated", q, w.n>>10, float64(took)/float64(begin), (after.TotalAlloc-before.TotalAlloc)>>10)
		if n == 1_000_000 && took > 4*begin {
			t.Errorf("%q took %v, to begin the calls %v", q, took, begin)
		}
	}
}

// A viewer who asks one query after the other, each of them new, leaves half of the time to
// others.
func TestV9_OneQueryAfterTheOther(t *testing.T) {
	v := asyncview.Handler(crowd(t, 11_000))
	var looks, last time.Duration
	start := time.Now()
	for i := range 8 {
		looks += last
		w := httptest.NewRecorder()
		v.ServeHTTP(w, httptest.NewRequest(http.MethodGet, fmt.Sprintf("/?format=json&q=%d", i), nil))
		var r asyncview.Report
		if err := json.Unmarshal(w.Body.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		last = r.Took
	}
	if took := time.Since(start); took < 2*looks {
		t.Errorf("of %v, looks before the last took %v: more than half", took, looks)
	}
}

// BenchmarkPage is the page as HTML, each time with a new look at all calls.
func BenchmarkPage(b *testing.B) {
	for _, n := range []int{400, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("calls=%d", n), func(b *testing.B) {
			s := crowd(b, n)
			b.ReportAllocs()
			for b.Loop() {
				serve(asyncview.Handler(s), "", "text/html")
			}
		})
	}
}

// BenchmarkWatched is a call beside a million calls in flight, without a viewer and with ten. Its
// ratio is the median time with viewers beside that without, in one run.
func BenchmarkWatched(b *testing.B) {
	s := crowd(b, 1_000_000)
	busy := async.NewScope(async.ScopeOptions{Name: "busy"})
	v := asyncview.Handler(s, busy)
	srv := httptest.NewServer(v)
	defer srv.Close()
	round := func() time.Duration {
		const calls = 20_000
		var wg sync.WaitGroup
		start := time.Now()
		for range 2 * runtime.GOMAXPROCS(0) {
			wg.Go(func() {
				for range calls {
					_, _ = async.Go(bg, func(context.Context) (int, error) { return 0, nil }, busy).Await(bg)
				}
			})
		}
		wg.Wait()
		return time.Since(start)
	}
	var alone, watched []time.Duration
	for b.Loop() {
		for range 20 {
			alone = append(alone, round())
		}
		ctx, end := context.WithCancel(bg)
		var viewers, first sync.WaitGroup
		for i := range 10 {
			first.Add(1)
			viewers.Go(func() { follow(ctx, srv.URL+fmt.Sprintf("/debug/async/events?q=%d", i), first.Done) })
		}
		first.Wait() // the ten have come
		for range 20 {
			watched = append(watched, round())
		}
		end()
		viewers.Wait()
	}
	slices.Sort(alone)
	slices.Sort(watched)
	b.ReportMetric(float64(watched[len(watched)/2])/float64(alone[len(alone)/2]), "ratio")
}

// follow reads events until ctx ends. begun is called when the first has come, or none.
func follow(ctx context.Context, url string, begun func()) {
	begun = sync.OnceFunc(begun)
	defer begun()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return
	}
	defer resp.Body.Close()
	_, _ = io.ReadFull(resp.Body, make([]byte, 1))
	begun()
	_, _ = io.Copy(io.Discard, resp.Body)
}
