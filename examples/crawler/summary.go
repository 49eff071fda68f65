package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// brokenShown is how many broken pages are listed.
const brokenShown = 5

// summary says what the crawl has found, and what its scope has counted.
func (c *crawl) summary(out io.Writer) {
	v := c.view()
	fmt.Fprintf(out, "\nIn %s: %s found, %d fetched, %d broken", short(v.elapsed), count(v.found(), "page"), v.fetched(), len(v.broken))
	if n := v.count[stateCanceled]; n > 0 {
		fmt.Fprintf(out, ", %d cut off", n)
	}
	if n := v.count[stateFound]; n > 0 {
		fmt.Fprintf(out, ", %d not begun", n)
	}
	fmt.Fprintf(out, ". %s, %.0f pages fetched a second.\n", formatSize(v.bytes), v.rate())
	listBroken(out, v.broken)
	v.mosts(out, c.limit)
	c.ledger(out)
}

// listBroken lists the first of the broken pages, by name.
func listBroken(out io.Writer, all []broken) {
	all = slices.SortedFunc(slices.Values(all), func(a, b broken) int { return strings.Compare(a.page.name, b.page.name) })
	for i, b := range all {
		if i == brokenShown {
			fmt.Fprintf(out, "  and %d more\n", len(all)-i)
			return
		}
		fmt.Fprintf(out, "  %-14s %v (linked from %s)\n", b.page.name, b.err, b.page.from)
	}
}

// mosts draws how many pages there were at the same time.
func (v view) mosts(out io.Writer, limit int) {
	fetching, waiting := v.most[stateFetching], v.most[stateWaiting]
	const width = 32
	most := max(fetching, waiting, 1)
	bar := func(n int) string {
		return strings.Repeat("=", (width*n+most-1)/most)
	}
	fmt.Fprintf(out, "\nThe most at the same time:\n")
	fmt.Fprintf(out, "  being fetched %5d  %-*s  the limit is %d\n", fetching, width, bar(fetching), limit)
	fmt.Fprintf(out, "  waiting       %5d  %-*s  for their links, their slots lent to others\n", waiting, width, bar(waiting))
	if v.depth > 0 {
		fmt.Fprintf(out, "  in one chain  %5d  pages, each waiting for the next\n", v.depth)
	}
}

// ledger prints what the scope has counted: what became of every call, and how
// long the canceled ones took to stop.
func (c *crawl) ledger(out io.Writer) {
	s := c.scope.Stats()
	fmt.Fprintf(out, "\nThe ledger of the scope:\n")
	fmt.Fprintf(out, "  calls      %d begun = %d returned + %d failed + %d canceled + %d pending\n",
		s.Begun, s.Returned, s.Failed, s.Canceled, s.Pending)
	fmt.Fprintf(out, "  results    %d taken, %d discarded, %d left\n", s.Taken, s.Discarded, s.Untaken)
	fmt.Fprintf(out, "  functions  %d running", s.Running)
	if s.Stopped > 0 {
		fmt.Fprintf(out, ", %d stopped after their calls were canceled: within %s on average, %s at most",
			s.Stopped, short(s.StopTotal/time.Duration(s.Stopped)), short(s.StopMax))
	}
	fmt.Fprintln(out)
}

// count writes a number of things.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// short writes a time in few digits.
func short(d time.Duration) string {
	switch {
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d >= time.Millisecond:
		return d.Round(time.Millisecond).String()
	}
	return d.Round(time.Microsecond).String()
}

// formatSize writes a number of bytes.
func formatSize(n int64) string {
	switch {
	case n < 1<<10:
		return count(int(n), "byte")
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}
