package promtest_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"go.uber.org/goleak"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncprom"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var bg = context.Background()

// A dashboard is what the test needs to know of one.
type dashboard struct {
	Panels     []panel
	Templating struct {
		List []struct{ Name, Type, Definition string }
	}
}

type panel struct {
	ID      int
	Title   string
	GridPos struct{ X, Y, W, H int }
	Targets []struct{ Expr, LegendFormat string }
}

func load(t *testing.T) (d dashboard) {
	t.Helper()
	text, err := os.ReadFile("../dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// filled is a query as Grafana sends it, with its variables filled in.
func filled(expr string) string {
	return strings.NewReplacer("$__rate_interval", "2m", "$scope", ".*").Replace(expr)
}

// Every query is one of PromQL, on names and labels that are exported, and has an answer that
// is a number where the program has something of everything. No name goes unused.
func TestV12_Dashboard(t *testing.T) {
	d, db := load(t), samplesOfAProgram(t)
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 1e6, Timeout: time.Minute})
	defer engine.Close()
	used := make(map[string]bool)
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			expr := filled(target.Expr)
			if strings.Contains(expr, "$") {
				t.Errorf("%s: a variable that the test does not know: %s", p.Title, target.Expr)
			}
			for _, name := range namesIn(t, expr) {
				if !db.has(name) {
					t.Errorf("%s: %s is not exported", p.Title, name)
				}
				used[name] = true
			}
			vector := query(t, engine, db, expr)
			if len(vector) == 0 {
				t.Errorf("%s: no answer to %s", p.Title, expr)
			}
			for _, s := range vector {
				if math.IsNaN(s.F) || math.IsInf(s.F, 0) {
					t.Errorf("%s: %v of %s", p.Title, s.F, expr)
				}
				for _, label := range regexp.MustCompile(`\{\{(\w+)\}\}`).FindAllStringSubmatch(target.LegendFormat, -1) {
					if s.Metric.Get(label[1]) == "" {
						t.Errorf("%s: the legend %q has a label that %v has not", p.Title, target.LegendFormat, s.Metric)
					}
				}
			}
		}
	}
	for _, name := range db.names() {
		if !used[name] {
			t.Errorf("no panel shows %s", name)
		}
	}
}

// What the first row calls wrong is wrong in the program, by its numbers.
func TestV12_WhatIsWrong(t *testing.T) {
	d, db := load(t), samplesOfAProgram(t)
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 1e6, Timeout: time.Minute})
	defer engine.Close()
	for title, least := range map[string]float64{"Do not stop": 1, "Queue grows": 0.001, "Refused": 1, "Results nobody took": 1} {
		i := slices.IndexFunc(d.Panels, func(p panel) bool { return p.Title == title })
		if i < 0 || d.Panels[i].GridPos.Y != 0 {
			t.Errorf("%q is not in the first row", title)
			continue
		}
		if v := query(t, engine, db, filled(d.Panels[i].Targets[0].Expr)); len(v) != 1 || v[0].F < least {
			t.Errorf("%s: %v", title, v)
		}
	}
}

// Panels have numbers of their own, and none covers another. The variables ask for names
// that are exported.
func TestV12_Layout(t *testing.T) {
	d, db := load(t), samplesOfAProgram(t)
	ids := make(map[int]bool)
	for i, p := range d.Panels {
		if ids[p.ID] {
			t.Errorf("%s: the number %d is there twice", p.Title, p.ID)
		}
		ids[p.ID] = true
		g := p.GridPos
		if g.X+g.W > 24 {
			t.Errorf("%s is too wide", p.Title)
		}
		for _, q := range d.Panels[:i] {
			o := q.GridPos
			if g.X < o.X+o.W && o.X < g.X+g.W && g.Y < o.Y+o.H && o.Y < g.Y+g.H {
				t.Errorf("%s covers %s", p.Title, q.Title)
			}
		}
	}
	for _, v := range d.Templating.List {
		if v.Type != "query" {
			continue
		}
		m := regexp.MustCompile(`^label_values\((\w+), (\w+)\)$`).FindStringSubmatch(v.Definition)
		if m == nil || !db.has(m[1]) || m[2] != "scope" {
			t.Errorf("the variable %s asks for %s", v.Name, v.Definition)
		}
	}
}

// namesIn returns the names of the metrics that a query asks for.
func namesIn(t *testing.T, expr string) (names []string) {
	t.Helper()
	e, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		if s, ok := n.(*parser.VectorSelector); ok {
			names = append(names, s.Name)
		}
		return nil
	})
	return names
}

// query answers a query as of the last scrape.
func query(t *testing.T, engine *promql.Engine, db *samples, expr string) promql.Vector {
	t.Helper()
	q, err := engine.NewInstantQuery(bg, db.queryable(), nil, expr, db.last)
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	defer q.Close()
	r := q.Exec(bg)
	v, err := r.Vector()
	if err = errors.Join(err, r.Err); err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	return slices.Clone(v)
}

// samplesOfAProgram scrapes a program every 15 seconds of a time that the test makes up. The
// program has something of everything that is exported.
func samplesOfAProgram(t *testing.T) *samples {
	t.Helper()
	s := async.NewScope(async.ScopeOptions{Name: "s", Limit: 2, Queue: 20})
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(asyncprom.New(s))
	server := httptest.NewServer(promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	defer server.Close()
	hold := make(chan struct{})
	defer func() {
		close(hold)
		ctx, cancel := context.WithCancel(bg)
		cancel()
		_ = s.Shutdown(ctx) // cancels what is left: promises that nobody completes
		if err := s.Shutdown(bg); err != nil {
			t.Error(err)
		}
	}()
	db := &samples{series: make(map[string]*series), last: time.Unix(1_700_000_000, 0)}
	var untaken async.Calls[int]
	defer func() { untaken.Release() }()
	for round := range 10 {
		untaken = append(untaken, work(s, round, hold)...)
		db.last = db.last.Add(15 * time.Second)
		db.scrape(t, server.URL)
	}
	return db
}

// work is what the program does between two scrapes: calls that succeed, fail and do not
// stop at once; results that nobody takes, whose handles it returns; later one that does not stop at all, and a queue
// that grows until calls are refused.
func work(s *async.Scope, round int, hold chan struct{}) (untaken async.Calls[int]) {
	done := func(err error) func(context.Context) (int, error) {
		return func(context.Context) (int, error) { return 1, err }
	}
	stuck := func(context.Context) (int, error) { <-hold; return 1, nil }
	if round < 5 {
		_, _ = async.Go(bg, done(nil), s).Await(bg)
		_, _ = async.Go(bg, done(errors.New("no")), s).Await(bg)
		untaken = async.GoEach(bg, []int{1}, func(context.Context, int) (int, error) { return 1, nil }, s)
		_ = async.WaitAll(bg, untaken[0])
		started := make(chan struct{})
		c := async.Go(bg, func(ctx context.Context) (int, error) { close(started); <-ctx.Done(); return 1, nil }, s)
		<-started
		before := s.Stats().Stopped
		_ = c.Cancel(nil)
		for s.Stats().Stopped == before { // its function is about to return
			_ = async.Sleep(bg, time.Millisecond)
		}
		return untaken
	}
	started := make(chan struct{})
	if round == 5 {
		c := async.Go(bg, func(context.Context) (int, error) { close(started); <-hold; return 1, nil }, s)
		<-started
		_ = c.Cancel(nil)
		async.Go(bg, stuck, s).Release()
	}
	for range 8 {
		async.Go(bg, stuck, s).Release()
	}
	_, pending := async.NewPromise[int](bg, s)
	pending.Release()
	return nil
}
