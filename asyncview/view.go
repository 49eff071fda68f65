package asyncview

import (
	"cmp"
	"context"
	"errors"
	"html/template"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed4712c49f/async"
)

// This file is the view itself: which scopes it shows, when it looks at them, and the report
// that it makes of what it saw.

// A View shows some scopes. It comes from [Handler] or [For] and is an [http.Handler]. Its
// methods may be called by any number of goroutines at the same time. Its zero value is of
// no use.
//
// A view does nothing while nobody asks: it has no goroutine and no timer. It looks at the
// ledgers of the scopes for every request, and every second for those who are connected to
// its events. It looks at the calls one at a time, for all who ask at once, and spends no
// more than a fiftieth of the time on that: where there are a million calls, and a look
// takes half a second, a list of calls may be half a minute old, and says so. A query that
// was not asked before needs a new look, and such looks take no more than half of the time.
//
// What happened in the last five minutes is known as far as somebody has looked. Where
// nobody did, the next look tells how much happened meanwhile, and not when.
type View struct {
	list   func() []*async.Scope
	cancel bool
	after  time.Duration // see WarnAfter
	origin *http.CrossOriginProtection
	page   *template.Template
	files  map[string]file

	viewers atomic.Int64 // that are connected to the events

	asking sync.Mutex
	asked  map[Query]time.Time // when; of those who wait for the turn, too, so that one look answers all

	// turn is held by the goroutine that looks. It guards what is below. A wait for it ends
	// with the request.
	turn    chan struct{}
	scopes  []*watched // in the order of the list
	keys    int        // how many there have been
	last    *looked
	servers map[*http.Server]chan struct{}
}

// A watched is a scope that the view shows. It does not change: who looks makes a new one.
type watched struct {
	key     int
	scope   *async.Scope
	options async.ScopeOptions
	name    string // printable
	since   time.Time
	history history
	now     sample

	patience time.Duration // see WarnAfter
}

// title names the scope in a sentence.
func (w *watched) title() string {
	if w.name == "" {
		return "a scope without a name"
	}
	return "scope " + w.name
}

// Bounds of what a view holds.
const (
	mostScopes  = 500
	mostQueries = 16
	usedFor     = 30 * time.Second // a query is answered with the others for that long
	share       = 50               // a look takes no more than that part of the time
)

// Handler returns a view of the scopes, by which nothing can be changed. A scope that is nil
// is left out, and one that is there twice is shown once.
func Handler(scopes ...*async.Scope) *View {
	return For(func() []*async.Scope { return scopes })
}

// For returns a view of the scopes that a function returns, for programs whose scopes come
// and go, and for those that give options. No more than 500 of the scopes are shown. The function is
// called for every request, and for every event, by any number of goroutines at the same
// time. For panics where the function is nil.
func For(scopes func() []*async.Scope, opts ...Option) *View {
	if scopes == nil {
		panic("asyncview: For with a nil function")
	}
	v := &View{
		list:    scopes,
		after:   warnedAfter,
		origin:  http.NewCrossOriginProtection(),
		turn:    make(chan struct{}, 1),
		asked:   make(map[Query]time.Time),
		servers: make(map[*http.Server]chan struct{}),
	}
	v.page, v.files = parsePage()
	for _, o := range opts {
		o.apply(v)
	}
	return v
}

// An Option says how a [View] is to be.
type Option interface{ apply(v *View) }

type option func(v *View)

func (o option) apply(v *View) { o(v) }

// AllowCancel lets a call, and the queue of a scope, be canceled through the view, by POST.
// The cause is [ErrCanceled]. Without it, nothing can be changed through a view.
//
// A page of another site that a user has open cannot do that: see
// [http.CrossOriginProtection]. A program that sends the request itself can, so the view
// belongs behind authentication.
func AllowCancel() Option { return option(func(v *View) { v.cancel = true }) }

