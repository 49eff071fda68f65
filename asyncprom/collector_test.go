package asyncprom_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"go.uber.org/goleak"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncprom"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	bg      = context.Background()
	errBoom = errors.New("boom")
)

func wantEq(t testing.TB, what string, got, want any) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n got %v\nwant %v", what, got, want)
	}
}

// value is a function that returns v and err.
func value(v int, err error) func(context.Context) (int, error) {
	return func(context.Context) (int, error) { return v, err }
}

// families are what a scrape has, by name.
type families map[string]*dto.MetricFamily

// gather returns what a registry with the collector has. The registry checks what it gets.
func gather(t testing.TB, c prometheus.Collector) families {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	if err := r.Register(c); err != nil {
		t.Fatal(err)
	}
	got, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	f := make(families)
	for _, family := range got {
		f[family.GetName()] = family
	}
	return f
}

// value returns the value of a series, by the values of its labels in the order of their
// names, or -1.
func (f families) value(name string, labels ...string) float64 {
	for _, m := range f[name].GetMetric() {
		var have []string
		for _, l := range m.GetLabel() {
			have = append(have, l.GetValue())
		}
		if strings.Join(have, "\n") == strings.Join(labels, "\n") {
			switch {
			case m.GetCounter() != nil:
				return m.GetCounter().GetValue()
			case m.GetGauge() != nil:
				return m.GetGauge().GetValue()
			case m.GetUntyped() != nil:
				return m.GetUntyped().GetValue()
			}
			return float64(m.GetHistogram().GetSampleCount())
		}
	}
	return -1
}

