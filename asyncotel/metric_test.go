package asyncotel_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncotel"
)

// The times of calls are in histograms, in seconds, by scope, name and outcome.
func TestV11_Histograms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKit(t)
		s := k.scope(async.ScopeOptions{Name: "s", Limit: 1})
		sleep := func(d time.Duration, err error) func(context.Context) (int, error) {
			return func(context.Context) (int, error) { time.Sleep(d); return 1, err }
		}
		first := async.Go(bg, sleep(2*time.Second, nil), s, async.Name("a"))
		second := async.Go(bg, sleep(3*time.Second, errBoom), s, async.Name("a"))
		third := async.Go(bg, sleep(time.Minute, nil), s, async.Name("b"))
		time.Sleep(10 * time.Second)
		_ = third.Cancel(nil)
		first.Release()
		second.Release()
		shutdown(t, s)
		wantEq(t, "duration", k.counts("async.call.duration"), strings.Join([]string{
			"async.call.name:a,async.call.outcome:failed,async.scope.name:s,error.type:*errors.errorString=1",
			"async.call.name:a,async.call.outcome:returned,async.scope.name:s=1",
			"async.call.name:b,async.call.outcome:canceled,async.scope.name:s=1",
		}, " "))
		wantEq(t, "wait", k.counts("async.call.wait.duration"),
			"async.call.name:a,async.scope.name:s=2 async.call.name:b,async.scope.name:s=1")
		wantEq(t, "stop", k.counts("async.call.stop.duration"), "async.call.name:b,async.scope.name:s=1")
		for name, sum := range map[string]float64{
			"async.call.duration":      2 + 5 + 10,
			"async.call.wait.duration": 0 + 2 + 5,
			"async.call.stop.duration": 55,
		} {
			m := k.metrics()[name]
			wantEq(t, "unit of "+name, m.Unit, "s")
			if m.Description == "" {
				t.Errorf("%s has no description", name)
			}
			var total float64
			for _, p := range m.Data.(metricdata.Histogram[float64]).DataPoints {
				total += p.Sum
				if len(p.Bounds) < 7 || p.Bounds[0] > 0.0001 {
					t.Errorf("%s has the bounds %v", name, p.Bounds)
				}
			}
			wantEq(t, "the sum of "+name, total, sum)
		}
	})
}

// A time in a histogram names the span of its call as an example.
func TestV11_Exemplars(t *testing.T) {
	k := newKit(t)
	s := k.scope(async.ScopeOptions{})
	_, _ = async.Go(bg, value(1, nil), s, async.Name("work")).Await(bg)
	shutdown(t, s)
	for _, name := range []string{"async.call.duration", "async.call.wait.duration"} {
		e := k.metrics()[name].Data.(metricdata.Histogram[float64]).DataPoints[0].Exemplars
		if len(e) != 1 {
			t.Fatalf("%s has %d exemplars", name, len(e))
		}
		id := k.span("work").SpanContext().SpanID()
		wantEq(t, "the span of "+name, string(e[0].SpanID), string(id[:]))
	}
}

// Past the limit of names all others are one.
func TestV11_NameLimit(t *testing.T) {
	for limit, want := range map[int]string{
		0: "async.call.outcome:returned=40",
		2: "async.call.name:_OTHER,async.call.outcome:returned=20 async.call.name:n0,async.call.outcome:returned=10 async.call.name:n1,async.call.outcome:returned=10",
	} {
		k := newKit(t)
		s := k.scope(async.ScopeOptions{}, asyncotel.WithNameLimit(limit))
		for i := range 40 {
			_, _ = async.Go(bg, value(1, nil), s, async.Name(fmt.Sprint("n", i%4))).Await(bg)
		}
		shutdown(t, s)
		wantEq(t, fmt.Sprint("with the limit ", limit), k.counts("async.call.duration"), want)
	}
	k := newKit(t)
	s := k.scope(async.ScopeOptions{}, asyncotel.WithName(func(c async.CallInfo) string { name, _, _ := strings.Cut(c.Name, " "); return name }))
	_, _ = async.Go(bg, value(1, nil), s, async.Name("get http://a.example")).Await(bg)
	_, _ = async.Go(bg, value(1, nil), s, async.Name("get http://b.example")).Await(bg)
	shutdown(t, s)
	wantEq(t, "with names cut down", k.counts("async.call.duration"), "async.call.name:get,async.call.outcome:returned=2")
	wantEq(t, "spans", k.tree(), "get get")
}

