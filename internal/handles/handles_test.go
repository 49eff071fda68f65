package handles_test

import (
	"slices"
	"testing"

	"github.com/seed4712c49f/async/internal/handles"
)

// Each handle is listed from Add to Remove, whichever goes first.
func TestHandles(t *testing.T) {
	var h handles.Handles
	clones := func() (n []bool) {
		for _, o := range h.All() {
			n = append(n, o.Clone)
		}
		slices.SortFunc(n, func(a, b bool) int { return map[bool]int{false: 0, true: 1}[a] - map[bool]int{false: 0, true: 1}[b] })
		return n
	}
	want := func(what string, want ...bool) {
		t.Helper()
		if got := clones(); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", what, got, want)
		}
	}
	want("none")
	h.Add("one", handles.Origin{})
	h.Add("two", handles.Origin{Clone: true})
	h.Add("three", handles.Origin{Clone: true})
	want("three", false, true, true)
	h.Took("one")
	h.Took("three")
	h.Took("nobody")
	taken := 0
	for _, o := range h.All() {
		if o.Taken {
			taken++
		}
	}
	if taken != 2 {
		t.Errorf("%d taken", taken)
	}
	h.Remove("one")
	want("without the first", true, true)
	h.Add("four", handles.Origin{})
	want("another first", false, true, true)
	for _, key := range []string{"two", "three", "four", "four", "nobody"} {
		h.Remove(key)
	}
	want("none again")
}

// One handle costs no map.
func TestHandles_One(t *testing.T) {
	var h handles.Handles
	if n := testing.AllocsPerRun(100, func() {
		h.Add(&h, handles.Origin{})
		h.Took(&h)
		h.Remove(&h)
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