// A scope in every state, scraped over HTTP as Prometheus does, and read by Prometheus' own
// parser.
func TestV12_Scrape(t *testing.T) {
	s := async.NewScope(async.ScopeOptions{Name: "s", Limit: 3, Queue: 1, Panic: async.PanicReturn})
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(asyncprom.New(s))
	server := httptest.NewServer(promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	defer server.Close()

	hold, started := make(chan struct{}), make(chan struct{}, 3)
	wait := func(context.Context) (int, error) { started <- struct{}{}; <-hold; return 1, nil }
	_, _ = async.Go(bg, value(1, errBoom), s).Await(bg)
	_, _ = async.Go(bg, func(context.Context) (int, error) { panic(1) }, s).Await(bg)
	_, _ = async.Go(bg, func(context.Context) (int, error) { runtime.Goexit(); return 1, nil }, s).Await(bg)
	_, _ = async.Go(bg, value(1, nil), s).Await(bg)
	p, broken := async.NewPromise[int](bg, s)
	defer broken.Release()
	p.Break()
	_, pending := async.NewPromise[int](bg, s)
	defer pending.Release()
	var calls async.Calls[int]
	defer func() { calls.Release() }()
	for range 3 {
		c := async.Go(bg, wait, s)
		calls = append(calls, c)
		<-started
		if c.Info().ID == 7 {
			_ = c.Cancel(nil) // and its function goes on
		}
	}
	queued := async.Go(bg, value(1, nil), s)
	async.Go(bg, value(1, nil), s).Release() // refused
	f := scrape(t, server.URL)
	for _, want := range []struct {
		name   string
		labels []string
		value  float64
	}{
		{"async_scopes", []string{"s"}, 1},
		{"async_calls_active", []string{"s", "queued"}, 1},
		{"async_calls_active", []string{"s", "running"}, 2},
		{"async_calls_active", []string{"s", "promised"}, 1},
		{"async_calls_active", []string{"s", "stopping"}, 1},
		{"async_calls_lent", []string{"s"}, 0},
		{"async_calls_begun_total", []string{"s"}, 10},
		{"async_calls_refused_total", []string{"s"}, 1},
		{"async_calls_completed_total", []string{"returned", "s"}, 1},
		{"async_calls_completed_total", []string{"failed", "s"}, 1},
		{"async_calls_completed_total", []string{"canceled", "s"}, 1},
		{"async_calls_completed_total", []string{"panicked", "s"}, 1},
		{"async_calls_completed_total", []string{"goexited", "s"}, 1},
		{"async_calls_completed_total", []string{"broken", "s"}, 1},
		{"async_results_taken_total", []string{"s"}, 3},
		{"async_results_discarded_total", []string{"s"}, 0},
		{"async_results_untaken", []string{"s"}, 0},
		{"async_call_stop_duration_seconds", []string{"s"}, 0},
		{"async_call_stop_max_seconds", []string{"s"}, 0},
	} {
		wantEq(t, fmt.Sprint(want.name, want.labels), f.value(want.name, want.labels...), want.value)
	}
	wantEq(t, "families", len(f), 11)
	_ = pending.Cancel(nil)
	close(hold)
	_, _ = queued.Await(bg)
	wantEq(t, "Shutdown", s.Shutdown(bg), nil)
	f = scrape(t, server.URL)
	wantEq(t, "stopped", f.value("async_call_stop_duration_seconds", "s"), 1.0)
	wantEq(t, "begun", f.value("async_calls_begun_total", "s"), 10.0)
	wantEq(t, "active", f.value("async_calls_active", "s", "running"), 0.0)
	wantEq(t, "discarded", f.value("async_results_discarded_total", "s"), 1.0)
}

// scrape asks for the metrics as Prometheus does, and reads the answer by Prometheus' parser.
func scrape(t *testing.T, url string) families {
	t.Helper()
	client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(resp.Body)
		t.Fatalf("%s: %s", resp.Status, body)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	f, err := parser.TextToMetricFamilies(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// The linter of Prometheus finds nothing to say about names, types and help.
func TestV12_Lint(t *testing.T) {
	problems, err := testutil.CollectAndLint(asyncprom.New(async.NewScope(async.ScopeOptions{Name: "s"})))
	if err != nil || len(problems) != 0 {
		t.Error(problems, err)
	}
}

// The time to stop is the histogram of the ledger, class by class.
func TestV12_TimesToStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := async.NewScope(async.ScopeOptions{Name: "s"})
		total := time.Duration(0)
		for _, d := range []time.Duration{0, 5 * time.Microsecond, time.Millisecond, 2 * time.Millisecond, time.Second, 24 * time.Hour} {
			total += d
			c := async.Go(bg, func(ctx context.Context) (int, error) { <-ctx.Done(); time.Sleep(d); return 1, nil }, s)
			synctest.Wait()
			_ = c.Cancel(nil)
			time.Sleep(d)
			synctest.Wait()
		}
		f := gather(t, asyncprom.New(s))
		h := f["async_call_stop_duration_seconds"].GetMetric()[0].GetHistogram()
		wantEq(t, "count", h.GetSampleCount(), uint64(6))
		wantEq(t, "sum", h.GetSampleSum(), total.Seconds())
		var got []string
		for _, b := range h.GetBucket() {
			got = append(got, fmt.Sprintf("%g:%d", b.GetUpperBound(), b.GetCumulativeCount()))
		}
		stats, want, n := s.Stats(), []string(nil), int64(0)
		for class := range async.StopClasses - 1 {
			n += stats.StopTimes[class]
			want = append(want, fmt.Sprintf("%g:%d", async.StopBound(class).Seconds(), n))
		}
		wantEq(t, "buckets", strings.Join(got, " "), strings.Join(want, " "))
		wantEq(t, "the first bucket", got[0], "1e-05:2")
		wantEq(t, "the slowest", f.value("async_call_stop_max_seconds", "s"), (24 * time.Hour).Seconds())
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
	})
}

