package asyncview

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed4712c49f/async"
)

// This file looks at the calls: once through all that are in flight, for everybody who asks.
// A look keeps of each call what the queries ask for, and no more, so that it needs as much
// memory for a million calls as for a few thousand.

// Bounds of what a look keeps.
const (
	mostNames   = 1000   // entries of Totals
	mostCalls   = 10_000 // calls of a query
	usualCalls  = 400    // the same, unless a query says how many
	mostGraphed = 2000   // calls in flight up to which waits are looked at
	mostWaits   = 20_000 // the same of waits
	mostSome    = 5      // calls that something wrong names
)

// A looked is what a look at the calls has found. It does not change.
type looked struct {
	at      time.Time
	took    time.Duration
	facts   map[int]*facts // by the Key of a scope
	picked  map[Query]*pick
	waits   []Wait
	cycles  [][]Ref
	names   map[Ref]string // of the calls in waits and cycles
	states  map[Ref]State  // of the same
	partial bool           // there were too many calls to look at their waits
}

// A picked is a call that a query asks for.
type picked struct {
	scope int
	info  async.CallInfo
}

// The orders of calls.

func byAge(a, b picked) int {
	return cmp.Or(a.info.Began.Compare(b.info.Began), cmp.Compare(a.scope, b.scope), cmp.Compare(a.info.ID, b.info.ID))
}

func byNewest(a, b picked) int { return byAge(b, a) }

func byName(a, b picked) int { return cmp.Or(cmp.Compare(a.info.Name, b.info.Name), byAge(a, b)) }

// A pick is what a look has found for one query.
type pick struct {
	q       Query
	search  string // in lower case
	order   func(a, b picked) int
	matched int
	calls   []picked // up to twice as many as are wanted
	trimmed bool     // the calls up to the limit are in order, and before all others

	totals  map[totalKey]*Total
	last    *Total // the one before: calls of one name come together
	omitted int
}

type totalKey struct {
	scope int
	name  string // not more of it than is shown
}

func newPick(q Query) *pick {
	p := &pick{q: q, search: strings.ToLower(q.Search), totals: make(map[totalKey]*Total)}
	switch q.Sort {
	case ByNewest:
		p.order = byNewest
	case ByName:
		p.order = byName
	default:
		p.order = byAge
	}
	return p
}

// add is told of a call in flight.
func (p *pick) add(scope int, c *async.CallInfo, state State) {
	if !p.wants(scope, c, state) {
		return
	}
	p.matched++
	p.total(scope, c, state)
	p.list(picked{scope, *c})
}

// wants reports whether the query asks for a call.
func (p *pick) wants(scope int, c *async.CallInfo, state State) bool {
	switch q := &p.q; {
	case q.Scope != 0 && q.Scope != scope, q.State != "" && q.State != state:
		return false
	case q.Name != "" && printable(c.Name, mostName) != q.Name:
		return false
	case p.search == "":
		return true
	case strings.Contains(strings.ToLower(cut(c.Name, mostName)), p.search):
		return true
	}
	return strings.HasPrefix(p.search, "#") && title("", c.ID) == "call "+p.search
}

// total counts the call among those of its name.
func (p *pick) total(scope int, c *async.CallInfo, state State) {
	name := cut(c.Name, mostName)
	t := p.last
	if t == nil || t.Scope != scope || t.Name != name {
		key := totalKey{scope, name}
		if t = p.totals[key]; t == nil {
			if len(p.totals) == mostNames {
				p.omitted++
				return
			}
			t = &Total{Scope: scope, Name: name, Oldest: c.ID, Began: c.Began}
			p.totals[key] = t
		}
		p.last = t
	}
	t.Count++
	*t.of(state)++
}

// of returns the count of a state.
func (t *Total) of(state State) *int {
	switch state {
	case Queued:
		return &t.Queued
	case Lent:
		return &t.Lent
	case Stopping:
		return &t.Stopping
	case Ending:
		return &t.Ending
	}
	return &t.Running
}

// list keeps the call if it may be among the first ones. There may be twice as many as are
// wanted; then the first half of them is kept, and what comes behind these is not.
func (p *pick) list(c picked) {
	n := p.q.Limit
	if p.trimmed && p.order(c, p.calls[n-1]) > 0 {
		return
	}
	p.calls = append(p.calls, c)
	if len(p.calls) == 2*n {
		p.trim()
		p.trimmed = true
	}
}

// trim puts the calls in order, and keeps as many as are wanted.
func (p *pick) trim() {
	slices.SortFunc(p.calls, p.order)
	n := min(len(p.calls), p.q.Limit)
	clear(p.calls[n:])
	p.calls = p.calls[:n]
}

