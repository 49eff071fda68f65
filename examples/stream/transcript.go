package main

import (
	"fmt"
	"io"
)

// A transcript is what clients were told, line by line. Its lines are about side,
// or about either where that is empty.
type transcript struct {
	*record
	side string
}

type record struct {
	lines []line
	err   error // the first that kept the program itself from going on
}

type line struct{ side, what, said string }

func newTranscript() transcript { return transcript{record: new(record)} }

// on returns the same transcript for lines about s.
func (t transcript) on(s *side) transcript { return transcript{t.record, s.name} }

// say notes what an act was answered with.
func (t transcript) say(what, said string) {
	t.lines = append(t.lines, line{t.side, what, said})
}

// check notes the program's own failure.
func (t transcript) check(err error) {
	if t.err == nil {
		t.err = err
	}
}

// said is how an error reads.
func said(err error) string {
	if err == nil {
		return "ok"
	}
	return err.Error()
}

// A buffer is the p of a Read. Each call has its own: a blocking server may still
// be writing to it after the call was canceled or abandoned.
type buffer []byte

func newBuffer() buffer { return make(buffer, 80) }

// got is how the result of a Read into b reads.
func (b buffer) got(n int, err error) string {
	switch {
	case err == nil:
		return fmt.Sprintf("%q", b[:n])
	case n == 0:
		return err.Error()
	}
	return fmt.Sprintf("%q, %v", b[:n], err)
}

// merge returns the lines of two clients, each of a side of its own, in one: once
// where they were told the same, and else with whose line is whose.
func merge(a, b *record, sideA, sideB *side) []line {
	var all []line
	restA, restB := a.lines, b.lines
	for len(restA) > 0 || len(restB) > 0 {
		switch {
		case len(restA) > 0 && len(restB) > 0 && restA[0] == restB[0]:
			all = append(all, restA[0])
			restA, restB = restA[1:], restB[1:]
		case len(restA) > 0 && (restA[0].side != "" || len(restB) == 0 || restB[0].side == ""):
			all = append(all, restA[0].about(sideA))
			restA = restA[1:]
		default:
			all = append(all, restB[0].about(sideB))
			restB = restB[1:]
		}
	}
	return all
}

func (l line) about(s *side) line {
	l.side = s.name
	return l
}

func (l line) print(w io.Writer) {
	fmt.Fprintf(w, "   %-8s  %-32s  %s\n", l.side, l.what, l.said)
}
