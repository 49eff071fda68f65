package promtest_test

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

// This file is what was scraped of a program, as the engine of Prometheus wants to have it.

// samples are what was scraped.
type samples struct {
	series map[string]*series // by their labels
	last   time.Time
}

type series struct {
	labels labels.Labels
	points []chunks.Sample
}

// scrape adds what a program answers.
func (db *samples) scrape(t *testing.T, url string) {
	t.Helper()
	client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %v: %s", resp.Status, err, text)
	}
	p := expfmt.NewTextParser(model.UTF8Validation)
	families, err := p.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	var all []*dto.MetricFamily
	for _, f := range families {
		all = append(all, f)
	}
	vector, err := expfmt.ExtractSamples(&expfmt.DecodeOptions{Timestamp: model.TimeFromUnixNano(db.last.UnixNano())}, all...)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range vector {
		key := s.Metric.String()
		if db.series[key] == nil {
			b := labels.NewScratchBuilder(len(s.Metric))
			for name, v := range s.Metric {
				b.Add(string(name), string(v))
			}
			b.Sort()
			db.series[key] = &series{labels: b.Labels()}
		}
		db.series[key].points = append(db.series[key].points, point{int64(s.Timestamp), float64(s.Value)})
	}
}

// has reports whether a metric of that name was scraped.
func (db *samples) has(name string) bool { return slices.Contains(db.names(), name) }

// names are those of the metrics that were scraped.
func (db *samples) names() (names []string) {
	for _, s := range db.series {
		names = append(names, s.labels.Get("__name__"))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// queryable is what the engine asks.
func (db *samples) queryable() storage.Queryable {
	return &storage.MockQueryable{MockQuerier: &storage.MockQuerier{SelectMockFunction: db.find}}
}

// find returns the series that all matchers match, sorted by their labels.
func (db *samples) find(_ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	var found []*series
	for _, s := range db.series {
		if !slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return !m.Matches(s.labels.Get(m.Name)) }) {
			found = append(found, s)
		}
	}
	slices.SortFunc(found, func(a, b *series) int { return labels.Compare(a.labels, b.labels) })
	return &seriesSet{left: found}
}

// A seriesSet is some series, one after the other.
type seriesSet struct {
	left []*series
	at   storage.Series
}

func (s *seriesSet) Next() bool {
	if len(s.left) == 0 {
		return false
	}
	s.at = storage.NewListSeries(s.left[0].labels, s.left[0].points)
	s.left = s.left[1:]
	return true
}

func (s *seriesSet) At() storage.Series                { return s.at }
func (s *seriesSet) Err() error                        { return nil }
func (s *seriesSet) Warnings() annotations.Annotations { return nil }

// A point is one sample of a series.
type point struct {
	at int64
	v  float64
}

func (p point) T() int64                      { return p.at }
func (p point) ST() int64                     { return 0 }
func (p point) F() float64                    { return p.v }
func (p point) H() *histogram.Histogram       { return nil }
func (p point) FH() *histogram.FloatHistogram { return nil }
func (p point) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (p point) Copy() chunks.Sample           { return p }
