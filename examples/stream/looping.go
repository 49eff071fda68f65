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
// The server is not a SimpleStream. It implements the generated
// AsyncSimpleStreamServer, which has the promise of each call and completes it. The
// call objects are generated, too; the embedded factory hands them out, which makes
// the server an [async.CallFactory].
type looping struct {
	SimpleStreamFactory

	conn net.Conn
	loop *async.Call[struct{}]

	mu      sync.Mutex
	arrived []byte                     // and not handed out; nothing bounds it here
	err     error                      // why nothing more will arrive
	reads   []*SimpleStreamReadPromise // that wait, in order
}

func newLooping(conn net.Conn) *looping {
	s := &looping{conn: conn}
	s.SimpleStreamFactory = func() (AsyncSimpleStream, error) { return ServeAsyncSimpleStream(s), nil }
	s.loop = async.Go(context.Background(), s.receive)
	return s
}

// ServeRead has the Read wait for its turn.
func (s *looping) ServeRead(r *SimpleStreamReadPromise) {
	context.AfterFunc(r.Context(), func() { s.forget(r) })
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads = append(s.reads, r)
	s.serveLocked()
}

// ServeClose closes the connection, which ends the loop and every Read that waits.
func (s *looping) ServeClose(c *SimpleStreamClosePromise) {
	go func() { c.Complete(s.conn.Close()) }()
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
// have no OnSignal, and what takes bytes back runs on a goroutine of its own, so
// no code of anybody's runs here.
func (s *looping) serveLocked() {
	for len(s.reads) > 0 && (len(s.arrived) > 0 || s.err != nil) {
		r := s.reads[0]
		s.reads = slices.Delete(s.reads, 0, 1)
		if len(s.arrived) == 0 {
			r.Complete(0, s.err)
			continue
		}
		data := bytes.Clone(s.arrived[:min(len(r.P), len(s.arrived))])
		if r.Deliver(func() (int, error) { return copy(r.P, data), nil }, func() { s.takeBack(data) }) {
			s.arrived = s.arrived[len(data):]
		} // else the call was canceled, and the bytes are still the server's
	}
}

// forget takes out a read that is canceled. Where the client asked, by
// CancelWait, the call is still pending, and this is the answer.
func (s *looping) forget(r *SimpleStreamReadPromise) {
	s.mu.Lock()
	s.reads = slices.DeleteFunc(s.reads, func(x *SimpleStreamReadPromise) bool { return x == r })
	s.mu.Unlock()
	r.Complete(0, context.Cause(r.Context()))
}

// takeBack puts bytes that were read for nobody where they came from, for the next
// Read. That may have come first and have got what arrived after them: a client that
// cares for the order finishes its Reads, or cancels them.
func (s *looping) takeBack(data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.arrived = append(data, s.arrived...)
	s.serveLocked()
}