// However many goroutines see however many names, as many as the limit are kept apart.
func TestV11_NameLimitAtOnce(t *testing.T) {
	const limit, each = 10, 200
	k := newKit(t)
	s := k.scope(async.ScopeOptions{}, asyncotel.WithNameLimit(limit))
	var together sync.WaitGroup
	for g := range 4 {
		together.Go(func() {
			for i := range each {
				_, _ = async.Go(bg, value(1, nil), s, async.Name(fmt.Sprint(g%2, i))).Await(bg)
			}
		})
	}
	together.Wait()
	shutdown(t, s)
	points := k.metrics()["async.call.duration"].Data.(metricdata.Histogram[float64]).DataPoints
	wantEq(t, "series", len(points), limit+1)
	var total uint64
	for _, p := range points {
		total += p.Count
	}
	wantEq(t, "calls", total, uint64(4*each))
}

// The metrics of a scope are its ledger.
func TestV11_Register(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKit(t)
		s := async.NewScope(async.ScopeOptions{Name: "s", Limit: 3, Queue: 1})
		hold := make(chan struct{})
		wait := func(context.Context) (int, error) { <-hold; return 1, nil }
		_, _ = async.Go(bg, value(1, nil), s).Await(bg) // before anybody looks
		registration, err := asyncotel.Register(s, k.opts...)
		wantEq(t, "Register", err, nil)
		async.Go(bg, wait, s) //asyncvet:ignore unreleased: its result is the one that is untaken
		async.Go(bg, func(ctx context.Context) (int, error) { return async.Go(bg, wait, s).Await(ctx) }, s).Release()
		stopping := async.Go(bg, wait, s)
		synctest.Wait()
		_ = stopping.Cancel(nil)
		p, c := async.NewPromise[int](bg, s)
		synctest.Wait()
		async.Go(bg, wait, s).Release()
		async.Go(bg, wait, s).Release() // one of these two is refused
		synctest.Wait()
		st := s.Stats()
		active := k.sums("async.scope.call.active")
		wantEq(t, "active", active, fmt.Sprintf("promised,s=1 queued,s=%d running,s=%d stopping,s=1", st.Queued, st.Running-st.Stopping))
		wantEq(t, "lent", k.sums("async.scope.call.lent"), "s=1")
		wantEq(t, "refused", k.sums("async.scope.call.refused"), fmt.Sprintf("s=%d", st.Refused))
		p.Complete(1, errBoom)
		close(hold)
		_, _ = c.Finish()
		shutdown(t, s)
		wantEq(t, "active after all", k.sums("async.scope.call.active"), "promised,s=0 queued,s=0 running,s=0 stopping,s=0")
		st = s.Stats()
		wantEq(t, "begun", k.sums("async.scope.call.begun"), fmt.Sprintf("s=%d", st.Begun))
		wantEq(t, "completed", k.sums("async.scope.call.completed"),
			fmt.Sprintf("broken,s=0 canceled,s=1 failed,s=1 goexited,s=0 panicked,s=0 returned,s=%d", st.Returned))
		wantEq(t, "taken", k.sums("async.scope.result.taken"), fmt.Sprintf("s=%d", st.Taken))
		wantEq(t, "discarded", k.sums("async.scope.result.discarded"), fmt.Sprintf("s=%d", st.Discarded))
		wantEq(t, "untaken", k.sums("async.scope.result.untaken"), fmt.Sprintf("s=%d", st.Untaken))
		for name, m := range k.metrics() {
			sum := m.Data.(metricdata.Sum[int64])
			counter := !strings.HasSuffix(name, "active") && !strings.HasSuffix(name, "lent") && !strings.HasSuffix(name, "untaken")
			wantEq(t, name+" is monotonic", sum.IsMonotonic, counter)
			wantEq(t, "unit of "+name, m.Unit, map[bool]string{true: "{call}", false: "{result}"}[strings.Contains(name, ".call.")])
		}
		wantEq(t, "Unregister", registration.Unregister(), nil)
		wantEq(t, "afterwards", k.sums("async.scope.call.begun"), "")
	})
}

