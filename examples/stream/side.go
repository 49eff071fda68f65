package main

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/seed4712c49f/async"
)

// A side is one of the two servers, seen by a client, and the far end of its
// connection, where the program puts in what the stream has.
type side struct {
	name   string
	server any          // what is asked for call objects
	stream SimpleStream // the server, called synchronously
	far    net.Conn

	working async.Event    // set when the server works on a call
	scope   *async.Scope   // of the calls on the blocking server
	late    chan string    // its late results; no step has more than fit in
	loop    async.Waitable // of the looping server
}

// newBlockingSide and newLoopingSide start a server.
func newBlockingSide() (*side, error) {
	near, far, err := connect()
	if err != nil {
		return nil, err
	}
	server := newBlocking(near)
	s := &side{name: "blocking", server: server, stream: server, far: far, late: make(chan string, 8)}
	s.scope = async.NewScope(async.ScopeOptions{
		Observer: async.Observer{Started: func(async.CallInfo) { s.working.Set() }},
	})
	return s, nil
}

func newLoopingSide() (*side, error) {
	near, far, err := connect()
	if err != nil {
		return nil, err
	}
	server := newLooping(near)
	s := &side{name: "looping", server: server, stream: NewSyncSimpleStreamFrom(server), far: far, loop: server.loop}
	s.working.Set()
	return s, nil
}

// create returns a call object: the server's own where it has such, else one that
// calls the synchronous server from a goroutine.
func (s *side) create() (AsyncSimpleStream, error) {
	return async.CreateCallOr(s.server, func() AsyncSimpleStream {
		return NewAsyncSimpleStream(s.stream.(*blocking), s.scope, async.Discard(s.discard))
	})
}

// discard gets the results that nobody takes. In earnest it would close a file or a
// connection that comes with one.
func (s *side) discard(r AsyncSimpleStreamResult, err error) {
	s.late <- fmt.Sprintf("%s: %v bytes, %s", r.Method, r.Value, said(err))
}

// send puts text in at the far end.
func (s *side) send(text string) error {
	_, err := s.far.Write([]byte(text))
	return err
}

// stop closes both ends, and waits until nothing of the server runs.
func (s *side) stop(ctx context.Context) error {
	err := s.far.Close()
	closing := s.stream.Close()
	if errors.Is(closing, net.ErrClosed) {
		closing = nil // a step has closed it
	}
	if s.scope != nil {
		return errors.Join(err, closing, s.scope.Shutdown(ctx))
	}
	return errors.Join(err, closing, async.WaitAll(ctx, s.loop))
}
