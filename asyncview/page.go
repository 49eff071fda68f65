package asyncview

import (
	"cmp"
	"embed"
	"fmt"
	"html/template"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// This file makes a page of a report: what the templates of page.html need besides.

//go:embed page.html view.css view.js icon.svg
var assets embed.FS

// A file is served as it is.
type file struct {
	kind string
	data []byte
}

func (f file) serve(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", f.kind)
	_, _ = w.Write(f.data)
}

// parsePage returns the templates and the files.
func parsePage() (*template.Template, map[string]file) {
	t := template.New("").Funcs(template.FuncMap{
		"span": span, "short": short, "title": title, "rate": rate, "clock": clock,
	})
	files := make(map[string]file)
	for name, kind := range map[string]string{
		"view.css": "text/css; charset=utf-8", "view.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml",
	} {
		data, err := assets.ReadFile(name)
		if err != nil {
			panic(err)
		}
		files[name] = file{kind, data}
	}
	return template.Must(t.ParseFS(assets, "page.html")), files
}

// A page is a report, and what the templates ask of it.
type page struct {
	*Report
	Live bool // the page is a part of an event

	titles map[Ref]string
}

// said is a page with one sentence.
type said struct{ Title, Text string }

func newPage(r *Report) *page {
	p := &page{Report: r, titles: make(map[Ref]string)}
	for _, w := range r.Waits {
		p.titles[w.From] = title(w.Waits, w.From.Call)
		if w.To.Call != 0 {
			p.titles[w.To] = title(w.Whom, w.To.Call)
		}
	}
	calls := r.Calls
	if d := r.Detail; d != nil {
		calls = slices.Concat(calls, d.Way, d.Children)
		if d.Call != nil {
			calls = append(calls, *d.Call)
		}
	}
	for i := range calls {
		p.titles[Ref{calls[i].Scope, calls[i].ID}] = title(calls[i].Name, calls[i].ID)
	}
	return p
}

// TitleOf names a call, by its ID alone where its name is not known.
func (p *page) TitleOf(r Ref) string {
	return cmp.Or(p.titles[r], title("", r.Call))
}

// ScopeOf names the scope with a key.
func (p *page) ScopeOf(key int) string {
	for i := range p.Scopes {
		if p.Scopes[i].Key == key {
			return cmp.Or(p.Scopes[i].Name, fmt.Sprintf("scope %d", key))
		}
	}
	return fmt.Sprintf("scope %d", key)
}

// Ago says how long ago something was.
func (p *page) Ago(t time.Time) string { return span(p.Time.Sub(t)) }

// Left says how long it is until a time.
func (p *page) Left(t time.Time) string {
	if d := t.Sub(p.Time); d >= 0 {
		return "in " + span(d)
	}
	return span(p.Time.Sub(t)) + " ago"
}

// Late says how old the list of the calls is, where that matters.
func (p *page) Late() string {
	if d := p.Time.Sub(p.Listed); d > 2*time.Second {
		return span(d)
	}
	return ""
}

// IgnoredText says which parameters of the request were ignored.
func (p *page) IgnoredText() string { return p.ignoredText() }

// Faults is how many things are wrong that are more than a note.
func (p *page) Faults() (n int) {
	for _, w := range p.Wrong {
		if w.Severity != Note {
			n++
		}
	}
	return n
}

// To returns the address of the page with one parameter of its query set to a value. The
// address begins with "?" and stays where the page is.
func (p *page) To(key, value string) string {
	q := p.Query
	v := url.Values{}
	set := func(key, value, usual string) {
		if value != usual {
			v.Set(key, value)
		}
	}
	set("q", q.Search, "")
	set("scope", strconv.Itoa(q.Scope), "0")
	set("state", string(q.State), "")
	set("name", q.Name, "")
	set("sort", string(q.Sort), string(ByAge))
	set("group", string(q.Group), string(Tree))
	set("limit", strconv.Itoa(q.Limit), strconv.Itoa(usualCalls))
	v.Set(key, value)
	return "?" + v.Encode()
}

// Only returns the address of the calls of one name in one scope.
func (p *page) Only(t Total) string {
	v := url.Values{"scope": {strconv.Itoa(t.Scope)}, "name": {t.Name}, "group": {string(Flat)}}
	return "?" + v.Encode()
}

// States are the states that the page can be filtered by.
func (p *page) States() []State { return []State{Queued, Running, Lent, Stopping, Ending} }

// Graph is the drawing of who waits for whom, or nil.
func (p *page) Graph() *drawing { return draw(p.Report) }

// A bar is a number as a part of a whole. Lengths are percent of the bar.
type bar struct {
	Label, Text string
	Has         bool // there is a whole, and so a bar
	Full, Half  int  // how much is filled, and how much of a second kind stands behind that
}

// A card is a scope on the page.
type card struct{ *Scope }

// Cards are the scopes.
func (p *page) Cards() (cards []card) {
	for i := range p.Scopes {
		cards = append(cards, card{&p.Scopes[i]})
	}
	return cards
}

// Bars are the bars of a scope.
func (s card) Bars() []bar {
	st := s.Stats
	slots := bar{Label: "Slots", Text: fmt.Sprintf("%d running, no limit", st.Running)}
	if s.Limit > 0 {
		slots.Has = true
		slots.Text = fmt.Sprintf("%d of %d used", st.Running-st.Lent, s.Limit)
		if st.Lent > 0 {
			slots.Text += fmt.Sprintf(", and %d lent", st.Lent)
		}
		whole := max(int64(s.Limit), st.Running)
		slots.Full, slots.Half = percent(st.Running-st.Lent, whole), percent(st.Lent, whole)
	}
	queue := bar{Label: "Queue", Text: fmt.Sprintf("%d queued", st.Queued)}
	switch {
	case s.Limit == 0:
		return []bar{slots}
	case s.NoQueue:
		queue.Text = "no queue"
	case s.Queue > 0:
		queue.Has, queue.Full = true, percent(st.Queued, int64(s.Queue))
		queue.Text = fmt.Sprintf("%d of %d queued", st.Queued, s.Queue)
	}
	return []bar{slots, queue}
}

func percent(part, whole int64) int {
	if whole <= 0 || part <= 0 {
		return 0
	}
	return int(min(max(part*100/whole, 1), 100))
}

// A spark is a small line of the last five minutes.
type spark struct {
	Label, Now, Most string
	Line             string // the points of an SVG polyline, in a box of 100 by 20
}

// sparkOf makes a line of a number of each point, which text writes.
func sparkOf(label string, ps []Point, number func(Point) float64, text func(float64) string) spark {
	most := 0.0
	for _, p := range ps {
		most = max(most, number(p))
	}
	s := spark{Label: label, Now: text(0), Most: text(most)}
	if len(ps) == 0 {
		return s
	}
	end := ps[len(ps)-1].Time
	s.Now = text(number(ps[len(ps)-1]))
	at := func(t time.Time) float64 { return 100 * (1 - min(float64(end.Sub(t))/float64(remembered), 1)) }
	var b strings.Builder
	for _, p := range ps { // a step from the beginning of each span to its end
		y := 19.0
		if most > 0 {
			y -= 18 * number(p) / most
		}
		fmt.Fprintf(&b, "%.1f,%.1f %.1f,%.1f ", at(p.Time.Add(-p.Span)), y, at(p.Time), y)
	}
	s.Line = strings.TrimSpace(b.String())
	return s
}

// Sparks are the lines of a scope.
func (s card) Sparks() []spark {
	rateOf := func(n func(Point) int64) func(Point) float64 {
		return func(p Point) float64 { return float64(n(p)) / max(p.Span.Seconds(), 1e-9) }
	}
	seconds := func(f float64) string { return span(time.Duration(f)) }
	number := func(f float64) string { return strconv.FormatInt(int64(f), 10) }
	h := s.History
	sparks := []spark{
		sparkOf("Begun", h, rateOf(func(p Point) int64 { return p.Begun }), rate),
		sparkOf("Ended", h, rateOf(func(p Point) int64 { return p.Ended }), rate),
		sparkOf("Failed", h, rateOf(func(p Point) int64 { return p.Bad }), rate),
		sparkOf("Mean time", h, func(p Point) float64 { return float64(p.Latency) }, seconds),
		sparkOf("Pending", h, func(p Point) float64 { return float64(p.Pending) }, number),
	}
	if s.Limit > 0 && !s.NoQueue {
		sparks = append(sparks,
			sparkOf("Mean wait", h, func(p Point) float64 { return float64(p.Wait) }, seconds),
			sparkOf("Queued", h, func(p Point) float64 { return float64(p.Queued) }, number))
	}
	return sparks
}

// rate writes how often something happens.
func rate(perSecond float64) string {
	if perSecond >= 100 || perSecond == math.Trunc(perSecond) {
		return fmt.Sprintf("%.0f/s", perSecond)
	}
	return fmt.Sprintf("%.2g/s", perSecond)
}

// clock writes a time of day.
func clock(t time.Time) string { return t.Format("2006-01-02 15:04:05.000 MST") }

// Column returns the height of a class of the histogram, in percent of the largest.
func (s card) Column(c Class) int {
	var most int64
	for _, other := range s.StopTimes {
		most = max(most, other.Count)
	}
	return percent(c.Count, most)
}

// MeanStop is how long the functions of canceled calls took to return.
func (s card) MeanStop() time.Duration {
	return s.Stats.StopTotal / time.Duration(max(s.Stats.Stopped, 1))
}

// A branch is a call in the tree with those below it, or several of one name.
type branch struct {
	*page
	Call  *Call // nil for several
	Depth int   // from 1
	Below []*branch

	Name   string // of several
	Count  int
	Oldest time.Duration
	Waits  string // what the oldest waits for, or ""
	States string
	Key    string // for the page to remember whether it is open
}

// Bounds of the tree.
const (
	mostDepth = 24 // deeper calls stand at that depth
	foldedAt  = 5  // so many of one name below one parent are folded
)

// Tree is the calls that are listed, each below the one in whose function it was begun. A
// call whose parent is not listed stands at the root.
func (p *page) Tree() []*branch {
	byRef := make(map[Ref]*branch)
	var roots []*branch
	for i := range p.Calls {
		byRef[Ref{p.Calls[i].Scope, p.Calls[i].ID}] = &branch{page: p, Call: &p.Calls[i]}
	}
	for i := range p.Calls {
		c := &p.Calls[i]
		b := byRef[Ref{c.Scope, c.ID}]
		if parent := byRef[c.Parent]; parent != nil && parent != b && !parent.Call.Began.After(c.Began) {
			parent.Below = append(parent.Below, b)
		} else {
			roots = append(roots, b)
		}
	}
	return p.grown(roots, 1, "")
}

// grown folds calls of one name, and counts how deep each stands.
func (p *page) grown(bs []*branch, depth int, key string) (folded []*branch) {
	type kind struct {
		scope int
		name  string
	}
	same := make(map[kind][]*branch)
	for _, b := range bs {
		k := kind{b.Call.Scope, b.Call.Name}
		same[k] = append(same[k], b)
	}
	done := make(map[kind]bool)
	for _, b := range bs {
		k := kind{b.Call.Scope, b.Call.Name}
		switch {
		case done[k]:
		case len(same[k]) >= foldedAt:
			done[k] = true
			folded = append(folded, p.several(same[k], depth, key))
		default:
			folded = append(folded, b.grow(depth))
		}
	}
	return folded
}

func (b *branch) grow(depth int) *branch {
	b.Depth = depth
	b.Key = fmt.Sprintf("c%d-%d", b.Call.Scope, b.Call.ID)
	if len(b.Below) > 0 {
		b.Below = b.grown(b.Below, depth+1, b.Key)
	}
	return b
}

// several makes one branch of calls of one name.
func (p *page) several(bs []*branch, depth int, key string) *branch {
	first := bs[0].Call
	some := &branch{
		page: p, Depth: depth, Name: first.Name, Count: len(bs),
		Key: fmt.Sprintf("%sf%d-%x", key, first.Scope, first.Name),
	}
	n := make(map[State]int)
	for _, b := range bs {
		some.Below = append(some.Below, b.grow(depth+1))
		if b.Call.Age > some.Oldest || b == bs[0] {
			some.Oldest, some.Waits = b.Call.Age, p.oldestWaits(b.Call)
		}
		n[b.Call.State]++
	}
	var words []string
	for _, s := range p.States() {
		if n[s] > 0 {
			words = append(words, fmt.Sprintf("%d %s", n[s], s))
		}
	}
	some.States = strings.Join(words, ", ")
	return some
}

// oldestWaits says what the oldest of several calls waits for, or nothing where it does not.
func (p *page) oldestWaits(c *Call) string {
	if len(c.WaitsFor) == 0 {
		return ""
	}
	s := fmt.Sprintf("#%d %s", c.ID, p.Waiting(c, c.WaitsFor[0]))
	if more := len(c.WaitsFor) - 1; more > 0 {
		s += fmt.Sprintf(", and for %d more", more)
	}
	return s
}

// IsDeep reports whether what is below stands no deeper, since the page has no room.
func (b *branch) IsDeep() bool { return b.Depth >= mostDepth }
