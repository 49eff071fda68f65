package main

import (
	"bytes"
	"context"
	"errors"
	"net/url"
	"testing"
	"testing/synctest"
	"time"
)

func newTestBoard(live bool) (*board, *bytes.Buffer) {
	out := new(bytes.Buffer)
	b := newBoard(out, []*url.URL{{Scheme: "http", Host: "a"}, {Scheme: "http", Host: "bb"}})
	b.live = live
	return b, out
}

func TestBoard_plain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, out := newTestBoard(false)
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
  0.000s  pending    http://a
  0.000s  pending    http://bb
  1.000s  won        http://a   reading a file of unknown size
  1.000s  lost       http://bb  another mirror was first
  1.000s  lost       http://bb  its answer came too late and was closed
  2.000s  won        http://a   2.0 KiB, 2.0 KiB/s

Timeline (. waiting for an answer, = reading the file, x over)     asked  answered      over
  http://a   won        |............============|    0.000s    1.000s    2.000s
  http://bb  lost       |............x           |    0.000s              1.000s  its answer came too late and was closed
`
		if got := "\n" + out.String(); got != want {
			t.Errorf("got:%s\nwant:%s", got, want)
		}
	})
}

// What fails because the context has ended is canceled; one line it is, always.
func TestBoard_failed(t *testing.T) {
	b, _ := newTestBoard(false)
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
