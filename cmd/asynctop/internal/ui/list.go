package ui

import (
	"github.com/seed4712c49f/async/asyncview"
)

// This file has lists: what a section of the screen or a whole page is. Only the items that
// are seen are made, so a list of ten thousand costs what its window costs.

// An item is one entry of a list: a line or more, and what can be done with it.
type item struct {
	lines []line
	open  page          // what Enter goes to; nil for nothing
	ref   asyncview.Ref // what is canceled: a call, or with Call 0 the queue of a scope; zero for nothing
	name  string        // of what is canceled
}

// A list is a number of items, which are made when they are asked for.
type list struct {
	n       int
	key     func(i int) any // names an item from one report to the next
	at      func(i, width int) item
	isPlain bool // each item is one line
}

// listOf returns the list of some items, each of which is one line.
func listOf(items []item) list {
	return list{n: len(items), key: func(i int) any { return i }, at: func(i, _ int) item { return items[i] }, isPlain: true}
}

// A pane is where somebody stands in a list.
type pane struct {
	top, cursor int
	key         any // of the item at the cursor
}

// settle moves the cursor to where its item is now, and into the list.
func (p *pane) settle(l list) {
	if p.key != nil && (p.cursor >= l.n || l.key(p.cursor) != p.key) {
		for i := range l.n {
			if l.key(i) == p.key {
				p.top += i - p.cursor // the window goes along
				p.cursor = i
				break
			}
		}
	}
	p.move(l, 0)
}

// move moves the cursor by some items, and stays in the list.
func (p *pane) move(l list, by int) {
	p.cursor = max(0, min(p.cursor+by, l.n-1))
	p.key = nil
	if l.n > 0 && p.cursor > 0 { // who stands at the top stays there
		p.key = l.key(p.cursor)
	}
}

// draw returns the lines of the list's window, no more than height, each in exactly a
// width. The first cell of a line marks the item at the cursor, where the list has the
// focus.
func (p *pane) draw(l list, width, height int, focused bool) (lines []line) {
	if l.n == 0 || height <= 0 {
		return nil
	}
	p.scroll(l, width-1, height)
	for i := p.top; i < l.n && len(lines) < height; i++ {
		for n, x := range l.at(i, width-1).lines {
			mark, here := " ", focused && i == p.cursor
			if here && n == 0 {
				mark = ">"
			}
			x = append(text(mark, normal), x...).pad(width)
			if here {
				x = x.all(cursor)
			}
			lines = append(lines, x)
		}
	}
	return lines[:min(height, len(lines))]
}

// scroll sets the top so that the cursor is seen, and so that no room is left while there
// is something above.
func (p *pane) scroll(l list, width, height int) {
	p.cursor = max(0, min(p.cursor, l.n-1))
	p.top = max(0, min(p.top, p.cursor))
	first := p.upFrom(l, p.cursor, width, height)
	last := p.upFrom(l, l.n-1, width, height)
	p.top = min(max(p.top, first), last)
}

// upFrom returns the first item of a window whose last is at an item.
func (p *pane) upFrom(l list, end, width, height int) int {
	if l.isPlain {
		return max(0, min(end+1-height, end))
	}
	first := end
	for used := 0; first >= 0; first-- {
		if used += len(l.at(first, width).lines); used > height {
			break
		}
	}
	return min(first+1, end)
}
