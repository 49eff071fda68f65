package asyncview

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// This file says what is wrong: the first thing on the page, and often the only one that is
// read.

// From when on something is worse than it was.
const (
	notedAfter  = time.Second
	warnedAfter = time.Minute      // unless WarnAfter says otherwise
	faultAfter  = 10 * time.Second // that a function does not stop
)

// wrong returns what is wrong, the worst first. How long a call has done something is up to
// the look at the calls: since then it may have ended.
func (l *looked) wrong(scopes []*watched) []Wrong {
	all := l.deadlocks()
	for _, w := range scopes {
		f := l.facts[w.key]
		if f == nil {
			f = new(facts) // the scope came after the look at the calls
		}
		for _, find := range []func(*watched, *facts, time.Time) (Wrong, bool){notStopping, queueGrowing, l.oldest, untaken, refused} {
			if found, ok := find(w, f, l.at); ok {
				found.Scope = w.key
				all = append(all, found)
			}
		}
	}
	severities := []Severity{Fault, Warning, Note}
	kinds := []Kind{Deadlock, NotStopping, QueueGrowing, Oldest, Untaken, Refused}
	slices.SortStableFunc(all, func(a, b Wrong) int {
		return cmp.Or(
			cmp.Compare(slices.Index(severities, a.Severity), slices.Index(severities, b.Severity)),
			cmp.Compare(slices.Index(kinds, a.Kind), slices.Index(kinds, b.Kind)),
			a.Since.Compare(b.Since))
	})
	return all
}

func (l *looked) deadlocks() []Wrong {
	all := []Wrong{}
	for _, cycle := range l.cycles {
		var since time.Time // the last wait that closed the cycle
		var way []string
		for _, r := range cycle {
			way = append(way, l.names[r])
			for _, w := range l.waits {
				if w.From == r && slices.Contains(cycle, w.To) && w.Since.After(since) {
					since = w.Since
				}
			}
		}
		text := fmt.Sprintf("%s, which waits for itself", way[0])
		if len(cycle) > 1 {
			text = fmt.Sprintf("%d calls wait for each other: %s → %s", len(cycle), strings.Join(way, " → "), way[0])
		}
		all = append(all, Wrong{
			Kind: Deadlock, Severity: Fault, Scope: cycle[0].Scope, Calls: cycle, Names: way,
			Count: int64(len(cycle)), Since: since, Text: cut(text, mostError),
		})
	}
	return all
}

// notStopping finds functions that go on although they were canceled.
func notStopping(w *watched, f *facts, at time.Time) (Wrong, bool) {
	if f.stopping == 0 {
		return Wrong{}, false
	}
	first := f.stuck[0].info
	ago := at.Sub(first.Canceled)
	found := Wrong{
		Kind: NotStopping, Severity: Warning, Calls: refsOf(f.stuck), Names: titlesOf(f.stuck), Count: int64(f.stopping), Since: first.Canceled,
		Text: fmt.Sprintf("%s: %s was canceled %s ago, and its function has not returned", w.title(), f.stuck[0].title(), span(ago)),
	}
	if f.stopping > 1 {
		found.Text = fmt.Sprintf("%s: %d calls were canceled, and their functions have not returned; the first is %s, canceled %s ago",
			w.title(), f.stopping, f.stuck[0].title(), span(ago))
	}
	if ago >= faultAfter {
		found.Severity = Fault
	}
	return found, true
}

// queueGrowing finds a queue that does not get shorter. Where nobody has looked for long
// enough to know, the call at its head is a witness.
func queueGrowing(w *watched, f *facts, at time.Time) (Wrong, bool) {
	since, growing := w.history.growing(w.now, w.patience)
	found := Wrong{Kind: QueueGrowing, Severity: Warning, Count: w.now.stats.Queued, Since: since}
	what := "the queue has grown for " + span(w.now.at.Sub(since))
	switch head := f.queued; {
	case head != nil && at.Sub(head.info.Began) >= w.patience:
		if !growing {
			found.Since = head.info.Began
			what = "the queue does not get shorter"
		}
		found.Calls, found.Names = refsOf([]picked{*head}), []string{head.title()}
		what += fmt.Sprintf(", %s has waited for a slot for %s", head.title(), span(at.Sub(head.info.Began)))
	case !growing:
		return Wrong{}, false
	}
	found.Text = fmt.Sprintf("%s: %s; %s", w.title(), what, count(found.Count, "call is queued", "calls are queued"))
	return found, true
}

