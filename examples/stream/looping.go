package main

import (
	"bytes"
	"context"
	"net"
	"slices"
	"sync"

	"github.com/seed4712c49f/async"
)

// A looping server serves asynchronously: one loop reads the connection and
// completes the Reads that wait, first come, first served. No Read has a
// goroutine.
//
// It is not a SimpleStream. All it implements is [async.CallFactory], by way of
// the generated factory that it embeds, with call objects of its own.
type looping struct {
	SimpleStreamFactory

	conn net.Conn
	loop *async.Call[struct{}]

	mu      sync.Mutex
	arrived []byte  // and not handed out; nothing bounds it here
	err     error   // why nothing more will arrive
	reads   []*read // that wait, in order
}

// A read is the server's end of a call of Read.
type read struct {
	promise *async.Promise[[]byte]
	size    int
}

func newLooping(conn net.Conn) *looping {
	s := &looping{conn: conn}
	s.SimpleStreamFactory = func() (AsyncSimpleStream, error) { return &object{server: s}, nil }
	s.loop = async.Go(context.Background(), s.receive)
	return s
}

// receive is the loop. It ends when the connection does.
func (s *looping) receive(context.Context) (struct{}, error) {
	buf := make([]byte, 4096)
	for {
		n, err := s.conn.Read(buf)
		s.mu.Lock()
		s.arrived = append(s.arrived, buf[:n]...)
		s.err = err
		s.serveLocked()
		s.mu.Unlock()
		if err != nil {
			return struct{}{}, err
		}
	}
}

// serveLocked completes the reads that have something to be completed with. It
// does so under the lock, for the sake of the order of the bytes: these calls
// have no OnSignal, and Complete calls Discard on a goroutine of its own, so no
// code of anybody's runs here.
func (s *looping) serveLocked() {
	for len(s.reads) > 0 && (len(s.arrived) > 0 || s.err != nil) {
		r := s.reads[0]
		s.reads = slices.Delete(s.reads, 0, 1)
		n := min(r.size, len(s.arrived))
		err := s.err
		if len(s.arrived) > 0 {
			err = nil
		}
		if r.promise.Complete(bytes.Clone(s.arrived[:n]), err) {
			s.arrived = s.arrived[n:]
		} // else the call was canceled, and the bytes are still the server's
	}
}

// wait has r wait for its turn.
func (s *looping) wait(r *read) {
	context.AfterFunc(r.promise.Context(), func() { s.forget(r) })
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads = append(s.reads, r)
	s.serveLocked()
}

// forget takes out a read that is canceled. Where the client asked, by
// CancelWait, the call is still pending, and this is the answer.
func (s *looping) forget(r *read) {
	s.mu.Lock()
	s.reads = slices.DeleteFunc(s.reads, func(x *read) bool { return x == r })
	s.mu.Unlock()
	r.promise.Complete(nil, context.Cause(r.promise.Context()))
}

// takeBack is Discard: it puts bytes that were read for nobody where they came
// from, for the next Read. That may have come first and have got what arrived
// after them: who cares for the order finishes his Reads, or cancels them.
func (s *looping) takeBack(data []byte, err error) {
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.arrived = append(data, s.arrived...)
	s.serveLocked()
}

// An object is a call object of a looping server. The Call in it is the call;
// Wait, Done, Cancel, Release and so on are the Call's own.
type object struct {
	async.Call[[]byte]
	server *looping

	mu     sync.Mutex // before server.mu
	method string     // that was begun last
	p      []byte     // the client's, of a Read
}

func (o *object) BeginRead(ctx context.Context, p []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	promise, err := o.BeginPromise(ctx, async.Discard(o.server.takeBack))
	if err != nil {
		return err
	}
	o.method, o.p = "Read", p
	o.server.wait(&read{promise, len(p)})
	return nil
}

// FinishRead is where the client's p is written to, and not before: the p of a
// call that was canceled or abandoned is left alone.
func (o *object) FinishRead() (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	data, err := o.finishLocked("Read")
	return copy(o.p, data), err
}

func (o *object) BeginClose() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	err := o.Begin(context.Background(), func(context.Context) ([]byte, error) {
		return nil, o.server.conn.Close()
	})
	if err == nil {
		o.method = "Close"
	}
	return err
}

func (o *object) FinishClose() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, err := o.finishLocked("Close")
	return err
}

// finishLocked takes the result where the call is one of method.
func (o *object) finishLocked(method string) ([]byte, error) {
	if o.method != method && o.WaitFor(0) != async.ErrReleased {
		return nil, async.ErrCallComplete
	}
	return o.Finish()
}