// Scopes of one name add up; one without a name has no attribute for it.
func TestV11_ScopesOfOneName(t *testing.T) {
	k := newKit(t)
	for _, name := range []string{"s", "s", "", "\xff", "\xfe"} {
		s := async.NewScope(async.ScopeOptions{Name: name})
		_, _ = async.Go(bg, value(1, nil), s).Await(bg)
		_, err := asyncotel.Register(s, k.opts...)
		wantEq(t, "Register", err, nil)
	}
	wantEq(t, "begun", k.sums("async.scope.call.begun"), "=1 s=2 \uFFFD=2")
}

// A provider that makes no instruments is told to the caller, or to OpenTelemetry's handler.
func TestV11_AProviderThatFails(t *testing.T) {
	s := async.NewScope(async.ScopeOptions{})
	_, err := asyncotel.Register(s, asyncotel.WithMeterProvider(failing{}))
	if !errors.Is(err, errBoom) {
		t.Errorf("Register: %v", err)
	}
	var handled []error
	before := otel.GetErrorHandler()
	defer otel.SetErrorHandler(before)
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { handled = append(handled, err) }))
	o := asyncotel.Observer(asyncotel.WithMeterProvider(failing{}))
	wantEq(t, "errors handled", len(handled), 3)
	s = async.NewScope(async.ScopeOptions{Observer: o})
	_, err = async.Go(bg, value(1, nil), s).Await(bg)
	wantEq(t, "a call", err, nil)
	shutdown(t, s)
}

// A failing meter provider makes instruments that do nothing, and errors.
type failing struct{ metricnoop.MeterProvider }

type failingMeter struct{ metricnoop.Meter }

func (failing) Meter(string, ...metric.MeterOption) metric.Meter { return failingMeter{} }

func (failingMeter) Float64Histogram(string, ...metric.Float64HistogramOption) (metric.Float64Histogram, error) {
	return metricnoop.Float64Histogram{}, errBoom
}

func (failingMeter) Int64ObservableCounter(string, ...metric.Int64ObservableCounterOption) (metric.Int64ObservableCounter, error) {
	return metricnoop.Int64ObservableCounter{}, errBoom
}

// Misuse panics, and says what the caller did.
func TestV11_Misuse(t *testing.T) {
	for want, f := range map[string]func(){
		"asyncotel: WithTracerProvider with a nil provider": func() { asyncotel.WithTracerProvider(nil) },
		"asyncotel: WithMeterProvider with a nil provider":  func() { asyncotel.WithMeterProvider(nil) },
		"asyncotel: WithName with a nil function":           func() { asyncotel.WithName(nil) },
		"asyncotel: WithNameLimit with a negative number":   func() { asyncotel.WithNameLimit(-1) },
		"asyncotel: Register with a nil Scope":              func() { _, _ = asyncotel.Register(nil) },
	} {
		func() {
			defer func() { wantEq(t, "panic", recover(), any(want)) }()
			f()
		}()
	}
}

// Collections at any time, beside calls that begin and end: the sums never go down, and no
// level is below zero.
func TestV11_CollectionsWhileCallsGoOn(t *testing.T) {
	k := newKit(t)
	s := async.NewScope(async.ScopeOptions{Limit: 2})
	registration, err := asyncotel.Register(s, k.opts...)
	wantEq(t, "Register", err, nil)
	over := make(chan struct{})
	var together sync.WaitGroup
	for range 3 {
		together.Go(func() {
			for range 3000 {
				c := async.Go(bg, value(1, nil), s)
				_ = c.Cancel(nil)
				c.Release()
			}
		})
	}
	go func() { together.Wait(); close(over) }()
	last := make(map[string]int64)
	for done := false; !done; {
		select {
		case <-over:
			done = true
		default:
		}
		for name, m := range k.metrics() {
			sum := m.Data.(metricdata.Sum[int64])
			for _, p := range sum.DataPoints {
				key := name + fmt.Sprint(p.Attributes.ToSlice())
				if p.Value < 0 || sum.IsMonotonic && p.Value < last[key] {
					t.Fatalf("%s is %d after %d", key, p.Value, last[key])
				}
				last[key] = p.Value
			}
		}
	}
	shutdown(t, s)
	wantEq(t, "begun", k.sums("async.scope.call.begun"), "=9000")
	wantEq(t, "Unregister", registration.Unregister(), nil)
}
