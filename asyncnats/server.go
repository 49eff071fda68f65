package asyncnats

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats/internal/wire"
)

// ServeOptions are what a server may be told. The zero value needs a Name and is ready for
// use then.
type ServeOptions struct {
	// Name is the name of the service, of letters, digits, - and _. Version is that of the
	// service, as 1.4.0, which is 0.0.1 where it is empty. Description says more.
	Name, Version, Description string

	// Scope is where the function runs: its limit, queue, ledger and observer are those
	// of the requests. Where it is nil, the server has a scope of its own, without limit.
	Scope *async.Scope

	// Heartbeat is how often clients hear of the server while it has calls of theirs:
	// every second where it is 0, and every day at least; a negative one panics. A server that is not heard for three
	// heartbeats is lost.
	Heartbeat time.Duration

	// Options are those of every call that the server runs, such as [async.Discard] for
	// what a function returns when its call was canceled.
	Options []async.Option

	// Codec reads requests and writes replies: [JSON] where it is nil.
	Codec Codec

	// Errors are found by errors.Is at the client; see [RegisterError].
	Errors []ErrorCode

	// Propagator finds values for the context of the function; nil finds none.
	Propagator Propagator

	// QueueGroup is the group of servers that share the requests: q where it is empty,
	// as in all services of NATS.
	QueueGroup string

	// ControlPrefix is that of the clients: _ASYNC where it is empty.
	ControlPrefix string

	// MaxRequest is the size in bytes beyond which a request is refused with
	// [ErrTooLarge]: 16 MiB where it is 0, none where it is negative.
	MaxRequest int

	// KeepBytes limits the replies that are kept for clients that may have lost their
	// connection, the oldest going first: 64 MiB where it is 0. A request that comes again
	// when its reply was dropped runs again.
	KeepBytes int

	// SendStack has the stack of a function that panicked sent to the caller.
	SendStack bool
}

func (o *ServeOptions) fill() {
	o.Version = orElse(o.Version, "0.0.1")
	o.Heartbeat = min(max(orElse(o.Heartbeat, defaultBeat), time.Millisecond), wire.MaxEvery)
	o.Codec = orElse(o.Codec, JSON())
	o.ControlPrefix = orElse(o.ControlPrefix, defaultPrefix)
	o.MaxRequest = limitOf(o.MaxRequest, defaultMaxSize)
	o.KeepBytes = orElse(o.KeepBytes, 64<<20)
}

// A Server runs a function for the requests that come to a subject. It is a service of
// NATS, so that nats micro ls, info, ping and stats see it. It comes from [Serve]. Its
// methods may be called by any number of goroutines at the same time.
type Server struct {
	nc      *nats.Conn
	o       ServeOptions
	known   registry
	id      string // by which clients know the server; nobody else does
	start   time.Time
	service micro.Service
	name    string // of the service, and its id there; for people
	status  chan nats.Status
	own     *async.Scope // where the user gave none
	options []async.Option

	quit     chan struct{} // closed when the server is down
	ended    sync.WaitGroup
	shutdown sync.Once
	downErr  error // of the shutdown; written once before it is over

	mu        sync.Mutex
	desk      desk
	arrivals  []work      // that wait to be begun
	beginning bool        // somebody is at it
	foreign   bool        // code of a user may run when a call begins
	late      bool        // what arrives now is refused
	left      bool        // the scope is closed, and the server has left its subject
	complete  []work      // whose replies wait to be sent
	answers   []answer    // of calls that were not begun, that wait to be sent
	replies   []*nats.Msg // that wait to be sent
	sending   bool        // somebody is at it
	control   map[string]*nats.Subscription
	deaf      bool // the server listens to nobody any more
	line      int  // how often the connection was lost and is there again
	closing   bool
	empty     async.Event // set when the server is closing, no call is left, and all is sent
	stats     ServerStats
}

// ServerStats says what a server has done so far.
type ServerStats struct {
	InFlight int   // calls that are not complete
	Clients  int   // clients that have some of these
	Kept     int   // replies that are kept for clients that may ask again
	Begun    int64 // calls that were begun
	Replied  int64 // replies that were sent, errors included, each once
	Canceled int64 // calls that a client canceled
	Gone     int64 // calls whose client was gone
	Again    int64 // requests that came again, under the id of one that is known
	Refused  int64 // requests that could not be begun
	Panicked int64 // functions that panicked
	Garbage  int64 // messages that make no sense
}