// WarnAfter says how long things may go on before the view warns of them: a queue that grows,
// a call that is pending, results that nobody takes. Unless given, that is a minute. What
// depends on the last five minutes is known to five seconds. WarnAfter panics where d is not
// positive.
func WarnAfter(d time.Duration) Option {
	if d <= 0 {
		panic("asyncview: WarnAfter with " + d.String())
	}
	return option(func(v *View) { v.after = d })
}

// ErrCanceled is the cause with which calls are canceled through a view.
var ErrCanceled = errors.New("asyncview: canceled by a viewer")

// A seen is what a request is answered from. It does not change.
type seen struct {
	v      *View
	now    time.Time
	scopes []*watched
	names  names
	more   int // scopes that are not shown
	looked *looked
	pick   *pick
	query  Query
}

// see looks at the scopes, and at the calls, unless the last look at the calls is recent
// enough: younger than old, or than what keeps the share. The error is that of ctx.
func (v *View) see(ctx context.Context, q Query, old time.Duration) (*seen, error) {
	list := v.list() // anybody's code; before the turn
	v.ask(q, time.Now())
	if err := v.take(ctx); err != nil {
		return nil, err
	}
	defer v.give()
	again := v.last.answers(q, time.Now(), old)
	if !again {
		if err := v.last.breathe(ctx); err != nil {
			return nil, err
		}
	}
	s := &seen{v: v, now: time.Now(), query: q, looked: v.last}
	s.scopes, s.more = v.watch(list, s.now)
	s.names = namesOf(s.scopes)
	if !again {
		s.looked = look(s.scopes, v.queries(q, s.now))
		v.last = s.looked
	}
	s.pick = s.looked.picked[q]
	return s, nil
}

// answers reports whether a look answers a query again: the look has found what the query
// asks for, and is younger than old, or than what keeps the share.
func (l *looked) answers(q Query, now time.Time, old time.Duration) bool {
	if l == nil || l.picked[q] == nil {
		return false
	}
	if l.isLong() {
		old = max(old, share*l.took)
	}
	return now.Sub(l.at) < old
}

