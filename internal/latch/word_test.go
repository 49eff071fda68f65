package latch_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/seed4712c49f/async/internal/latch"
)

type sinkFunc func(n *latch.Node)

func (f sinkFunc) Fire(n *latch.Node) { f(n) }

func wantEqual(t *testing.T, what string, got, want []int) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// Each kind of reference has its bits, and the owner has 13 below them (R9).
func TestR9_TheWordHasRoom(t *testing.T) {
	const flags = latch.OneWait - 1
	wantEq(t, "bits of the owner", (flags-(latch.FirstBit-1))/latch.FirstBit, uint64(1<<13-1))
	all := flags | latch.MaxCount*latch.OneWait | latch.MaxCount*latch.OneRef
	wantEq(t, "all bits", all, uint64(math.MaxUint64))
	wantEq(t, "references", latch.Refs(all), uint64(2*latch.MaxCount))
	for what, got := range map[string][2]uint64{
		"a handle less": {latch.HandlesOf(all + latch.MinusRef), latch.WaitsOf(all + latch.MinusRef)},
		"a wait less":   {latch.WaitsOf(all + latch.MinusWait), latch.HandlesOf(all + latch.MinusWait)},
	} {
		wantEq(t, what, got, [2]uint64{latch.MaxCount - 1, latch.MaxCount})
	}
}

// A reference beyond a full count panics and changes nothing (R9).
func TestR9_AtTheBoundOfACount(t *testing.T) {
	for _, one := range []uint64{latch.OneWait, latch.OneRef} {
		var l latch.Latch
		l.Word.Store((latch.MaxCount - 1) * one)
		wantEq(t, "below the bound", l.Refer(one), true)
		at := l.Word.Load()
		for what, more := range map[string]func(){
			"Add":   func() { l.Add(one) },
			"Refer": func() { l.Refer(one) },
		} {
			if v := fmt.Sprint(panicOf(more)); !strings.HasPrefix(v, "async: more than 16,777,215 ") {
				t.Errorf("%s panics with %s", what, v)
			}
			wantEq(t, "word", l.Word.Load(), at)
		}
	}
}

// Refer adds a reference where there is one; Add does so always (L7).
func TestL7_ReferOnlyWhereThereIsOne(t *testing.T) {
	var l latch.Latch
	wantEq(t, "Refer to nothing", l.Refer(latch.OneRef), false)
	wantEq(t, "Add", l.Add(latch.OneRef), latch.OneRef)
	wantEq(t, "Refer", l.Refer(latch.OneWait), true)
	l.Word.Add(latch.MinusRef)
	wantEq(t, "Refer to a wait", l.Refer(latch.OneRef), true)
	l.Word.Add(latch.MinusRef)
	wantEq(t, "the last", l.Word.Add(latch.MinusWait), uint64(0))
}

// Refer and the last who gives up agree (L7).
func TestL7_ReferAgainstTheLast(t *testing.T) {
	for round := range rounds {
		var l latch.Latch
		l.Add(latch.OneRef)
		var referred, last bool
		together(
			func() { referred = l.Refer(latch.OneWait) },
			func() { last = latch.Refs(l.Word.Add(latch.MinusRef)) == 0 })
		if !referred && !last || l.Word.Load() != map[bool]uint64{true: latch.OneWait}[referred] {
			t.Fatalf("round %d: referred %v, last %v, %#x", round, referred, last, l.Word.Load())
		}
	}
}

// The waits that number their members by 32 bits refuse more (W2).
func TestW2_AtTheBoundOfMembers(t *testing.T) {
	if math.MaxInt == math.MaxInt32 {
		t.Skip("no slice is longer")
	}
	for name, f := range map[string]func(n int){
		"First":      func(n int) { latch.NewFirst(n) },
		"All":        func(n int) { latch.NewAll(n, 0) },
		"CheckIndex": latch.CheckIndex,
	} {
		f(1)
		n := math.MaxInt32
		if v := fmt.Sprint(panicOf(func() { f(n + 1) })); !strings.HasPrefix(v, "async: wait for 2147483648 members") {
			t.Errorf("%s panics with %s", name, v)
		}
	}
}
