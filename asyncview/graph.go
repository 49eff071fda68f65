package asyncview

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// This file draws who waits for whom: it gives each call a place, in layers. A call stands
// before those that it waits for, so that nearly all arrows point the same way, and one that
// points back closes a cycle. Calls that are alike, which have one name, wait for the same,
// and are waited for by nobody, are one box.

// Bounds of a drawing.
const (
	mostDrawn   = 200 // boxes
	boxWidth    = 190
	boxHeight   = 46
	gapAcross   = 18 // between the boxes of a layer
	gapAlong    = 64 // between layers, where the arrows are
	drawnMargin = 34
	besides     = 9    // how far apart two arrows between the same boxes are
	mostLabel   = 24   // runes of a name
	mostWidth   = 1150 // of parts that stand beside each other
	sweeps      = 8
)

// A drawing is a wait-for graph with a place for everything. Lengths are in pixels.
type drawing struct {
	Width, Height int
	Boxes         []*box
	Arrows        []arrow
	Calls         int // that are drawn
	Idle          int // in flight that neither wait nor are waited for
	Left          int // that are left out, because there are too many
	Cycles        int
}

// A box is a call, several that are alike, or something else that calls wait for.
type box struct {
	Ref     Ref
	Label   string // short
	Title   string // in full
	Sub     string // what it does, or waits for besides
	Count   int    // how many calls it is
	InCycle bool
	IsCall  bool
	X, Y    int

	out, in []*box
	layer   int
	at      float64 // in the layer: boxes are 1 apart at least
	want    float64 // where the box would be if there were room
	state   int     // of the search for cycles
}

// An arrow is a wait.
type arrow struct {
	Path    string // as in the d of an SVG path
	InCycle bool
	Title   string
}

// draw makes a drawing of the waits of a report, or returns nil where there is nothing to
// draw, or too much.
func draw(r *Report) *drawing {
	if r.WaitsOmitted || len(r.Waits) == 0 {
		return nil
	}
	d := &drawing{Cycles: len(r.Cycles)}
	g := newGraph(r)
	g.fold()
	d.Calls = g.calls()
	switch {
	case len(g.boxes) > mostDrawn && d.Cycles == 0:
		return nil
	case len(g.boxes) > mostDrawn:
		all := d.Calls
		g.nearCycles()
		d.Calls = g.calls()
		d.Left = all - d.Calls
	}
	inFlight := 0
	for _, s := range r.Scopes {
		inFlight += s.InFlight
	}
	d.Idle = max(inFlight-d.Calls-d.Left, 0)
	var x, y, low int // where the next part stands, and how far down those beside it go
	for _, part := range g.parts() {
		layers := part.layers()
		width, height := size(layers)
		if x > 0 && x+width > mostWidth {
			x, y = 0, low
		}
		d.place(layers, x, y)
		x, low = x+width, max(low, y+height)
	}
	d.Boxes = g.boxes
	return d
}

// A graph is the boxes and who of them waits for whom.
type graph struct {
	boxes []*box
	byKey map[string]*box
}

func newGraph(r *Report) *graph {
	g := &graph{byKey: make(map[string]*box)}
	inCycle := make(map[Ref]bool)
	for _, cycle := range r.Cycles {
		for _, ref := range cycle {
			inCycle[ref] = true
		}
	}
	for _, w := range r.Waits {
		from := g.call(w.From, w.Waits, r.states)
		switch {
		case w.Kind == "slot" || w.Kind == "room" || w.Kind == "scope":
			thing := g.thing(w.Kind, w.Name)
			from.waitsFor(thing)
			if w.To.Call != 0 {
				thing.waitsFor(g.call(w.To, w.Whom, r.states))
			}
		case w.To.Call != 0:
			from.waitsFor(g.call(w.To, w.Whom, r.states))
		default:
			from.Sub = "waits: " + strings.TrimSpace(w.Kind+" "+w.Name)
		}
	}
	for _, b := range g.boxes {
		b.InCycle = b.IsCall && inCycle[b.Ref]
	}
	return g
}

// call returns the box of a call.
func (g *graph) call(ref Ref, name string, states map[Ref]State) *box {
	return g.box(fmt.Sprintf("call %d %d", ref.Scope, ref.Call), func() *box {
		return &box{Ref: ref, IsCall: true, Count: 1, Label: label(name, ref.Call), Title: title(name, ref.Call), Sub: string(states[ref])}
	})
}

// thing returns the box of something that calls share, such as the slots of a scope.
func (g *graph) thing(kind, name string) *box {
	return g.box(kind+" "+name, func() *box {
		full := strings.TrimSpace(kind + " of " + cmp.Or(name, "a scope"))
		return &box{Label: short(full, mostLabel), Title: full}
	})
}

func (g *graph) box(key string, make func() *box) *box {
	b := g.byKey[key]
	if b == nil {
		b = make()
		g.byKey[key] = b
		g.boxes = append(g.boxes, b)
	}
	return b
}