// oldest finds the calls that have been pending for the longest, but for those in a deadlock,
// which are named already.
func (l *looked) oldest(w *watched, f *facts, at time.Time) (Wrong, bool) {
	noted := min(notedAfter, w.patience)
	var words []string
	var old []picked
	for _, p := range f.oldest {
		age := at.Sub(p.info.Began)
		if age < noted || l.inCycle(Ref{p.scope, p.info.ID}) {
			continue
		}
		old = append(old, p)
		words = append(words, fmt.Sprintf("%s for %s, %s", p.title(), span(age), p.doing()))
	}
	if len(old) == 0 {
		return Wrong{}, false
	}
	found := Wrong{
		Kind: Oldest, Severity: Note, Calls: refsOf(old), Names: titlesOf(old), Count: int64(f.pending), Since: old[0].info.Began,
		Text: fmt.Sprintf("%s: pending for the longest: %s", w.title(), strings.Join(words, "; ")),
	}
	if at.Sub(found.Since) >= w.patience {
		found.Severity = Warning
	}
	return found, true
}

// doing says in words what the call does.
func (p *picked) doing() string {
	switch stateOf(&p.info) {
	case Queued:
		return "it waits for a slot"
	case Lent:
		return "its function waits"
	}
	if p.info.Started.IsZero() {
		return "nobody has completed the promise"
	}
	return "its function runs"
}

// mostHandles is how many handles are looked at for the names of results.
const mostHandles = 2000

// untaken finds results that nobody took.
func untaken(w *watched, _ *facts, _ time.Time) (Wrong, bool) {
	n := w.now.stats.Untaken
	if n == 0 {
		return Wrong{}, false
	}
	found := Wrong{Kind: Untaken, Severity: Note, Count: n}
	if least, since := w.history.untaken(w.now, w.patience); least > 0 {
		found.Severity, found.Since = Warning, since
		found.Text = fmt.Sprintf("%s: %s; there have been %d or more for %s", w.title(),
			count(n, "result is there that nobody has taken", "results are there that nobody has taken"), least, span(w.now.at.Sub(since)))
	} else {
		found.Text = fmt.Sprintf("%s: %s; an All or a Settle that waits for others may have them", w.title(),
			count(n, "result is there to be taken", "results are there to be taken"))
	}
	if whose := w.untakenNames(); whose != "" {
		found.Text += ": " + whose
	}
	return found, true
}

// untakenNames names the calls whose results nobody took, where the scope records them.
func (w *watched) untakenNames() string {
	if !w.options.Track {
		return ""
	}
	type source struct{ name, line string }
	n, left := make(map[source]int), mostHandles
	for h := range w.scope.Unreleased() {
		if h.Untaken {
			n[source{printable(h.Call.Name, mostName), lineOf(h.Call.Stack)}]++
		}
		if left--; left == 0 {
			break
		}
	}
	keys := slices.SortedFunc(maps.Keys(n), func(a, b source) int {
		return cmp.Or(cmp.Compare(n[b], n[a]), cmp.Compare(a.name, b.name), cmp.Compare(a.line, b.line))
	})
	var words []string
	for _, k := range keys[:min(len(keys), mostSome)] {
		word := cmp.Or(k.name, "call")
		if n[k] > 1 {
			word = fmt.Sprintf("%s ×%d", word, n[k])
		}
		words = append(words, word+" begun by "+k.line)
	}
	return strings.Join(words, "; ")
}

// refused finds calls that were not accepted.
func refused(w *watched, _ *facts, _ time.Time) (Wrong, bool) {
	n := w.now.stats.Refused
	if n == 0 {
		return Wrong{}, false
	}
	found := Wrong{Kind: Refused, Severity: Note, Count: n}
	found.Text = fmt.Sprintf("%s: %s since the scope was made", w.title(), count(n, "call has been refused", "calls have been refused"))
	if recent := w.history.refused(w.now); recent > 0 {
		found.Severity, found.Since = Warning, w.history[0].at
		found.Text += fmt.Sprintf(", %d of them in the last %s", recent, span(w.now.at.Sub(found.Since)))
	}
	return found, true
}

// title names a call in a sentence.
func (p *picked) title() string { return title(printable(p.info.Name, mostName), p.info.ID) }

func refsOf(calls []picked) []Ref {
	var refs []Ref
	for _, c := range calls {
		refs = append(refs, Ref{c.scope, c.info.ID})
	}
	return refs
}

func titlesOf(calls []picked) []string {
	var titles []string
	for i := range calls {
		titles = append(titles, calls[i].title())
	}
	return titles
}
