package ui

import (
	"strings"

	"github.com/seed4712c49f/async/asyncview"
	"github.com/seed4712c49f/async/cmd/asynctop/internal/plain"
)

// This file says in words what a call waits for.

// waitLine says what a function waits for.
func (p *picture) waitLine(w *asyncview.Wait) line {
	waits := "waits for "
	if since := ago(p.report.Time, w.Since); since != "" {
		waits = "waits " + since + " for "
	}
	return text(waits+p.waitText(w), dim)
}

// waitText names what is waited for.
func (p *picture) waitText(w *asyncview.Wait) string {
	kind, name := plain.Line(w.Kind), plain.Name(w.Name)
	whom := ""
	if w.To.Call != 0 {
		whom = p.refText(w.To, w.Whom)
	}
	switch w.Kind {
	case "slot":
		if whom != "" {
			return "a slot of " + name + ", held by " + whom
		}
		return "a slot of " + name
	case "room":
		return "room in the queue of " + name
	case "scope":
		return "the end of scope " + name
	case "set":
		return "a set of " + name
	case "time":
		return "a time"
	case "return":
		return "the return of functions that were canceled"
	case "more":
		return name + " more things"
	}
	if whom != "" {
		return whom
	}
	return strings.TrimSpace(kind + " " + name)
}
