package asyncprom

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/seed4712c49f/async"
)

// This file has the metrics: their names, and how they come out of a ledger.

// descs are the descriptions of the metrics.
type descs struct {
	all []*prometheus.Desc

	scopes, active, lent, untaken, stopMax      *prometheus.Desc
	begun, refused, completed, taken, discarded *prometheus.Desc
	stop                                        *prometheus.Desc
}

func newDescs() *descs {
	d := new(descs)
	of := func(name, help string, labels ...string) *prometheus.Desc {
		desc := prometheus.NewDesc(name, help, append([]string{"scope"}, labels...), nil)
		d.all = append(d.all, desc)
		return desc
	}
	d.scopes = of("async_scopes", "Scopes of the name.")
	d.active = of("async_calls_active", "Calls that are not over: not complete, or canceled and their functions still running.", "state")
	d.lent = of("async_calls_lent", "Functions that wait, and whose slots are lent.")
	d.begun = of("async_calls_begun_total", "Calls that were accepted.")
	d.refused = of("async_calls_refused_total", "Calls that were not accepted.")
	d.completed = of("async_calls_completed_total", "Calls that are complete, by how they ended.", "outcome")
	d.taken = of("async_results_taken_total", "Results that were handed to somebody.")
	d.discarded = of("async_results_discarded_total", "Results that nobody took.")
	d.untaken = of("async_results_untaken", "Results that are there and that nobody has taken.")
	d.stop = of("async_call_stop_duration_seconds", "How long the functions of canceled calls took to return.")
	d.stopMax = of("async_call_stop_max_seconds", "How long the slowest function of a canceled call took to return.")
	return d
}

// collect makes the metrics of one label.
func (d *descs) collect(ch chan<- prometheus.Metric, label string, s *sum) {
	gauge := func(desc *prometheus.Desc, v float64, labels ...string) {
		ch <- constant(desc, prometheus.GaugeValue, v, append([]string{label}, labels...)...)
	}
	counter := func(desc *prometheus.Desc, v int64, labels ...string) {
		ch <- constant(desc, prometheus.CounterValue, float64(v), append([]string{label}, labels...)...)
	}
	running := max(s.now.Running-s.now.Stopping, 0)
	gauge(d.scopes, float64(s.listed))
	gauge(d.active, float64(s.now.Queued), "queued")
	gauge(d.active, float64(running), "running")
	gauge(d.active, float64(max(s.now.Pending-s.now.Queued-running, 0)), "promised")
	gauge(d.active, float64(s.now.Stopping), "stopping")
	gauge(d.lent, float64(s.now.Lent))
	gauge(d.untaken, float64(s.now.Untaken))
	gauge(d.stopMax, seconds(s.counted.StopMax))
	counter(d.begun, s.counted.Begun)
	counter(d.refused, s.counted.Refused)
	counter(d.completed, s.counted.Returned, "returned")
	counter(d.completed, s.counted.Failed, "failed")
	counter(d.completed, s.counted.Canceled, "canceled")
	counter(d.completed, s.counted.Panicked, "panicked")
	counter(d.completed, s.counted.Goexited, "goexited")
	counter(d.completed, s.counted.Broken, "broken")
	counter(d.taken, s.counted.Taken)
	counter(d.discarded, s.counted.Discarded)
	ch <- stopTimes(d.stop, label, s.counted)
}

// constant is a metric of one value. Labels are valid by then; should one not be, the scrape
// says so.
func constant(desc *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) prometheus.Metric {
	m, err := prometheus.NewConstMetric(desc, kind, v, labels...)
	if err != nil {
		return prometheus.NewInvalidMetric(desc, err)
	}
	return m
}

// stopTimes is the histogram of the times to stop. The count is that of the classes, which is
// what the buckets must add up to; Stopped may be a moment older.
func stopTimes(desc *prometheus.Desc, label string, s async.Stats) prometheus.Metric {
	buckets, count := make(map[float64]uint64), uint64(0)
	for class, n := range s.StopTimes {
		count += uint64(max(n, 0)) //nolint:gosec // not negative
		if class < async.StopClasses-1 {
			buckets[seconds(async.StopBound(class))] = count
		}
	}
	m, err := prometheus.NewConstHistogram(desc, count, seconds(s.StopTotal), buckets, label)
	if err != nil {
		return prometheus.NewInvalidMetric(desc, err)
	}
	return m
}