func label(name string, id uint64) string {
	return short(cmp.Or(name, "call"), mostLabel-6) + fmt.Sprintf(" #%d", id)
}

// short returns the first n runes of s.
func short(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

func (b *box) waitsFor(other *box) {
	if !slices.Contains(b.out, other) {
		b.out = append(b.out, other)
		other.in = append(other.in, b)
	}
}

func (g *graph) calls() (n int) {
	for _, b := range g.boxes {
		n += b.Count
	}
	return n
}

// nearCycles leaves the calls of cycles and, as far as there is room, those that wait for
// them.
func (g *graph) nearCycles() {
	keep := make(map[*box]bool)
	var line []*box
	for _, b := range g.boxes {
		if b.InCycle {
			keep[b] = true
			line = append(line, b)
		}
	}
	for i := 0; i < len(line); i++ {
		for _, b := range line[i].in {
			if !keep[b] && len(line) < mostDrawn {
				keep[b] = true
				line = append(line, b)
			}
		}
	}
	g.leave(func(b *box) bool { return keep[b] })
}

// leave takes boxes out of the graph that are not to be kept.
func (g *graph) leave(keep func(b *box) bool) {
	gone := func(b *box) bool { return !keep(b) }
	g.boxes = slices.DeleteFunc(g.boxes, gone)
	for _, b := range g.boxes {
		b.out, b.in = slices.DeleteFunc(b.out, gone), slices.DeleteFunc(b.in, gone)
	}
}

// fold makes one box of calls that are alike.
func (g *graph) fold() {
	first := make(map[string]*box)
	gone := make(map[*box]bool)
	for _, b := range g.boxes {
		if len(b.in) > 0 || !b.IsCall || b.InCycle {
			continue
		}
		name, _, _ := strings.Cut(b.Title, " #")
		key := fmt.Sprintf("%d %q %q %v", b.Ref.Scope, name, b.Sub, b.out)
		f := first[key]
		if f == nil {
			first[key] = b
			continue
		}
		gone[b] = true
		f.Count++
		f.Label = fmt.Sprintf("%s ×%d", short(name, mostLabel-6), f.Count)
		f.Title = fmt.Sprintf("%s ×%d, the first is #%d", name, f.Count, f.Ref.Call)
	}
	g.leave(func(b *box) bool { return !gone[b] })
}

// layers gives each box a layer behind all that wait for it, but for those by which it waits
// for itself, and an order within the layer in which few arrows cross.
func (g *graph) layers() [][]*box {
	var order []*box // each behind all that wait for it, arrows back left out
	back := make(map[[2]*box]bool)
	var visit func(b *box)
	visit = func(b *box) {
		b.state = 1
		for _, to := range b.out {
			switch to.state {
			case 0:
				visit(to)
			case 1:
				back[[2]*box{b, to}] = true
			}
		}
		b.state = 2
		order = append(order, b)
	}
	for _, roots := range []bool{true, false} {
		for _, b := range g.boxes {
			if b.state == 0 && (len(b.in) == 0 || !roots) {
				visit(b)
			}
		}
	}
	slices.Reverse(order)
	var layers [][]*box
	for _, b := range order {
		for len(layers) <= b.layer {
			layers = append(layers, nil)
		}
		b.at = float64(len(layers[b.layer]))
		layers[b.layer] = append(layers[b.layer], b)
		for _, to := range b.out {
			if !back[[2]*box{b, to}] {
				to.layer = max(to.layer, b.layer+1)
			}
		}
	}
	for i := range sweeps {
		for _, layer := range layers {
			arrange(layer, i%2 == 0)
		}
	}
	return layers
}

// arrange orders a layer by where the neighbors of its boxes are, those that wait or those
// that are waited for, and puts each box as near to them as there is room.
func arrange(layer []*box, waiters bool) {
	for _, b := range layer {
		near := b.out
		if waiters {
			near = b.in
		}
		b.want = b.at
		if len(near) == 0 {
			continue
		}
		b.want = 0
		for _, n := range near {
			b.want += n.at / float64(len(near))
		}
	}
	slices.SortStableFunc(layer, func(a, b *box) int { return cmp.Compare(a.want, b.want) })
	off := 0.0 // how far they are from where they want to be
	for i, b := range layer {
		b.at = b.want
		if i > 0 {
			b.at = max(b.at, layer[i-1].at+1)
		}
		off += (b.at - b.want) / float64(len(layer))
	}
	for _, b := range layer {
		b.at -= off
	}
}

// parts returns the parts of the graph between which there is no arrow: those with a
// deadlock first, then the larger ones.
func (g *graph) parts() []*graph {
	var parts []*graph
	done := make(map[*box]bool)
	var collect func(b *box, into *graph)
	collect = func(b *box, into *graph) {
		if done[b] {
			return
		}
		done[b] = true
		into.boxes = append(into.boxes, b)
		for _, other := range slices.Concat(b.out, b.in) {
			collect(other, into)
		}
	}
	for _, b := range g.boxes {
		if !done[b] {
			part := new(graph)
			collect(b, part)
			parts = append(parts, part)
		}
	}
	faultless := func(p *graph) int {
		if slices.ContainsFunc(p.boxes, func(b *box) bool { return b.InCycle }) {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(parts, func(p, q *graph) int {
		return cmp.Or(cmp.Compare(faultless(p), faultless(q)), cmp.Compare(len(q.boxes), len(p.boxes)))
	})
	return parts
}

// across returns where the first box of all layers stands in its layer, and how many there is
// room for up to the last.
func across(layers [][]*box) (first, boxes float64) {
	first, last := math.Inf(1), math.Inf(-1)
	for _, layer := range layers {
		first, last = min(first, layer[0].at), max(last, layer[len(layer)-1].at)
	}
	return first, last - first + 1
}

// isDown reports whether layers stand below each other: where there are many, and more than
// boxes in the largest. Others stand beside each other.
func isDown(layers [][]*box) bool {
	_, boxes := across(layers)
	return float64(len(layers)) > max(boxes, mostWidth/(boxWidth+gapAlong))
}

// size returns how much room the layers take, with a margin on each side.
func size(layers [][]*box) (width, height int) {
	_, boxes := across(layers)
	along := len(layers)
	if isDown(layers) {
		width = int(boxes*(boxWidth+gapAcross)) - gapAcross
		return width + 2*drawnMargin, along*(boxHeight+gapAlong) - gapAlong + 2*drawnMargin
	}
	height = int(boxes*(boxHeight+gapAcross)) - gapAcross
	return along*(boxWidth+gapAlong) - gapAlong + 2*drawnMargin, height + 2*drawnMargin
}

// place gives every box its place, from a corner on, and every arrow its way.
func (d *drawing) place(layers [][]*box, x, y int) {
	down := isDown(layers)
	first, _ := across(layers)
	for i, layer := range layers {
		for _, b := range layer {
			b.X, b.Y = x+drawnMargin+i*(boxWidth+gapAlong), y+drawnMargin+int((b.at-first)*(boxHeight+gapAcross))
			if down {
				b.X, b.Y = x+drawnMargin+int((b.at-first)*(boxWidth+gapAcross)), y+drawnMargin+i*(boxHeight+gapAlong)
			}
		}
	}
	width, height := size(layers)
	d.Width, d.Height = max(d.Width, x+width), max(d.Height, y+height)
	for _, layer := range layers {
		for _, b := range layer {
			for _, to := range b.out {
				d.Arrows = append(d.Arrows, arrow{
					Path: way(b, to, down), InCycle: b.InCycle && to.InCycle,
					Title: b.Title + " waits for " + to.Title,
				})
			}
		}
	}
}

// way returns the way of an arrow: from the far side of a box to the near side of one in a
// later layer. An arrow that points back goes from the near side to the far side, beside the
// one that it answers; over more than one layer, it goes around those between. One to the box
// itself, which is a call that waits for itself, is a bow.
func way(from, to *box, down bool) string {
	// as if layers stood beside each other; x and y are exchanged for the other way
	type point struct{ x, y int }
	along := boxWidth // how long a box is
	if down {
		along = boxHeight
	}
	side := func(b *box, far bool, beside int) point {
		p := point{b.X, b.Y + boxHeight/2 + beside}
		if down {
			p = point{b.Y, b.X + boxWidth/2 + beside}
		}
		if far {
			p.x += along
		}
		return p
	}
	back := to.layer <= from.layer
	a, b := side(from, true, 0), side(to, false, 0)
	if back {
		a, b = side(from, false, besides), side(to, true, besides)
	}
	bend := max(gapAlong/2, (b.x-a.x)/2)
	c, e := point{a.x + bend, a.y}, point{b.x - bend, b.y}
	if back {
		c, e = point{a.x - bend, a.y}, point{b.x + bend, b.y}
	}
	if from.layer > to.layer+1 { // around what stands between
		a, b = side(from, false, boxHeight/2), side(to, false, boxHeight/2)
		if down {
			a, b = side(from, false, boxWidth/2), side(to, false, boxWidth/2)
		}
		a.x, b.x = a.x+along/2, b.x+along/2
		c, e = point{a.x, a.y + gapAcross}, point{b.x, b.y + gapAcross}
	}
	if from == to {
		a, b = side(from, true, -besides), side(from, true, besides)
		c, e = point{a.x + gapAlong/2, a.y - besides}, point{b.x + gapAlong/2, b.y + besides}
	}
	if down {
		for _, p := range []*point{&a, &b, &c, &e} {
			p.x, p.y = p.y, p.x
		}
	}
	return fmt.Sprintf("M%d %dC%d %d %d %d %d %d", a.x, a.y, c.x, c.y, e.x, e.y, b.x, b.y)
}
