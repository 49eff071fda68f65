//go:build asyncexplore

package hunt

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// This file says how much a hunt has done: in a line, and by operation and kind of object.

// Summary says in a line how much was done.
func (h *Hunt) Summary() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	took := h.clock.spent()
	return fmt.Sprintf("%d programs, %d schedules, %d steps in %v: %.0f schedules a second; %d ends of the process as they should be; %d kinds x operations; %d failures",
		h.Programs, h.Schedules, h.Steps, took.Round(time.Second), float64(h.Schedules)/took.Seconds(), h.Crashes, len(h.Covered), len(h.Found))
}

// Missed returns the operations of the table that no program has done.
func (h *Hunt) Missed() (missed []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	done := make(map[string]bool)
	for key := range h.Covered {
		name, _, _ := strings.Cut(key, " on ")
		done[name] = true
	}
	for _, name := range sortedNames(NewTable()) {
		if !done[name] {
			missed = append(missed, name)
		}
	}
	return missed
}

// Cover prints which operations were done on which kinds of object.
func (h *Hunt) Cover() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	on := make(map[string][]string)
	for key := range h.Covered {
		name, flavor, _ := strings.Cut(key, " on ")
		on[flavor] = append(on[flavor], name)
	}
	var b strings.Builder
	for _, flavor := range slices.Sorted(maps.Keys(on)) {
		slices.Sort(on[flavor])
		fmt.Fprintf(&b, "%s: %s\n", cmp.Or(flavor, "no object"), strings.Join(on[flavor], " "))
	}
	return b.String()
}