// Facts are what may be wrong with the calls of one scope.
type facts struct {
	inFlight int
	waits    int
	oldest   []picked // that are pending: the first of all, and then the first of each other name
	promise  *picked  // the first that is pending and has no function, unless it is among the oldest
	pending  int
	queued   *picked  // the one that has waited for its slot for the longest
	stuck    []picked // canceled more than a second ago: those that were canceled first
	stopping int      // how many those are
}

// tooLong is how long a function may take to stop.
const tooLong = time.Second

// add is told of a call in flight at the time now.
func (f *facts) add(scope int, c *async.CallInfo, state State, now time.Time) {
	f.inFlight++
	f.waits += waitsOf(c)
	switch {
	case state == Stopping && now.Sub(c.Canceled) > tooLong:
		f.stopping++
		f.stuck = append(f.stuck, picked{scope, *c})
		if len(f.stuck) == 2*mostSome {
			f.stuck = firstCanceled(f.stuck)
		}
		return
	case state == Stopping || state == Ending:
		return
	}
	f.pending++
	another := f.isAnother(c)
	switch {
	case another && len(f.oldest) < mostSome:
		f.oldest = append(f.oldest, picked{scope, *c})
	case another && f.promise == nil && state == Running && c.Started.IsZero():
		f.promise = &picked{scope, *c}
	}
	if state == Queued && f.queued == nil {
		f.queued = &picked{scope, *c}
	}
}

// waitsOf counts what a call waits for, with what is not listed.
func waitsOf(c *async.CallInfo) (n int) {
	for i := range c.WaitsFor {
		n++
		if c.WaitsFor[i].Kind == "more" {
			more, err := strconv.Atoi(c.WaitsFor[i].Name)
			if err != nil {
				more = mostWaits
			}
			n += more
		}
	}
	return n
}

// isAnother reports whether a pending call is worth to be named beside the older ones: it has
// another name, and waits for no call, which would be to blame, nor for its slot.
func (f *facts) isAnother(c *async.CallInfo) bool {
	if len(f.oldest) == 0 {
		return true
	}
	for i := range f.oldest {
		if f.oldest[i].info.Name == c.Name {
			return false
		}
	}
	return c.State != async.StateQueued && !slices.ContainsFunc(c.WaitsFor, func(w async.WaitInfo) bool { return w.Call != 0 })
}

// firstCanceled returns the first ones of calls that were canceled.
func firstCanceled(calls []picked) []picked {
	slices.SortFunc(calls, func(a, b picked) int { return a.info.Canceled.Compare(b.info.Canceled) })
	return calls[:min(len(calls), mostSome)]
}

// look looks at all calls of the scopes for all of the queries.
func look(scopes []*watched, queries []Query) *looked {
	l := &looked{at: time.Now(), facts: make(map[int]*facts), picked: make(map[Query]*pick)}
	for _, q := range queries {
		l.picked[q] = newPick(q)
	}
	calls, waits := 0, 0
	for _, w := range scopes {
		f := new(facts)
		l.facts[w.key] = f
		for c := range w.scope.InFlight() {
			state := stateOf(&c)
			f.add(w.key, &c, state, l.at)
			for _, p := range l.picked {
				p.add(w.key, &c, state)
			}
		}
		f.stuck = firstCanceled(f.stuck)
		if f.promise != nil {
			f.oldest = append(f.oldest, *f.promise)
		}
		calls += f.inFlight
		waits += f.waits
	}
	for _, p := range l.picked {
		p.trim()
	}
	if l.partial = calls > mostGraphed || waits > mostWaits; !l.partial {
		l.graph(scopes)
	}
	l.took = time.Since(l.at)
	return l
}

// stateOf says what a call in flight does.
func stateOf(c *async.CallInfo) State {
	switch {
	case c.State == async.StateCompleted && !c.Canceled.IsZero():
		return Stopping
	case c.State == async.StateCompleted:
		return Ending
	case c.State == async.StateQueued:
		return Queued
	case c.Lent:
		return Lent
	}
	return Running
}

// sortedTotals returns the totals, the most calls first.
func (p *pick) sortedTotals() []Total {
	ts := []Total{}
	for _, t := range p.totals {
		ts = append(ts, *t)
	}
	slices.SortFunc(ts, func(a, b Total) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Scope, b.Scope), cmp.Compare(a.Name, b.Name))
	})
	for i := range ts {
		ts[i].Name = printable(ts[i].Name, mostName)
	}
	return ts
}
