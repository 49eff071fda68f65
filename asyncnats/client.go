package asyncnats

import (
	"crypto/rand"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats/internal/wire"
)

// ClientOptions are what a client may be told. The zero value is ready for use.
type ClientOptions struct {
	// Codec writes requests and reads replies: [JSON] where it is nil.
	Codec Codec

	// Limit is how many calls may be in flight at the same time: 1,000,000 where it
	// is 0, as many as there are where it is negative. Begin refuses what is beyond with
	// [async.ErrQueueFull].
	Limit int

	// Heartbeat is how long the client expects to wait for a first sign that a server
	// has taken a call, times three: one second where it is 0. A server says itself how
	// often it sends heartbeats, and is lost after three of its own. Without heartbeats,
	// where Heartbeat is negative, no server is ever lost.
	Heartbeat time.Duration

	// WaitForReconnect is for how long calls go on when the connection is lost. Where it
	// is 0 they end at once with [ErrDisconnected]. A client that is made while there is no
	// connection has the same time to get one. When the connection is back, the servers are
	// asked for these calls by their ids: a server that has a call goes on with it, or sends
	// the reply once more. A request that no server says to have, for three heartbeats, is
	// sent again. Servers have three heartbeats to connect again, and three seconds at least.
	// Calls to Plain subjects end at once all the same.
	WaitForReconnect time.Duration

	// Plain are subjects, with wildcards as in NATS, whose responders are not servers of
	// this package. They send no heartbeats, so a call to one of them may wait until its
	// context ends.
	Plain []string

	// Errors are found by errors.Is when a server sends them; see [RegisterError].
	Errors []ErrorCode

	// Propagator carries values of Begin's context to the server; nil carries none.
	Propagator Propagator

	// InboxPrefix is what the subject of replies begins with: that of the connection
	// where it is empty, which is _INBOX unless the connection was told otherwise.
	InboxPrefix string

	// ControlPrefix is what the subjects begin with on which servers are told of
	// cancellations: _ASYNC where it is empty. Servers are given the same.
	ControlPrefix string

	// MaxReply is the size in bytes beyond which a reply is refused with [ErrTooLarge]:
	// 16 MiB where it is 0, none where it is negative. The server of NATS has a limit of its own.
	MaxReply int

	// PendingMessages and PendingBytes limit what was received and not looked at yet.
	// What is beyond is lost, and calls whose replies were lost end with
	// [ErrResponderLost]. Where they are 0 they are 2,000,000 and 1 GiB.
	PendingMessages, PendingBytes int
}

const (
	defaultLimit   = 1_000_000
	defaultBeat    = time.Second
	defaultPrefix  = "_ASYNC"
	defaultMaxSize = 16 << 20
	beatsToLoss    = 3 // heartbeats that are missed before a server is lost

	longest = math.MaxInt64 / 2 // of times that are waited for: it keeps sums of times from overflowing
)

// fill puts what options are by default in the place of zeros.
func (o *ClientOptions) fill(nc *nats.Conn) {
	o.Codec = orElse(o.Codec, JSON())
	o.Limit = limitOf(o.Limit, defaultLimit)
	o.Heartbeat = min(orElse(o.Heartbeat, defaultBeat), wire.MaxEvery)
	o.WaitForReconnect = min(o.WaitForReconnect, longest)
	o.InboxPrefix = orElse(o.InboxPrefix, orElse(nc.Opts.InboxPrefix, "_INBOX"))
	o.ControlPrefix = orElse(o.ControlPrefix, defaultPrefix)
	o.MaxReply = limitOf(o.MaxReply, defaultMaxSize)
	o.PendingMessages = orElse(o.PendingMessages, 2*defaultLimit)
	o.PendingBytes = orElse(o.PendingBytes, 1<<30)
}

func orElse[T comparable](v, zero T) T {
	if v == *new(T) {
		return zero
	}
	return v
}

// limitOf is a limit that an option says: 0 is the usual one, and a negative number is none.
func limitOf(n, usual int) int {
	if n < 0 {
		return math.MaxInt
	}
	return orElse(n, usual)
}

// A Client begins calls to servers on one connection to NATS. It has one subscription
// and one table for all its calls, and two goroutines: one sends, and one watches the
// connection and the time. It comes from [NewClient]. Its methods may be called by any
// number of goroutines at the same time.
type Client struct {
	nc    *nats.Conn
	o     ClientOptions
	known registry
	inbox string // the subject of replies, but for the last token
	start time.Time

	toSend  chan struct{} // there is something to send, or the client has closed; one is enough
	toWatch chan struct{} // there is something to watch; one is enough
	quit    chan struct{} // closed by Close
	ended   sync.WaitGroup

	mu       sync.Mutex
	table    table
	mail     []mail // control messages that are to be sent
	line     line   // the connection
	heard    heard  // what was heard of calls, whoever said it
	watching bool   // the goroutine that watches wakes by itself
	closed   bool
	stats    ClientStats
	sub      *nats.Subscription // to the inbox
	dropped  int                // messages that the subscription has dropped, as seen last
}

