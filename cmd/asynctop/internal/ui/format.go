package ui

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// This file writes times, numbers, bars and sparklines in little room.

// ageWidth is how many cells an age takes at most.
const ageWidth = 6

// age writes a time in at most ageWidth cells: 120µs, 12ms, 4.2s, 59s, 1m02s, 1h02m, 3d04h.
func age(d time.Duration) string {
	switch {
	case d < 0:
		return "0s"
	case d < time.Millisecond:
		return fmt.Sprintf("%dµs", d.Microseconds())
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Truncate(100*time.Millisecond).Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	case d < 100*24*time.Hour:
		return fmt.Sprintf("%dd%02dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
	}
	return fmt.Sprintf("%dd", d/(24*time.Hour))
}

// ago writes how long before now a time was, and nothing for no time.
func ago(now, t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return age(now.Sub(t))
}

// count writes a number with a comma at each thousand.
func count[N int | int64 | uint64](n N) string {
	s := strconv.FormatInt(int64(n), 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// short writes a number in at most five cells: 999, 1,000, 12.3k, 123k, 1.2M.
func short[N int | int64](n N) string {
	switch {
	case n < 10_000:
		return count(n)
	case n < 100_000:
		return fmt.Sprintf("%.1fk", float64(n/100)/10)
	case n < 1_000_000:
		return fmt.Sprintf("%dk", n/1000)
	case n < 1_000_000_000:
		return fmt.Sprintf("%.1fM", float64(n/100_000)/10)
	}
	return fmt.Sprintf("%.1fG", float64(n/100_000_000)/10)
}

// rate writes how often something happens: 0/s, 0.2/s, 12/s, 12.3k/s.
func rate(n int64, in time.Duration) string {
	if in <= 0 {
		return "–"
	}
	r := float64(n) / in.Seconds()
	if r > 0 && r < 9.95 {
		return fmt.Sprintf("%.1f/s", max(r, 0.1))
	}
	return short(int64(r+0.5)) + "/s"
}

// calls writes a number of calls.
func calls[N int | int64](n N) string {
	if n == 1 {
		return "1 call"
	}
	return count(n) + " calls"
}

// gauge draws a bar of a width, filled up to n of limit.
func gauge(n, limit int64, width int) line {
	full := 0
	if limit > 0 {
		full = int(min(max(n, 0), limit) * int64(width) / limit)
		if n > 0 {
			full = max(full, 1)
		}
	}
	return line{{strings.Repeat("█", full), bar}, {strings.Repeat("░", width-full), dim}}
}

// spark draws the last values that fit into a width, the highest of them as a full block.
// Anything above zero is seen.
func spark(values []float64, width int) string {
	values = values[max(0, len(values)-width):]
	top := 0.0
	for _, v := range values {
		top = max(top, v)
	}
	var b strings.Builder
	for _, v := range values {
		switch {
		case v <= 0 || top == 0:
			b.WriteRune('▁')
		default:
			b.WriteRune([]rune("▂▃▄▅▆▇█")[min(6, int(v/top*7))])
		}
	}
	return b.String()
}

// id writes the ID of a call.
func id(n uint64) string { return strconv.FormatUint(n, 10) }