// Scopes of one name add up, one without a name has a label, nil ones are left out, and one
// that is given twice counts once. No name fails a scrape.
func TestV12_NamesOfScopes(t *testing.T) {
	var scopes []*async.Scope
	long := strings.Repeat("\u4E16", 100)
	for _, name := range []string{"s", "s", "", "\xff", "\xfe\xff", long, long + "x", strings.Repeat("\xff", 1<<20), "a\"b\n\\", "\x1b[31m", "\x00"} {
		s := async.NewScope(async.ScopeOptions{Name: name})
		_, _ = async.Go(bg, value(1, nil), s).Await(bg)
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
		scopes = append(scopes, s)
	}
	scopes = append(scopes, nil, scopes[0])
	f := gather(t, asyncprom.New(scopes...))
	for label, want := range map[string]float64{
		"s": 2, "unnamed": 1, "\uFFFD": 3, long[:126]: 2, "a\"b\n\\": 1, "\x1b[31m": 1, "\x00": 1,
	} {
		wantEq(t, fmt.Sprintf("begun in %.30q", label), f.value("async_calls_begun_total", label), want)
		wantEq(t, fmt.Sprintf("scopes named %.30q", label), f.value("async_scopes", label), want)
	}
	wantEq(t, "labels", len(f["async_scopes"].GetMetric()), 7)

	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(asyncprom.New(scopes...))
	server := httptest.NewServer(promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	defer server.Close()
	wantEq(t, "over HTTP", scrape(t, server.URL).value("async_calls_begun_total", "a\"b\n\\"), 1.0)
	wantEq(t, "nothing", len(gather(t, asyncprom.New())), 0)
}

// What scopes have counted stays when they are no longer listed, and when they are gone.
func TestV12_ScopesThatComeAndGo(t *testing.T) {
	var listed []*async.Scope
	c := asyncprom.For(func() []*async.Scope { return listed })
	begun := func() float64 { return gather(t, c).value("async_calls_begun_total", "s") }
	run := func(s *async.Scope, n int) {
		for range n {
			_, _ = async.Go(bg, value(1, nil), s).Await(bg)
		}
		wantEq(t, "Shutdown", s.Shutdown(bg), nil)
	}
	fresh := func() *async.Scope { return async.NewScope(async.ScopeOptions{Name: "s"}) }
	kept := fresh()
	wantEq(t, "nothing yet", begun(), -1.0)
	listed = []*async.Scope{kept}
	wantEq(t, "listed", begun(), 0.0)
	run(kept, 2)
	wantEq(t, "after two calls", begun(), 2.0)
	for i := range 10 {
		func() {
			s := fresh()
			listed = []*async.Scope{s}
			run(s, 1)
			wantEq(t, "with another scope", begun(), float64(3+i))
			listed = nil
		}()
		for range 3 {
			runtime.GC()
		}
		f := gather(t, c)
		wantEq(t, "without it", f.value("async_calls_begun_total", "s"), float64(3+i))
		wantEq(t, "scopes listed", f.value("async_scopes", "s"), 0.0)
	}
	listed = []*async.Scope{kept}
	wantEq(t, "one that comes back", begun(), 12.0)
	runtime.KeepAlive(kept)
}

// A collector keeps no scope that nobody else keeps.
func TestV12_KeepsNoScope(t *testing.T) {
	gone := make(chan struct{})
	var listed []*async.Scope
	c := asyncprom.For(func() []*async.Scope { return listed })
	func() {
		s := async.NewScope(async.ScopeOptions{Name: "s"})
		runtime.AddCleanup(s, func(struct{}) { close(gone) }, struct{}{})
		listed = []*async.Scope{s}
		_ = gather(t, c)
		listed = nil
	}()
	ctx, cancel := context.WithTimeout(bg, time.Minute)
	defer cancel()
	for {
		runtime.GC()
		select {
		case <-gone:
			wantEq(t, "it is counted", gather(t, c).value("async_scopes", "s"), 0.0)
			return
		case <-ctx.Done():
			t.Fatal("the collector keeps the scope")
		default:
			runtime.Gosched()
		}
	}
}

// Many scrapes at once, beside calls that begin and end and scopes that come and go: no
// scrape fails, and no counter goes down.
func TestV12_ManyScrapesAtOnce(t *testing.T) {
	var mu sync.Mutex
	listed := []*async.Scope{async.NewScope(async.ScopeOptions{Name: "s", Limit: 2})}
	c := asyncprom.For(func() []*async.Scope {
		mu.Lock()
		defer mu.Unlock()
		return append([]*async.Scope(nil), listed...)
	})
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(c)
	over := make(chan struct{})
	go func() {
		defer close(over)
		for range 500 {
			s := async.NewScope(async.ScopeOptions{Name: "s"})
			mu.Lock()
			listed = []*async.Scope{s}
			mu.Unlock()
			for range 10 {
				call := async.Go(bg, value(1, nil), s)
				_ = call.Cancel(nil)
				call.Release()
			}
			_ = s.Shutdown(bg)
		}
	}()
	var together sync.WaitGroup
	for range 3 {
		together.Go(func() {
			last := -1.0
			for done := false; !done; {
				select {
				case <-over:
					done = true
				default:
				}
				got, err := registry.Gather()
				if err != nil {
					t.Error(err)
					return
				}
				for _, f := range got {
					if f.GetName() != "async_calls_begun_total" {
						continue
					}
					if now := f.GetMetric()[0].GetCounter().GetValue(); now < last {
						t.Errorf("%v after %v", now, last)
					} else {
						last = now
					}
				}
			}
		})
	}
	together.Wait()
}

func TestV12_Misuse(t *testing.T) {
	defer func() { wantEq(t, "panic", recover(), any("asyncprom: For with a nil function")) }()
	asyncprom.For(nil)
}
