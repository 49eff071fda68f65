package main

import (
	"context"
	"errors"
	"net"
	"os"
	"time"
)

// A blocking server serves synchronously: its Read blocks until the connection
// has something. It has no call objects, and does nothing to be called
// asynchronously but to listen to its context.
type blocking struct {
	conn net.Conn
	turn chan struct{} // holds one while a Read has the connection, and its deadline
}

func newBlocking(conn net.Conn) *blocking {
	return &blocking{conn: conn, turn: make(chan struct{}, 1)}
}

// Read is over when ctx is: what interrupts a connection is a deadline that has
// passed. What it has read before that it returns all the same.
func (s *blocking) Read(ctx context.Context, p []byte) (int, error) {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
	interrupted := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = s.conn.SetReadDeadline(time.Now())
		close(interrupted)
	})
	n, err := s.conn.Read(p)
	if !stop() {
		<-interrupted
		_ = s.conn.SetReadDeadline(time.Time{}) // for the next Read
		if errors.Is(err, os.ErrDeadlineExceeded) {
			err = context.Cause(ctx)
		}
	}
	return n, err
}

func (s *blocking) Close() error { return s.conn.Close() }
