// Aims: what the project wants to reach, from aims.txt, and how near figures come.

package main

import (
	"cmp"
	_ "embed"
	"encoding/csv"
	"math"
	"slices"
	"strconv"
	"strings"
)

//go:embed aims.txt
var aimsText string

// fields takes a table of text apart.
func fields(text string) [][]string {
	r := csv.NewReader(strings.NewReader(text))
	r.Comma, r.Comment, r.TrimLeadingSpace = ';', '#', true
	rows, err := r.ReadAll()
	if err != nil {
		panic(err)
	}
	return rows
}

// number is the number that a field says, or NaN.
func number(field string) float64 {
	if v, err := strconv.ParseFloat(field, 64); err == nil {
		return v
	}
	return math.NaN()
}

// An aim is a line of aims.txt.
type aim struct {
	at      key
	against string  // the rival that most is a ratio to, or the unit that it is in
	most    float64 // NaN: there is no aim
	floor   key
	first   bool   // it stands in the first table of the page
	words   string // it is in the README
}

func aims() (all []aim) {
	for _, f := range fields(aimsText) {
		k := parseKey(f[0])
		all = append(all, aim{k, f[1], number(f[2]), k.as(f[3]), f[4] != "", f[5]})
	}
	return all
}

// A mark is how near a case came to its aim.
type mark struct {
	aim
	got, before float64 // NaN: there was none
	own         float64 // the floor's figure, measured as got is; NaN: there is no floor
	over        float64 // the case's ratio to the floor
	peer        key
	toPeer      float64 // 0: there is no peer
}

// far is how far a case is off its aim: 1 is at it.
func (m mark) far() float64 { return m.got / m.most }

// marks compares figures with the aims that match, the worst first.
func (p *page) marks(match func(aim) bool, worst func(mark) float64) (all []mark) {
	for _, a := range aims() {
		if m := p.mark(a); match(a) && !math.IsNaN(m.got) {
			all = append(all, m)
		}
	}
	slices.SortStableFunc(all, func(a, b mark) int { return cmp.Compare(worst(b), worst(a)) })
	return all
}

func (p *page) mark(a aim) mark {
	figure := func(f *figures, k key) float64 {
		if strings.Contains(a.against, "=") {
			return f.ratioTo(k, k.as(a.against))
		}
		return f.count(k, a.against)
	}
	m := mark{aim: a, got: figure(p.figures, a.at), before: figure(p.before, a.at), own: figure(p.figures, a.floor)}
	m.over = p.ratioTo(a.at, a.floor)
	if !strings.Contains(a.against, "=") {
		m.over = m.got / m.own
	} else if best, ok := p.best(a.at, isPeer); ok && best.rival != a.against {
		m.peer, m.toPeer = best, p.ratioTo(a.at, best)
	}
	return m
}