// breathe waits until as much time has passed since a long look as the look took. A query
// that nobody has asked before needs a look of its own, and a viewer who types one query
// after the other must not keep a processor busy. Whoever asks meanwhile is answered by the
// same look.
func (l *looked) breathe(ctx context.Context) error {
	if l == nil || !l.isLong() {
		return nil
	}
	select {
	case <-time.After(time.Until(l.at.Add(2 * l.took))):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// isLong reports whether there were so many calls that to look at them took time. On a busy
// machine it may seem so of a look at few.
func (l *looked) isLong() bool {
	calls := 0
	for _, f := range l.facts {
		calls += f.inFlight
	}
	return calls > mostCalls
}

// take waits for the turn.
func (v *View) take(ctx context.Context) error {
	select {
	case v.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (v *View) give() { <-v.turn }

// ask notes that somebody asks a query.
func (v *View) ask(q Query, now time.Time) {
	v.asking.Lock()
	defer v.asking.Unlock()
	v.asked[q] = now
}

// queries returns q and the queries that somebody asked not long ago, some of them where
// there are many, and forgets older ones.
func (v *View) queries(q Query, now time.Time) []Query {
	v.asking.Lock()
	defer v.asking.Unlock()
	qs := []Query{q}
	for other, at := range v.asked {
		switch {
		case now.Sub(at) > usedFor:
			delete(v.asked, other)
		case other != q && len(qs) < mostQueries:
			qs = append(qs, other)
		}
	}
	return qs
}

// watch looks at the ledgers of the scopes. A scope that is in the list no more is forgotten.
func (v *View) watch(list []*async.Scope, now time.Time) (shown []*watched, more int) {
	before := make(map[*async.Scope]*watched)
	for _, w := range v.scopes {
		before[w.scope] = w
	}
	have := make(map[*async.Scope]bool)
	for _, s := range list {
		switch {
		case s == nil || have[s]:
			continue
		case len(shown) == mostScopes:
			more++
			continue
		}
		have[s] = true
		w := v.watched(s, before[s], now)
		w.now = sample{now, s.Stats()}
		w.history = w.history.with(w.now)
		shown = append(shown, w)
	}
	v.scopes = shown
	return shown, more
}

// watched returns a scope to be watched, as it was before, or for the first time.
func (v *View) watched(s *async.Scope, before *watched, now time.Time) *watched {
	if before != nil {
		w := *before
		return &w
	}
	v.keys++
	o := s.Options()
	return &watched{key: v.keys, scope: s, options: o, name: printable(o.Name, mostName), since: now, patience: v.after}
}

// forget makes the next look a new one, since something was changed.
func (v *View) forget(ctx context.Context) {
	if v.take(ctx) == nil {
		v.last = nil
		v.give()
	}
}

// report makes a report of what was seen.
func (s *seen) report() *Report {
	l := s.looked
	r := &Report{
		Version: Version, Time: s.now, Listed: l.at, Took: l.took,
		Program: printable(filepath.Base(cmp.Or(os.Args...)), mostName), PID: os.Getpid(), CanCancel: s.v.cancel,
		Wrong:  l.wrong(s.scopes),
		Scopes: []Scope{}, ScopesOmitted: s.more,
		Totals: s.pick.sortedTotals(), TotalsOmitted: s.pick.omitted,
		Query: s.query, Matched: s.pick.matched, Calls: []Call{},
		Waits: append([]Wait{}, l.waits...), Cycles: append([][]Ref{}, l.cycles...), WaitsOmitted: l.partial, states: l.states,
	}
	for _, w := range s.scopes {
		r.Scopes = append(r.Scopes, w.report(l.facts[w.key]))
	}
	for _, p := range s.pick.calls {
		if w := s.scope(p.scope); w != nil {
			r.Calls = append(r.Calls, s.call(w, &p.info, l.at, s.query.Stacks))
		}
	}
	return r
}

// scope returns the scope with a key, or nil.
func (s *seen) scope(key int) *watched {
	for _, w := range s.scopes {
		if w.key == key {
			return w
		}
	}
	return nil
}

// report makes a report of the scope.
func (w *watched) report(f *facts) Scope {
	o := w.options
	r := Scope{
		Key: w.key, Name: w.name, Limit: max(o.Limit, 0), Queue: max(o.Queue, 0), NoQueue: o.Queue < 0,
		Track: o.Track, Closed: w.scope.Err() != nil, Since: w.since,
		Stats: Stats(w.now.stats), History: w.history.points(), StopTimes: []Class{},
	}
	if f != nil {
		r.InFlight = f.inFlight
	}
	st := w.now.stats
	r.Ended = r.Closed && st.Pending == 0 && st.Running == 0
	for i, n := range st.StopTimes {
		c := Class{Below: async.StopBound(i), Count: n}
		if i == async.StopClasses-1 {
			c.Below = 0
		}
		r.StopTimes = append(r.StopTimes, c)
	}
	return r
}

// call makes a report of a call of w that was looked at at some time.
func (s *seen) call(w *watched, c *async.CallInfo, at time.Time, stack bool) Call {
	r := Call{
		Scope: w.key, ID: c.ID, Name: printable(c.Name, mostName), State: stateOf(c),
		Began: c.Began, Age: max(at.Sub(c.Began), 0), Started: c.Started, Canceled: c.Canceled, Deadline: c.Deadline,
		Handles: c.Handles, Waiters: c.Waiters, Err: errorText(c.Err), Cause: errorText(c.Cause), Parent: s.names.parent(w, c),
		Line: lineOf(c.Stack), InCycle: s.looked.inCycle(Ref{w.key, c.ID}),
	}
	if c.Outcome != 0 {
		r.Outcome = c.Outcome.String()
	}
	if stack {
		r.Stack = stackText(c.Stack)
	}
	for _, i := range c.WaitsFor {
		r.WaitsFor = append(r.WaitsFor, s.names.waitOf(w, c, i))
	}
	return r
}

// inCycle reports whether a call is part of a deadlock.
func (l *looked) inCycle(r Ref) bool {
	return slices.ContainsFunc(l.cycles, func(cycle []Ref) bool { return slices.Contains(cycle, r) })
}
