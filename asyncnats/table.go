package asyncnats

import (
	"iter"
	"slices"
	"time"

	"github.com/seed4712c49f/async/asyncnats/internal/wire"
)

// An entry is a call of a client, without its types. It is in the client's table from
// Begin to its end, and in one list of the table, which says where the call is:
//
//	          sent               a server says that it has the call
//	queued ─────────▶ sent ──────────────────────────────────────────▶ calls of a peer
//	  ▲                 │                                                  ▲
//	  │                 │ the connection was lost and is back              │
//	  │                 ▼                                                  │
//	  ├────────────── asking ──────────────────────────────────────────────┘
//	  │ nobody has it
//	  └────────────── again ◀── nobody serves the subject yet
//
//	plain: sent to a subject whose responders send no heartbeats
//	over:  complete, and a reply may be on its way
//
// The lists are in the order of time: what is first has waited longest.
//
// Invariants, under the client's mu:
//
//	C1  An entry is in the map if, and only if, it is in one list.
//	C2  Whoever takes an entry out of the map, or moves it to over, completes its call,
//	    after the mu was unlocked; nobody else does. Only the user cancels besides.
//	C3  An entry has its body until it was sent; with WaitForReconnect until it is over.
type entry struct {
	call    remote // completes the call
	subject string
	body    []byte
	more    *more // nil where a request has an id and a body alone
	peer    *peer // the server that has the call; nil where none has said so
	at      time.Duration
	id      wire.ID
	sent    bool // at least once
	waits   bool // for servers that may have to connect again, since the connection was lost
	link[*entry]
}

// A remote is a call as its entry sees it.
type remote interface {
	reply(r reply)
	fail(err error)
	cause() error // why the call was canceled
}

// more is what few requests have besides.
type more struct {
	deadline time.Time // zero without
	name     string
	method   string // the fingerprint of the method of an interface
	carried  carried
}

// A peer is a server that has calls of the client.
type peer struct {
	id    string
	name  string        // of its service, and which one of these; empty where it has not said
	every time.Duration // between its heartbeats
	heard time.Duration // when the last one came
	line  int           // of its connections, the one by which it was heard last
	asked bool          // for the calls that it has, since it was heard last
	calls list[*entry]
}

// lostAt is when the peer is lost unless it is heard before. A peer that may have to
// connect again has until the time of patience.
func (p *peer) lostAt(patience time.Duration) time.Duration {
	at := p.heard + beatsToLoss*p.every
	if p.asked {
		return max(at, patience)
	}
	return at
}

// A table has the calls of a client. The client's mu guards it.
type table struct {
	minter wire.Minter
	calls  map[wire.ID]*entry
	most   int // that calls has had
	peers  map[string]*peer

	queued, sent, plain, asking, again, over list[*entry]
}

// largeMap is how many elements a map may have had that is kept when it is empty.
const largeMap = 1024

func newTable() table {
	return table{minter: wire.NewMinter(), calls: make(map[wire.ID]*entry), peers: make(map[string]*peer)}
}

// inFlight is the number of calls that are not over.
func (t *table) inFlight() int { return len(t.calls) - t.over.len() }

// insert puts a call that begins into the table.
func (t *table) insert(e *entry, now time.Duration) {
	e.id = t.minter.Mint()
	t.calls[e.id] = e
	t.most = max(t.most, len(t.calls))
	t.move(e, &t.queued, now)
}

// move moves an entry to a list.
func (t *table) move(e *entry, l *list[*entry], now time.Duration) {
	e.at = now
	e.peer = nil
	l.push(e)
}

// has reports whether the call is in the table and not over.
func (t *table) has(e *entry) bool { return e.in != nil && e.in != &t.over }

// remove takes an entry out, and forgets the call.
func (t *table) remove(e *entry) {
	delete(t.calls, e.id)
	leave(e)
	if len(t.calls) == 0 && t.most > largeMap {
		t.calls, t.most = make(map[wire.ID]*entry), 0 // a map never shrinks
	}
}

// bury takes an entry out of what is in flight. Where the request was sent, a reply may
// be on its way: the entry stays for a while, so that the reply is known when it comes.
func (t *table) bury(e *entry, now time.Duration) {
	e.body, e.more = nil, nil
	if !e.sent {
		t.remove(e)
		return
	}
	t.move(e, &t.over, now)
}

// forget removes what has been over since before the time.
func (t *table) forget(before time.Duration, limit int) {
	for e := t.over.front(); e != nil && (e.at < before || t.over.len() > limit); e = t.over.front() {
		t.remove(e)
	}
}

// buryAll buries some entries, and returns them.
func (t *table) buryAll(some iter.Seq[*entry], now time.Duration) []*entry {
	all := slices.Collect(some)
	for _, e := range all {
		t.bury(e, now)
	}
	return all
}

// flight ranges over all calls that are in flight.
func (t *table) flight(yield func(*entry) bool) {
	lists := []*list[*entry]{&t.queued, &t.sent, &t.plain, &t.asking, &t.again}
	for _, p := range t.peers {
		lists = append(lists, &p.calls)
	}
	for _, l := range lists {
		for e := range l.all {
			if !yield(e) {
				return
			}
		}
	}
}

// buryFlight buries all calls that are in flight, and returns them.
func (t *table) buryFlight(now time.Duration) (all []*entry) {
	all = t.buryAll(t.flight, now)
	clear(t.peers)
	return all
}

// takeAll empties the table, and returns what was in flight.
func (t *table) takeAll() []*entry {
	all := t.buryFlight(0)
	for _, e := range slices.Collect(t.over.all) {
		t.remove(e)
	}
	return all
}

// claim is told that the server has the call, and returns when the call was sent.
func (t *table) claim(id wire.ID, p *peer, now time.Duration) (sent time.Duration, claimed bool) {
	e := t.calls[id]
	if e == nil || !t.has(e) || e.in == &t.plain || !e.sent {
		return 0, false
	}
	sent = e.at
	t.move(e, &p.calls, now)
	e.peer = p
	return sent, true
}

// failAll completes calls that were taken out of the table. The client's mu must not
// be held.
func failAll(entries []*entry, err error) {
	each(entries, func(e *entry) { e.call.fail(err) })
}
