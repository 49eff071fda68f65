package parked_test

import (
	"strings"
	"testing"

	"github.com/seed4712c49f/async/internal/parked"
)

// A slot that is free when it is asked for, or not.
type slot struct {
	free         bool
	lent, back   int
	whileWaiting func()
}

func (s *slot) Lend() { s.lent++ }
func (s *slot) TryRegain() bool {
	if s.free {
		s.back++
	}
	return s.free
}
func (s *slot) Regain() { s.whileWaiting(); s.back++ }

// A wait is in its list from Lend to Regain, with another generation each time (P1, P2).
func TestWait(t *testing.T) {
	l := parked.List{Slot: parked.Free{}}
	end := make(chan struct{})
	one := l.New(&parked.For{Kind: "one"}, end)
	if len(l.Looks()) != 0 {
		t.Error("a wait that has not begun is listed")
	}
	one.Lend()
	two := l.New(&parked.For{Kind: "two"}, nil)
	two.Lend()
	looks := l.Looks()
	if len(looks) != 2 || looks[0].For.Kind != "one" || looks[0].End != end || looks[1].For.Kind != "two" || looks[0].Own {
		t.Fatalf("looks are %+v", looks)
	}
	if !strings.Contains(looks[0].Line(), "/testing.go:") { // the first that is not below package async
		t.Errorf("on line %q", looks[0].Line())
	}
	if again := l.Looks(); again[0] != looks[0] {
		t.Error("two looks at one wait differ")
	}
	one.Regain()
	if looks := l.Looks(); len(looks) != 1 || looks[0].Wait != two {
		t.Errorf("looks are %+v", looks)
	}
	one.Lend()
	if again := l.Looks(); len(again) != 2 || again[1].Generation == looks[0].Generation || again[1].IsSame(looks[0]) {
		t.Error("a second wait has the generation of the first")
	}
	if !two.TryRegain() || !one.TryRegain() || len(l.Looks()) != 0 {
		t.Error("not crossed out")
	}
}

// A wait that is over and has to wait for the slot says so, with another generation (P2).
func TestWait_Slot(t *testing.T) {
	s := &slot{}
	l := parked.List{Slot: s}
	w := l.New(&parked.For{Kind: "it"}, nil)
	w.Lend()
	before := l.Looks()[0]
	if w.TryRegain() || len(l.Looks()) != 1 {
		t.Error("without a slot, it is crossed out")
	}
	s.whileWaiting = func() {
		now := l.Looks()
		if len(now) != 1 || now[0].For.Kind != parked.KindSlot || now[0].Generation == before.Generation {
			t.Errorf("while it waits for its slot: %+v", now)
		}
	}
	w.Regain()
	s.free = true
	w.Lend()
	w.Regain()
	if s.lent != 2 || s.back != 2 || len(l.Looks()) != 0 {
		t.Errorf("lent %d times, back %d times, %d listed", s.lent, s.back, len(l.Looks()))
	}
}
