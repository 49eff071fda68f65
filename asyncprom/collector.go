package asyncprom

import (
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
	"weak"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/seed4712c49f/async"
)

// This file is the collector: it keeps the books of scopes that come and go. metrics.go makes
// metrics of the sums.

// A Collector is a [prometheus.Collector] for scopes. It comes from [New] or [For]. Its
// methods may be called by any number of goroutines at the same time. A registry takes one
// collector; more than one needs labels of their own, by [prometheus.WrapRegistererWith].
type Collector struct {
	list  func() []*async.Scope
	descs *descs

	mu    sync.Mutex
	books map[weak.Pointer[async.Scope]]*book // of the scopes that were listed and that somebody keeps
	gone  map[string]async.Stats              // by label: what scopes have counted that are gone
}

// A book is what was last seen of a scope.
type book struct {
	label string
	stats async.Stats
}

// New returns a collector for scopes. Nil scopes are left out, and a scope that is given
// twice counts once. The collector keeps the scopes.
func New(scopes ...*async.Scope) *Collector {
	scopes = slices.Clone(scopes)
	return For(func() []*async.Scope { return scopes })
}

// For returns a collector for the scopes that a function lists at each scrape; see the
// comment of the package for scopes that come and go. The function may be called by several
// goroutines at the same time. Nil scopes are left out, and a scope that is listed twice
// counts once. The collector keeps none of the scopes. For panics where scopes is nil.
func For(scopes func() []*async.Scope) *Collector {
	if scopes == nil {
		panic("asyncprom: For with a nil function")
	}
	return &Collector{
		list:  scopes,
		descs: newDescs(),
		books: make(map[weak.Pointer[async.Scope]]*book),
		gone:  make(map[string]async.Stats),
	}
}

// Describe tells the registry what Collect makes.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range c.descs.all {
		ch <- d
	}
}

// Collect reads the ledgers of the scopes.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	for label, s := range c.sums(c.list()) { // list is the user's: it is called without the lock
		c.descs.collect(ch, label, s)
	}
}

// A sum is what the scopes of one label amount to.
type sum struct {
	counted async.Stats // by all that there ever were
	now     async.Stats // by those that are listed
	listed  int
}

// sums reads the ledgers of the scopes, and returns the sums by label.
func (c *Collector) sums(listed []*async.Scope) map[string]*sum {
	c.mu.Lock()
	defer c.mu.Unlock()
	sums := make(map[string]*sum)
	of := func(label string) *sum {
		if sums[label] == nil {
			sums[label] = new(sum)
		}
		return sums[label]
	}
	now := make(map[weak.Pointer[async.Scope]]bool)
	for _, s := range listed {
		if s == nil {
			continue
		}
		p := weak.Make(s)
		now[p] = true
		if c.books[p] == nil {
			c.books[p] = &book{label: labelOf(s.Name())}
		}
	}
	c.read()
	for label, stats := range c.gone {
		add(&of(label).counted, stats)
	}
	for p, b := range c.books {
		s := of(b.label)
		add(&s.counted, b.stats)
		if now[p] {
			s.listed++
			add(&s.now, b.stats)
		}
	}
	return sums
}

// read brings the books up to date. The book of a scope that nobody keeps any more goes into
// the sum of those that are gone.
func (c *Collector) read() {
	for p, b := range c.books {
		if s := p.Value(); s != nil {
			b.stats = s.Stats()
			continue
		}
		stats := c.gone[b.label]
		add(&stats, b.stats)
		c.gone[b.label] = stats
		delete(c.books, p)
	}
}

// add adds up two ledgers.
func add(to *async.Stats, s async.Stats) {
	for _, n := range [...]struct {
		to *int64
		by int64
	}{
		{&to.Begun, s.Begun}, {&to.Refused, s.Refused},
		{&to.Queued, s.Queued}, {&to.Running, s.Running}, {&to.Lent, s.Lent}, {&to.Pending, s.Pending},
		{&to.Returned, s.Returned}, {&to.Failed, s.Failed}, {&to.Canceled, s.Canceled},
		{&to.Panicked, s.Panicked}, {&to.Goexited, s.Goexited}, {&to.Broken, s.Broken},
		{&to.Taken, s.Taken}, {&to.Discarded, s.Discarded}, {&to.Untaken, s.Untaken},
		{&to.Stopping, s.Stopping}, {&to.Stopped, s.Stopped},
	} {
		*n.to += n.by
	}
	to.StopTotal += s.StopTotal
	to.StopMax = max(to.StopMax, s.StopMax)
	for i, n := range s.StopTimes {
		to.StopTimes[i] += n
	}
}

// mostLabel is how many bytes of a name are exported. A server may be set to refuse a scrape
// with a label that is too long.
const mostLabel = 128

// labelOf returns the label for scopes of a name.
func labelOf(name string) string {
	if name == "" {
		return "unnamed"
	}
	name = cut(name)
	if !utf8.ValidString(name) {
		name = cut(strings.ToValidUTF8(name, "\uFFFD"))
	}
	return strings.Clone(name)
}

// cut returns the first bytes of a name, less those of a rune that is not whole.
func cut(name string) string {
	if len(name) <= mostLabel {
		return name
	}
	for i := mostLabel; i > mostLabel-utf8.UTFMax; i-- {
		if utf8.RuneStart(name[i]) {
			return name[:i]
		}
	}
	return name[:mostLabel]
}

// seconds is a time as Prometheus has times.
func seconds(d time.Duration) float64 { return d.Seconds() }
