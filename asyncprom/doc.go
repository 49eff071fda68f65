// Package asyncprom shows the ledgers of scopes of package async in Prometheus.
//
//	prometheus.MustRegister(asyncprom.New(fetches, jobs))
//	http.Handle("/metrics", promhttp.Handler())
//
// A [Collector] reads the ledgers when it is scraped, and costs nothing in between. What it
// exports, each with the label scope:
//
//	async_scopes                       gauge      scopes of that name
//	async_calls_active{state}          gauge      queued, running, promised (without a function),
//	                                              stopping (canceled, and the function still runs)
//	async_calls_lent                   gauge      functions that wait, with their slot lent
//	async_calls_begun_total            counter
//	async_calls_refused_total          counter    the scope was closed or full
//	async_calls_completed_total{outcome} counter  returned, failed, canceled, panicked, goexited, broken
//	async_results_taken_total          counter
//	async_results_discarded_total      counter    nobody took them
//	async_results_untaken              gauge      nobody has taken them yet
//	async_call_stop_duration_seconds   histogram  from the cancellation to the return of a function
//	async_call_stop_max_seconds        gauge      the longest of these times
//
// The states of the calls of a scope add up to its calls that are not over. A call that is
// between two counts of its scope at the moment may be missing in them. The bounds of the
// histogram are those of [async.StopBound]; a time of exactly a bound is in the bucket above.
//
// # Scopes that come and go
//
// Scopes of one name are one series: what they count adds up. So two scopes of one name do not
// fail a scrape, and a scope for each request makes no series of its own. A scope without a
// name has the label "unnamed".
//
// The counters of a name never go down. A collector of [For] remembers what scopes have
// counted that its function no longer lists: it follows such a scope as long as somebody else
// keeps it, and keeps the last numbers that it has seen of it after that. A scope that comes
// and goes between two scrapes is not seen. Gauges are those of the scopes that are listed.
//
// Each name is a set of about 30 time series, and names are never forgotten. Names of scopes
// should come from the program, not from its inputs. They are made valid UTF-8 and cut after
// 128 bytes, since a scrape fails as a whole for a text that is not; names that are the same
// then add up.
//
// # Dashboard
//
// dashboard.json is a dashboard for Grafana on these names; a test runs its queries.
package asyncprom
