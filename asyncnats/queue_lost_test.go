package asyncnats_test

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats"
)

// What workers do with requests that the server has lost, and whose numbers it gives to others.

// A server that keeps the requests in memory is restarted while a function runs: a request that
// comes then has the number of the one that is lost. It is run, by the same worker, and is not
// removed by what becomes of the lost one.
func TestFault_NumbersGivenAnew(t *testing.T) {
	t.Parallel()
	for _, opts := range [][]async.Option{nil, {asyncnats.Key("k")}} {
		d := newDepot(t)
		o := asyncnats.QueueOptions{Memory: true}
		g := newGate()
		defer g.open.Set()
		w := work(t, d.open(o), g.double, asyncnats.WorkOptions{AckWait: time.Second})
		submitAndLeave(t, d.open(o), 1, opts...)
		g.next(t)
		d.restart()
		call, _ := submit[int](t, d.open(o), 2, opts...)
		g.next(t)
		if n := w.Stats().Held; n != 2 {
			t.Errorf("the worker has %d requests", n)
		}
		g.open.Set()
		wantValue(t, call, 4)
	}
}

// The server loses the last requests and no record that the client has seen: calls that wait for
// those that are lost end, and others go on.
func TestFault_LostRequests(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	q := d.open(asyncnats.QueueOptions{})
	w := work(t, d.open(asyncnats.QueueOptions{}), double, asyncnats.WorkOptions{})
	before, _ := submit[int](t, q, 1)
	wantValue(t, before, 2)
	if err := w.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	kept, _ := submit[int](t, q, 2)
	d.stop()
	backup := t.TempDir()
	if err := os.CopyFS(backup, os.DirFS(d.o.StoreDir)); err != nil {
		t.Fatal(err)
	}
	d.start()
	var lost async.Calls[int]
	for _, opts := range [][]async.Option{nil, {asyncnats.Key("k")}, {asyncnats.ID("a")}} {
		call, _ := submit[int](t, q, 3, opts...)
		lost = append(lost, call)
	}
	lost = append(lost, asyncnats.Attach[int](t.Context(), d.open(asyncnats.QueueOptions{}), "a"))
	d.stop()
	if err := errors.Join(os.RemoveAll(d.o.StoreDir), os.CopyFS(d.o.StoreDir, os.DirFS(backup))); err != nil {
		t.Fatal(err)
	}
	d.start()
	for _, call := range lost {
		wantError(t, call, asyncnats.ErrUnknownCall)
	}
	work(t, d.open(asyncnats.QueueOptions{}), double, asyncnats.WorkOptions{})
	wantValue(t, kept, 4)
}