// ClientStats says what a client has done so far.
type ClientStats struct {
	InFlight int   // calls that are not complete
	Servers  int   // servers that have some of these
	Begun    int64 // calls that were accepted
	Replied  int64 // calls that were completed by a reply, a value or an error
	Canceled int64 // calls that ended at the client: canceled, abandoned, or their context ended
	Lost     int64 // calls that ended with ErrResponderLost
	Refused  int64 // calls beyond the limit
	Late     int64 // replies that came when their call was over, and were discarded
	Unknown  int64 // messages to a call that never was, or was over long ago: forged, or twice
	Garbage  int64 // messages that make no sense
	Dropped  int64 // messages that were received and lost, because too many were pending
}

// NewClient returns a client on nc, which remains the caller's. The client needs nc for
// as long as the client is not closed. The error is [ErrBadSubject] where one of the prefixes, or of the
// Plain subjects, is none, or that of NATS. NewClient panics where nc is nil, and where two Errors have
// one code.
func NewClient(nc *nats.Conn, o ClientOptions) (*Client, error) {
	if nc == nil {
		panic("asyncnats: NewClient with a nil connection")
	}
	o.fill(nc)
	if err := o.check(); err != nil {
		return nil, err
	}
	c := &Client{
		nc: nc, o: o, known: newRegistry(o.Errors), start: time.Now(),
		inbox:  wire.Inbox(o.InboxPrefix, o.Codec.Name(), rand.Text()),
		toSend: make(chan struct{}, 1), toWatch: make(chan struct{}, 1), quit: make(chan struct{}),
		table: newTable(),
	}
	status := c.statuses()
	sub, err := c.listen()
	if err != nil {
		nc.RemoveStatusListener(status)
		return nil, fmt.Errorf("asyncnats: inbox: %w", err)
	}
	c.sub = sub
	if !nc.IsConnected() { // as after a loss: calls wait for the connection
		c.line.down, c.line.patience = true, c.now()+max(o.WaitForReconnect, 0)
	}
	keep(&c.ended, c.send)
	keep(&c.ended, func() { c.watch(status) })
	return c, nil
}

// check says what subject among the options is none.
func (o *ClientOptions) check() error {
	switch {
	case !wire.IsSubject(o.InboxPrefix):
		return fmt.Errorf("%w: the InboxPrefix %q", ErrBadSubject, o.InboxPrefix)
	case !wire.IsToken(o.Codec.Name()):
		return fmt.Errorf("%w: the name of the Codec, %q, which is a token of subjects", ErrBadSubject, o.Codec.Name())
	}
	for _, p := range o.Plain {
		if !wire.IsPattern(p) {
			return fmt.Errorf("%w: %q in Plain", ErrBadSubject, p)
		}
	}
	return checkControl(o.ControlPrefix)
}

// checkControl is the check of a ControlPrefix, of clients and servers alike.
func checkControl(prefix string) error {
	if !wire.IsSubject(prefix) {
		return fmt.Errorf("%w: the ControlPrefix %q", ErrBadSubject, prefix)
	}
	return nil
}

// Close ends every call in flight as canceled, with [async.ErrScopeClosed] as the cause,
// and refuses further ones with the same. The servers end what they run for the client.
// Close returns when no goroutine of the client is left. The connection stays open.
func (c *Client) Close() {
	most := idsIn(c.nc)
	c.mu.Lock()
	first := !c.closed
	c.closed = true
	last := c.mail // cancellations that were not sent yet
	c.mail = nil
	if !c.line.down {
		last = append(last, c.dropsOf(c.table.flight, most)...)
	}
	over := c.table.takeAll()
	sub := c.sub
	c.mu.Unlock()
	if first {
		close(c.quit)
		_ = sub.Unsubscribe()      // it fails where the connection is closed, and then there is no subscription
		defer c.publish(last)      // whatever becomes of this goroutine
		failAll(over, errClosed()) // what OnSignal calls may end it
	}
	c.ended.Wait()
}

// errClosed is what calls complete with when the client closes.
func errClosed() error {
	return &async.CanceledError{Cause: async.ErrScopeClosed}
}

// Stats says what the client has done so far.
func (c *Client) Stats() ClientStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.stats
	s.InFlight, s.Servers = c.table.inFlight(), len(c.table.peers)
	return s
}

// now is the time on the client's clock.
func (c *Client) now() time.Duration { return time.Since(c.start) }

// poke puts a token into a channel that has room for one.
func poke(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