// Serve runs fn for every request to the subject, which may have wildcards. Servers of one
// subject share the requests. Each request is a call in the Scope, and fn runs in a
// goroutine of its own. Its context ends when the caller's call ends, with a cause that
// says why: the text is the caller's. What fn returns then is discarded.
//
// A panic in fn becomes an error at the caller, and in the ledger of the scope: it is an
// [*async.PanicError], by whatever policy, so that no request ends the process.
//
// Serve returns an error where NATS or package micro refuses the name or the subject, [ErrBadSubject]
// where the subject or the ControlPrefix is none, and [async.ErrScopeClosed] where the Scope is closed.
// It panics where nc or fn is nil, where no call can be begun with the Options and a scope, where the
// Heartbeat is negative, and where two Errors have one code.
//
// A Scope that is shut down before its server has nothing run any more: the server refuses the request
// that tells it so with ErrScopeClosed, and leaves the subject to others. It is still to be shut down.
func Serve[Req, Resp any](nc *nats.Conn, subject string, fn func(context.Context, Req) (Resp, error), o ServeOptions) (*Server, error) {
	if fn == nil {
		panic("asyncnats: Serve with a nil function")
	}
	if !wire.IsPattern(subject) {
		return nil, fmt.Errorf("%w: serve %q", ErrBadSubject, subject)
	}
	tryOptions[Resp](o.Options)
	s, err := newServer(nc, o)
	if err != nil {
		return nil, fmt.Errorf("asyncnats: serve %q: %w", subject, err)
	}
	err = s.open(door{"default", subject, (&service[Req, Resp]{s, fn, nil}).receive, nil})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("asyncnats: serve %q: %w", subject, err), s.Shutdown(context.Background()))
	}
	return s, nil
}

// tryOptions panics where a call that returns a T cannot be begun with a scope and these options: as
// the first request would, and not in a goroutine of the library.
func tryOptions[T any](opts []async.Option) {
	for _, o := range opts {
		if o, ok := o.(submitOption); ok {
			panic("asyncnats: " + o.what() + " for calls that a server runs: it is for Submit")
		}
	}
	scope := async.NewScope(async.ScopeOptions{})
	//asyncvet:ignore unreleased: nobody completes the promise, and a Release may call functions of the options
	async.NewPromise[T](context.Background(), append([]async.Option{scope}, opts...)...)
}

func newServer(nc *nats.Conn, o ServeOptions) (*Server, error) {
	switch {
	case nc == nil:
		panic("asyncnats: a server with a nil connection")
	case o.Heartbeat < 0:
		panic(fmt.Sprintf("asyncnats: a server with a Heartbeat of %v", o.Heartbeat))
	}
	o.fill()
	if err := checkControl(o.ControlPrefix); err != nil {
		return nil, err
	}
	if o.Scope != nil && o.Scope.Err() != nil {
		return nil, o.Scope.Err()
	}
	s := &Server{
		nc: nc, o: o, known: newRegistry(o.Errors), start: time.Now(),
		id:   wire.NewMinter().Mint().String(),
		quit: make(chan struct{}), desk: newDesk(), control: make(map[string]*nats.Subscription),
		foreign: isObserved(o.Scope) || o.Propagator != nil || len(o.Options) > 0,
	}
	scope := o.Scope
	if scope == nil {
		s.own = async.NewScope(async.ScopeOptions{Name: o.Name})
		scope = s.own
	}
	s.options = append([]async.Option{scope, async.Name(o.Name)}, o.Options...)
	s.status = nc.StatusChanged(nats.CLOSED, nats.CONNECTED)
	keep(&s.ended, s.beats)
	return s, nil
}

// isObserved reports whether code of a user may be told when a call of the scope begins.
func isObserved(s *async.Scope) bool {
	return s != nil && !reflect.ValueOf(s.Options().Observer).IsZero()
}

// leaveSubject has the server take no more requests, since its scope is closed.
func (s *Server) leaveSubject() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.left && !s.closing {
		s.left = true
		s.ended.Go(func() { _ = s.service.Stop() }) // it fails where the connection is closed
	}
}

// A door is a subject on which a server takes requests: an endpoint of its service.
type door struct {
	name, subject string
	handler       micro.HandlerFunc
	metadata      map[string]string // of the endpoint
}

