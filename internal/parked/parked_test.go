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
	var l parked.List
	end := make(chan struct{})
	one := l.New("one", end, nil)
	if len(l.Looks(nil)) != 0 {
		t.Error("a wait that has not begun is listed")
	}
	one.Lend()
	two := l.New("two", nil, nil)
	two.Lend()
	looks := l.Looks(nil)
	if len(looks) != 2 || looks[0].For != "one" || looks[0].End != end || looks[1].For != "two" || looks[0].Own || looks[0].Regains {
		t.Fatalf("looks are %+v", looks)
	}
	if !strings.Contains(one.Line(), "/testing.go:") { // the first that is not below package async
		t.Errorf("on line %q", one.Line())
	}
	if again := l.Looks(nil); again[0] != looks[0] {
		t.Error("two looks at one wait differ")
	}
	one.Regain()
	if looks := l.Looks(nil); len(looks) != 1 || looks[0].Wait != two {
		t.Errorf("looks are %+v", looks)
	}
	one.Lend()
	if again := l.Looks(nil); len(again) != 2 || again[1].Generation == looks[0].Generation {
		t.Error("a second wait has the generation of the first")
	}
	if !two.TryRegain() || !one.TryRegain() || len(l.Looks(nil)) != 0 {
		t.Error("not crossed out")
	}
}

// A wait that is over and has to wait for the slot says so, with another generation (P2).
func TestWait_Slot(t *testing.T) {
	var l parked.List
	s := &slot{}
	w := l.New("it", nil, s)
	w.Lend()
	before := l.Looks(nil)[0]
	if w.TryRegain() || len(l.Looks(nil)) != 1 {
		t.Error("without a slot, it is crossed out")
	}
	s.whileWaiting = func() {
		now := l.Looks(nil)
		if len(now) != 1 || !now[0].Regains || now[0].Generation == before.Generation {
			t.Errorf("while it waits for its slot: %+v", now)
		}
	}
	w.Regain()
	s.free = true
	w.Lend()
	w.Regain()
	if s.lent != 2 || s.back != 2 || len(l.Looks(nil)) != 0 {
		t.Errorf("lent %d times, back %d times, %d listed", s.lent, s.back, len(l.Looks(nil)))
	}
}
