package asyncotel

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/seed4712c49f/async"
)

// This file has the metrics of scopes, which are read off their ledgers.

// Register has metrics of a scope collected, as the package comment lists them, until the
// registration that it returns is unregistered: the provider keeps the scope for so long. The
// error is that of the provider. Of the options those that choose a meter provider mean
// something here. Register panics where scope is nil. It may be called by any number of
// goroutines; scopes of one name add up.
func Register(scope *async.Scope, opts ...Option) (metric.Registration, error) {
	if scope == nil {
		panic("asyncotel: Register with a nil Scope")
	}
	meter := newConfig(opts).meters.Meter(scopeName, metric.WithSchemaURL(semconv.SchemaURL))
	l, err := newLedger(meter, scope.Name())
	if err != nil {
		return nil, err
	}
	return meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		l.observe(o, scope.Stats())
		return nil
	}, l.all...)
}

// A ledger is the instruments for the ledger of one scope. All of them are sums: what several
// scopes of one name tell adds up.
type ledger struct {
	all   []metric.Observable
	scope metric.MeasurementOption

	active, lent, untaken                       metric.Int64ObservableUpDownCounter
	begun, refused, completed, taken, discarded metric.Int64ObservableCounter
}

func newLedger(meter metric.Meter, scope string) (*ledger, error) {
	l := &ledger{scope: metric.WithAttributes()}
	if scope != "" {
		l.scope = metric.WithAttributes(keyScope.String(clean(scope, mostName)))
	}
	var errs []error
	level := func(name, unit, description string) metric.Int64ObservableUpDownCounter {
		i, err := meter.Int64ObservableUpDownCounter(name, metric.WithUnit(unit), metric.WithDescription(description))
		l.all, errs = append(l.all, i), append(errs, err)
		return i
	}
	count := func(name, unit, description string) metric.Int64ObservableCounter {
		i, err := meter.Int64ObservableCounter(name, metric.WithUnit(unit), metric.WithDescription(description))
		l.all, errs = append(l.all, i), append(errs, err)
		return i
	}
	l.active = level("async.scope.call.active", "{call}", "Calls that are not over: not complete, or canceled and their functions still running.")
	l.lent = level("async.scope.call.lent", "{call}", "Functions that wait, and whose slots are lent.")
	l.untaken = level("async.scope.result.untaken", "{result}", "Results that are there and that nobody has taken.")
	l.begun = count("async.scope.call.begun", "{call}", "Calls that were accepted.")
	l.refused = count("async.scope.call.refused", "{call}", "Calls that were not accepted.")
	l.completed = count("async.scope.call.completed", "{call}", "Calls that are complete.")
	l.taken = count("async.scope.result.taken", "{result}", "Results that were handed to somebody.")
	l.discarded = count("async.scope.result.discarded", "{result}", "Results that nobody took.")
	return l, errors.Join(errs...)
}

// observe tells what is in the ledger. A call that is between two counts at the moment may
// be missing in the states.
func (l *ledger) observe(o metric.Observer, s async.Stats) {
	running := max(s.Running-s.Stopping, 0)
	for state, n := range map[string]int64{
		"queued":   s.Queued,
		"running":  running,
		"promised": max(s.Pending-s.Queued-running, 0),
		"stopping": s.Stopping,
	} {
		o.ObserveInt64(l.active, n, l.scope, metric.WithAttributes(keyState.String(state)))
	}
	for outcome, n := range map[string]int64{
		"returned": s.Returned, "failed": s.Failed, "canceled": s.Canceled,
		"panicked": s.Panicked, "goexited": s.Goexited, "broken": s.Broken,
	} {
		o.ObserveInt64(l.completed, n, l.scope, metric.WithAttributes(keyOutcome.String(outcome)))
	}
	o.ObserveInt64(l.lent, s.Lent, l.scope)
	o.ObserveInt64(l.begun, s.Begun, l.scope)
	o.ObserveInt64(l.refused, s.Refused, l.scope)
	o.ObserveInt64(l.taken, s.Taken, l.scope)
	o.ObserveInt64(l.discarded, s.Discarded, l.scope)
	o.ObserveInt64(l.untaken, s.Untaken, l.scope)
}