// open begins to listen: for control messages first, since a cancellation may follow its
// request at once.
func (s *Server) open(doors ...door) error {
	on := []string{s.o.ControlPrefix + ".srv." + s.id + ".*"}
	for _, d := range doors {
		on = append(on, allSubject(s.o.ControlPrefix, d.subject))
	}
	for _, subject := range on {
		if err := s.hear(subject); err != nil {
			return err
		}
	}
	service, err := micro.AddService(s.nc, micro.Config{
		Name: s.o.Name, Version: s.o.Version, Description: s.o.Description, QueueGroup: s.o.QueueGroup,
		Metadata:     map[string]string{"async-heartbeat": s.o.Heartbeat.String(), "async-codec": s.o.Codec.Name()},
		StatsHandler: func(*micro.Endpoint) any { return s.Stats() },
	})
	s.service = service
	if err == nil {
		s.name = truncate(s.o.Name, wire.MaxToken) + " " + service.Info().ID
	}
	for _, d := range doors {
		if err == nil {
			err = service.AddEndpoint(d.name, d.handler, micro.WithEndpointSubject(d.subject), micro.WithEndpointMetadata(d.metadata))
		}
	}
	return err
}

// Stats says what the server has done so far.
func (s *Server) Stats() ServerStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.stats
	st.InFlight, st.Clients, st.Kept = s.desk.running, len(s.desk.clients), s.desk.kept.len()
	return st
}

// Shutdown takes no more requests: further ones go to other servers of the subject. It
// waits for the calls that were accepted. When ctx ends it cancels those that are left,
// whose callers get [async.ErrScopeClosed], and returns an error that is ctx's when these were
// told, or five seconds later where NATS takes nothing. The Scope remains the user's, and open.
// When Shutdown has returned no goroutine of the server is left, but for functions that do not
// heed their context. A second Shutdown waits for the first, and returns the same.
func (s *Server) Shutdown(ctx context.Context) error {
	s.shutdown.Do(func() { s.downErr = s.stop(ctx) })
	return s.downErr
}

func (s *Server) stop(ctx context.Context) error {
	s.drain(ctx)
	s.mu.Lock()
	s.late, s.closing = true, true
	s.restLocked()
	s.mu.Unlock()
	err := s.empty.Wait(ctx)
	if err != nil {
		left := s.cancelAll(async.ErrScopeClosed)
		err = fmt.Errorf("asyncnats: %d calls were canceled by the shutdown: %w", left, err)
		s.awaitSent()
	}
	s.hearNothing()
	close(s.quit)
	s.ended.Wait()
	s.nc.RemoveStatusListener(s.status)
	_ = s.nc.FlushTimeout(flushTime) // the last replies are on their way, or the connection is down
	if s.own != nil {
		err = errors.Join(err, s.own.Shutdown(ctx))
	}
	return err
}

// awaitSent waits until callers were told that their calls were canceled, which another goroutine
// does: the user may close the connection after a shutdown.
func (s *Server) awaitSent() {
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	_ = s.empty.Wait(ctx) // NATS may take nothing more
}

// flushTime is how long a shutdown waits for the last replies to be on their way, and, when its context
// has ended, for the last requests.
const flushTime = time.Second

// drain stops the service, and waits until the requests that it was sent have been looked at. When
// ctx ends, those that are left are refused, which takes no time unless NATS does.
func (s *Server) drain(ctx context.Context) {
	if s.service == nil {
		return
	}
	if err := s.service.Stop(); err != nil {
		return // the connection is closed
	}
	limit, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		s.refuseAll()
		time.AfterFunc(flushTime, cancel)
	})()
	if !s.nc.IsConnected() || s.nc.FlushWithContext(limit) != nil {
		return
	}
	var seen async.Event
	if err := s.nc.Barrier(func() { seen.Set() }); err == nil {
		_ = seen.Wait(limit) // another subscription of the connection may be slow
	}
}

// refuseAll has requests be refused from now on.
func (s *Server) refuseAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.late = true
}

// drainTime is how long a shutdown waits for requests that are on their way, and for replies to
// calls that it has canceled.
const drainTime = 5 * time.Second

// now is the time on the server's clock.
func (s *Server) now() time.Duration { return time.Since(s.start) }
