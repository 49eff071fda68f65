package scope_test

import (
	"testing"

	"github.com/seed4712c49f/async/internal/scope"
)

// The line of those that wait for room, without jobs: only what Reserve and Free do moves
// it.

func isReady(w *scope.Waiter) bool {
	select {
	case <-w.Ready():
		return true
	default:
		return false
	}
}

func lineOf(t *testing.T, places, waiters int) (h *scope.Hub, ws []*scope.Waiter) {
	t.Helper()
	h = new(scope.Hub)
	h.Init(scope.Options{Limit: 1, Queue: places - 1})
	for range places {
		if room, w := h.Reserve(); !room || w != nil {
			t.Fatal("no place in an idle hub")
		}
	}
	for range waiters {
		room, w := h.Reserve()
		if room || w == nil || isReady(w) {
			t.Fatal("a place in a full hub")
		}
		ws = append(ws, w)
	}
	return h, ws
}

// A place that is given back goes to the first in the line, at once (T4).
func TestC9_APlaceGivenBackIsHandedOn(t *testing.T) {
	h, ws := lineOf(t, 3, 5)
	if ws[1].Leave() {
		t.Error("one that has left has a place")
	}
	for _, i := range []int{0, 2, 3, 4} {
		if isReady(ws[i]) {
			t.Errorf("waiter %d has a place before its turn", i)
		}
		h.Free()
		if !isReady(ws[i]) || !ws[i].Leave() {
			t.Errorf("waiter %d has no place", i)
		}
	}
	if isReady(ws[1]) {
		t.Error("one that has left has a place after all")
	}
	for range 3 {
		h.Free()
	}
	for range 3 {
		if room, _ := h.Reserve(); !room {
			t.Error("a place was lost")
		}
	}
	if room, _ := h.Reserve(); room {
		t.Error("there is a place too many")
	}
}

// A hub that closes wakes all, and hands on nothing.
func TestC9_AClosedHubHandsOnNothing(t *testing.T) {
	h, ws := lineOf(t, 1, 3)
	h.Close()
	h.Close()
	h.Free()
	for i, w := range ws {
		select {
		case <-w.Closed():
		default:
			t.Errorf("waiter %d is not told", i)
		}
		if w.Leave() {
			t.Errorf("waiter %d has a place", i)
		}
	}
	if room, w := h.Reserve(); room || w != nil {
		t.Error("a closed hub has a line")
	}
}
