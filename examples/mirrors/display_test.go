package main

import (
	"bytes"
	"context"
	"errors"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed4712c49f/async/examples/internal/console"
)

func newTestBoard() (*board, *bytes.Buffer) {
	out := new(bytes.Buffer)
	b := newBoard(console.New(out), []*url.URL{{Scheme: "http", Host: "a"}, {Scheme: "http", Host: "bb"}})
	return b, out
}

func TestBoard_plain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, out := newTestBoard()
		defer b.animate()()
		b.asked(0)
		b.asked(1)
		time.Sleep(time.Second)
		b.won(0, -1)
		b.rest(stateLost, errLost)
		b.late(1)
		time.Sleep(time.Second)
		_, _ = b.Write(make([]byte, 1<<11))
		b.finished(0)
		b.timeline()
		want := `
Seconds since the start:
  0.000s  pending    http://a
  0.000s  pending    http://bb
  1.000s  won        http://a   reading a file of unknown size
  1.000s  lost       http://bb  another mirror was first
  1.000s  lost       http://bb  its answer came too late and was closed
  2.000s  won        http://a   2.0 KiB, 2.0 KiB/s

Timeline, in seconds since the start (. waiting for an answer, = reading the file, x over)
  http://a   won        |............============|  asked 0.000  answered 1.000  over 2.000
  http://bb  lost       |............x           |  asked 0.000                  over 1.000  its answer came too late and was closed
`
		if got := "\n" + out.String(); got != want {
			t.Errorf("got:%s\nwant:%s", got, want)
		}
	})
}

// What fails because the context has ended is canceled; one line it is, always.
func TestBoard_failed(t *testing.T) {
	b, _ := newTestBoard()
	over := errors.New("over")
	ctx, cancel := context.WithCancelCause(t.Context())
	b.failed(ctx, 0, errors.New("two\nlines"))
	cancel(over)
	b.failed(ctx, 1, over)
	var out bytes.Buffer
	b.outcomes(&out)
	if want := "  http://a   failed: two; lines\n  http://bb  canceled: over\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
	b.failed(ctx, 1, errors.New("of its own"))
	if b.rows[1].state != stateFailed {
		t.Errorf("an error of its own is %s", b.rows[1].state)
	}
}
