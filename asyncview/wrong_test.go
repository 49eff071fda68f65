package asyncview_test

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncview"
)

// This file tests what is said to be wrong, what is known of the last five minutes, and the
// drawing of who waits for whom.

// wrongs returns what is wrong in a report: kinds and severities, the worst first.
func wrongs(r asyncview.Report) string {
	var all []string
	for _, w := range r.Wrong {
		all = append(all, fmt.Sprintf("%s %s", w.Severity, w.Kind))
	}
	return strings.Join(all, ", ")
}

// Two calls of two scopes that wait for each other are the first thing.
func TestV6_Deadlock(t *testing.T) {
	inBubble(t, func(t *testing.T, stop chan struct{}) {
		one := async.NewScope(async.ScopeOptions{Name: "one", Track: true})
		two := async.NewScope(async.ScopeOptions{Name: "two", Track: true, Limit: 1})
		var a, b *async.Call[int]
		ready := make(chan struct{})
		a = async.Go(bg, func(ctx context.Context) (int, error) { <-ready; return b.Await(ctx) }, one, async.Name("order"))
		b = async.Go(bg, func(ctx context.Context) (int, error) { <-ready; return a.Await(ctx) }, two, async.Name("invoice"))
		close(ready)
		defer a.Cancel(nil)
		defer b.Cancel(nil)
		synctest.Wait()
		v := asyncview.Handler(one, two)
		r := report(t, v, "")
		wantEq(t, "cycles", len(r.Cycles), 1)
		wantEq(t, "wrong", wrongs(r), "fault deadlock")
		wantHas(t, r.Wrong[0].Text, "2 calls wait for each other: order #1 → invoice #1 → order #1")
		wantEq(t, "calls", fmt.Sprint(r.Wrong[0].Calls), "[{1 1} {2 1}]")
		for _, c := range r.Calls {
			wantEq(t, "in the cycle", c.InCycle, true)
		}
		page := get(v, "", browser)
		wantHas(t, page, `<strong>1 deadlock</strong>`, `class="arrow cycle"`, `class="box cycle"`, "order #1 waits for invoice #1")
		wantHas(t, get(v, "call?scope=1&call=1", browser), "This call is part of a deadlock.")
		wantHas(t, get(v, "", ""), "fault: 2 calls wait for each other")
		time.Sleep(time.Minute)
		wantEq(t, "each call is named once, while it lasts", wrongs(report(t, v, "")), "fault deadlock")
	})
}

// A function that goes on after it was canceled is a warning after a second, and a fault
// after ten.
func TestV6_NotStopping(t *testing.T) {
	inBubble(t, func(t *testing.T, stop chan struct{}) {
		s := async.NewScope(async.ScopeOptions{Name: "db"})
		v := asyncview.Handler(s)
		for i := range 12 {
			c := async.Go(bg, until(stop), s, async.Name("deaf"))
			synctest.Wait()
			_ = c.Cancel(nil)
			time.Sleep(time.Millisecond)
			_ = i
		}
		time.Sleep(time.Second - 12*time.Millisecond)
		wantEq(t, "at a second", wrongs(report(t, v, "")), "")
		time.Sleep(time.Nanosecond)
		r := report(t, v, "")
		wantEq(t, "after a second", wrongs(r), "warning notStopping")
		wantEq(t, "one", r.Wrong[0].Count, 1)
		wantHas(t, r.Wrong[0].Text, "scope db: deaf #1 was canceled 1s ago, and its function has not returned")
		time.Sleep(9*time.Second - 2)
		r = report(t, v, "")
		wantEq(t, "before ten", wrongs(r), "warning notStopping")
		wantEq(t, "all", r.Wrong[0].Count, 12)
		wantEq(t, "the first ones", fmt.Sprint(r.Wrong[0].Calls), "[{1 1} {1 2} {1 3} {1 4} {1 5}]")
		time.Sleep(time.Nanosecond)
		wantEq(t, "at ten", wrongs(report(t, v, "")), "fault notStopping")
		wantHas(t, get(v, "", browser), "Time to stop: 0 stopped; 12 have not yet")
	})
}

// The oldest pending is noted after a second, with the oldest of other names, and with a
// promise that nobody completes.
func TestV6_Oldest(t *testing.T) {
	inBubble(t, func(t *testing.T, stop chan struct{}) {
		s := async.NewScope(async.ScopeOptions{Name: "db"})
		v := asyncview.Handler(s)
		for i := range 9 {
			begin(s, 3, fmt.Sprint("job ", i), until(stop))
		}
		p, c := async.NewPromise[int](bg, s, async.Name("answer"))
		defer p.Complete(0, nil)
		c.Release()
		time.Sleep(time.Second - 1)
		wantEq(t, "before a second", wrongs(report(t, v, "")), "")
		time.Sleep(time.Nanosecond)
		r := report(t, v, "")
		wantEq(t, "at a second", wrongs(r), "note oldest")
		wantEq(t, "pending", r.Wrong[0].Count, 28)
		wantHas(t, r.Wrong[0].Text, "job 0 #1 for 1s, its function runs", "job 4 #13 for 1s", "answer #28 for 1s, nobody has completed the promise")
		wantEq(t, "each name once", strings.Contains(r.Wrong[0].Text, "#2 "), false)
		time.Sleep(time.Minute - time.Second)
		wantEq(t, "at a minute", wrongs(report(t, v, "")), "warning oldest")
	})
}

// A queue that has grown for a minute is known from the samples; where there are none, from
// the call at its head.
func TestV6_QueueGrowing(t *testing.T) {
	inBubble(t, func(t *testing.T, stop chan struct{}) {
		s := async.NewScope(async.ScopeOptions{Name: "db", Limit: 1})
		v := asyncview.Handler(s)
		quick := func(ctx context.Context) (int, error) { return 0, async.Sleep(ctx, 0) }
		slow := func(context.Context) (int, error) { time.Sleep(time.Second); return 0, nil }
		begin(s, 1, "slow", slow)
		for i := range 61 {
			begin(s, 2, "slow", slow)
			time.Sleep(time.Second)
			grown := strings.Contains(wrongs(report(t, v, "")), "warning queueGrowing")
			wantEq(t, fmt.Sprint("after ", i+1), grown, i >= 60)
		}
		r := report(t, v, "")
		for _, w := range r.Wrong {
			if w.Kind == asyncview.QueueGrowing {
				wantHas(t, w.Text, "the queue has grown for 1m", "calls are queued")
			}
		}
		begin(s, 1, "quick", quick)
		s.CancelQueued(nil)
		wantEq(t, "an empty queue", strings.Contains(wrongs(report(t, v, "")), "queueGrowing"), false)

		stuck := async.NewScope(async.ScopeOptions{Name: "stuck", Limit: 1})
		begin(stuck, 4, "stuck", until(stop))
		time.Sleep(time.Minute - 1)
		wantEq(t, "before a minute", strings.Contains(wrongs(report(t, asyncview.Handler(stuck), "")), "queueGrowing"), false)
		time.Sleep(time.Nanosecond)
		r = report(t, asyncview.Handler(stuck), "")
		wantEq(t, "nobody has looked before", wrongs(r), "warning queueGrowing, warning oldest")
		wantHas(t, r.Wrong[0].Text, "the queue does not get shorter, stuck #2 has waited for a slot for 1m0s; 3 calls are queued")
	})
}

// Results that nobody takes are noted, with the line where the scope knows it, and are a
// warning where they have been there for a minute.
func TestV6_Untaken(t *testing.T) {
	inBubble(t, func(t *testing.T, _ chan struct{}) {
		s := async.NewScope(async.ScopeOptions{Name: "db", Track: true})
		v := asyncview.Handler(s)
		var kept async.Calls[int]
		for range 3 {
			kept = append(kept, async.Go(bg, func(context.Context) (int, error) { return 1, nil }, s, async.Name("report")))
		}
		synctest.Wait()
		r := report(t, v, "")
		wantEq(t, "now", wrongs(r), "note untaken")
		wantHas(t, r.Wrong[0].Text, "3 results are there to be taken; an All or a Settle that waits for others may have them: report ×3 begun by github.com/seed4712c49f/async/asyncview_test.TestV6_Untaken", "wrong_test.go:")
		for range 11 {
			time.Sleep(5 * time.Second)
			wantEq(t, "soon", wrongs(report(t, v, "")), "note untaken")
		}
		time.Sleep(5 * time.Second)
		r = report(t, v, "")
		wantEq(t, "after a minute", wrongs(r), "warning untaken")
		wantHas(t, r.Wrong[0].Text, "3 results are there that nobody has taken; there have been 3 or more for 1m0s")
		kept.Release()
		wantEq(t, "released", wrongs(report(t, v, "")), "")
	})
}

// Calls that were refused are a warning for five minutes.
func TestV6_Refused(t *testing.T) {
	inBubble(t, func(t *testing.T, _ chan struct{}) {
		s := async.NewScope(async.ScopeOptions{Name: "db"})
		v := asyncview.Handler(s)
		wantEq(t, "none", wrongs(report(t, v, "")), "")
		s.Close()
		async.Go(bg, func(context.Context) (int, error) { return 1, nil }, s).Release()
		r := report(t, v, "")
		wantEq(t, "now", wrongs(r), "warning refused")
		wantHas(t, r.Wrong[0].Text, "1 call has been refused since the scope was made, 1 of them in the last 0s")
		wantEq(t, "ended", r.Scopes[0].Ended, true)
		for range 70 {
			time.Sleep(5 * time.Second)
			r = report(t, v, "")
		}
		wantEq(t, "later", wrongs(r), "note refused")
		wantEq(t, "by a view that comes later", wrongs(report(t, asyncview.Handler(s), "")), "note refused")
	})
}

// The points of the last five minutes add up to what happened, also where nobody looked.
func TestV6_History(t *testing.T) {
	inBubble(t, func(t *testing.T, _ chan struct{}) {
		s := async.NewScope(async.ScopeOptions{Name: "db", Limit: 1})
		v := asyncview.Handler(s)
		start := time.Now()
		wantEq(t, "nothing yet", len(report(t, v, "").Scopes[0].History), 0)
		work := func(context.Context) (int, error) { time.Sleep(2 * time.Second); return 0, errBoom }
		begin(s, 2, "work", work)
		time.Sleep(5 * time.Second)
		h := report(t, v, "").Scopes[0].History
		wantEq(t, "one point", len(h), 1)
		want := asyncview.Point{Time: start.Add(5 * time.Second).Local(), Span: 5 * time.Second, Begun: 2, Ended: 2, Bad: 2}
		h[0].Time = h[0].Time.Local()
		wantEq(t, "the point", h[0], want)
		begin(s, 4, "work", work)
		time.Sleep(4 * time.Second)
		wantEq(t, "too early for another", len(report(t, v, "").Scopes[0].History), 1)
		time.Sleep(time.Second)
		h = report(t, v, "").Scopes[0].History
		wantEq(t, "pending", h[1].Pending, 2)
		wantEq(t, "queued", h[1].Queued, 1)
		wantEq(t, "latency", h[1].Latency, 2500*time.Millisecond)
		wantEq(t, "wait", h[1].Wait, 5*time.Second/6)
		time.Sleep(time.Hour)
		h = report(t, v, "").Scopes[0].History
		wantEq(t, "a gap", h[len(h)-1].Span, time.Hour)
		wantEq(t, "in the gap", h[len(h)-1].Ended, 2)
		for range 200 {
			begin(s, 1, "work", work)
			time.Sleep(5 * time.Second)
			h = report(t, v, "").Scopes[0].History
			if first := time.Since(h[0].Time); first > 5*time.Minute || len(h) > 62 {
				t.Fatalf("%d points, the first %v ago", len(h), first)
			}
		}
		begun := int64(0)
		for _, p := range h {
			begun += p.Begun
		}
		wantEq(t, "in five minutes", begun, 60)
		page := get(v, "", browser)
		wantHas(t, page, `<polyline points="`, "0.2/s", "Mean time")
	})
}

// The histogram of the time to stop has every class.
func TestV6_TimeToStop(t *testing.T) {
	inBubble(t, func(t *testing.T, _ chan struct{}) {
		s := async.NewScope(async.ScopeOptions{Name: "db"})
		for _, d := range []time.Duration{0, time.Millisecond, time.Second, time.Hour} {
			c := async.Go(bg, func(ctx context.Context) (int, error) { <-ctx.Done(); time.Sleep(d); return 0, nil }, s)
			synctest.Wait()
			_ = c.Cancel(nil)
		}
		time.Sleep(2 * time.Hour)
		v := asyncview.Handler(s)
		classes := report(t, v, "").Scopes[0].StopTimes
		wantEq(t, "classes", len(classes), async.StopClasses)
		sum := int64(0)
		for i, c := range classes {
			sum += c.Count
			wantEq(t, "has a bound", c.Below != 0, i < len(classes)-1)
		}
		wantEq(t, "all of them", sum, 4)
		wantHas(t, get(v, "", browser), "Time to stop: 4 stopped, mean 15m0s, slowest 1h0m", `<th scope="row">10µs</th><td>1</td>`, `<th scope="row">longer</th>`)
	})
}

var (
	boxOf   = regexp.MustCompile(`<g class="box[^"]*" transform="translate\((-?\d+) (-?\d+)\)"><title>([^<]*)</title>`)
	arrowOf = regexp.MustCompile(`<path class="arrow[^"]*" d="([^"]*)"[^>]*><title>([^<]*)</title>`)
)

// A drawing has a box for each call that waits or is waited for, and an arrow for each wait;
// boxes do not touch each other, and all of them are within the drawing.
func TestV6_Drawing(t *testing.T) {
	for _, shape := range []struct {
		name  string
		n     int
		waits func(i int) []int // the calls that call i waits for
	}{
		{"a chain", 199, func(i int) []int { return []int{i + 1} }},
		{"a star", 100, func(int) []int { return []int{100} }},
		{"a tree", 99, func(i int) []int { return []int{2*i + 1, 2*i + 2} }},
		{"a mesh", 60, func(i int) []int { return []int{i + 1, i + 3, i + 7} }},
		{"a circle", 40, func(i int) []int { return []int{(i + 1) % 40} }},
		{"two circles and a tail", 30, func(i int) []int {
			return []int{map[bool]int{true: (i + 1) % 10, false: i + 1}[i < 10], map[bool]int{true: 10, false: i - i%10}[i%10 == 9]}
		}},
	} {
		t.Run(shape.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, stop chan struct{}) {
				s := async.NewScope(async.ScopeOptions{Name: "work", Track: true})
				calls := make([]*async.Call[int], 400)
				ready := make(chan struct{})
				edges := make(map[string]bool)
				name := func(i int) string { return fmt.Sprintf("n%d #%d", i, i+1) }
				for i := range calls {
					var on []int
					if i < shape.n {
						on = shape.waits(i)
					}
					for _, j := range on {
						edges[name(i)+" waits for "+name(j)] = true
					}
					calls[i] = async.Go(bg, func(ctx context.Context) (int, error) {
						<-ready
						var all []async.Waitable
						for _, j := range on {
							all = append(all, calls[j])
						}
						if len(all) == 0 {
							return until(stop)(ctx)
						}
						return 0, async.WaitAll(ctx, all...)
					}, s, async.Name(fmt.Sprint("n", i)))
				}
				close(ready)
				synctest.Wait()
				svg := regexp.MustCompile(`(?s)<svg class="graph" width="(\d+)" height="(\d+)".*</svg>`).FindStringSubmatch(get(asyncview.Handler(s), "", browser))
				if svg == nil {
					t.Fatal("nothing is drawn")
				}
				checkBoxes(t, svg)
				for _, arrow := range arrowOf.FindAllStringSubmatch(svg[0], -1) {
					if !edges[arrow[2]] {
						t.Errorf("an arrow for nothing: %s", arrow[2])
					}
					delete(edges, arrow[2])
				}
				if shape.name != "a star" { // which is one box of many calls, and one arrow
					wantEq(t, "waits without an arrow", len(edges), 0)
				}
				for _, c := range calls {
					_ = c.Cancel(nil)
				}
			})
		})
	}
}

// checkBoxes checks where the boxes of a drawing are.
func checkBoxes(t *testing.T, svg []string) {
	t.Helper()
	width, _ := strconv.Atoi(svg[1])
	height, _ := strconv.Atoi(svg[2])
	type place struct{ x, y int }
	var boxes []place
	for _, m := range boxOf.FindAllStringSubmatch(svg[0], -1) {
		x, _ := strconv.Atoi(m[1])
		y, _ := strconv.Atoi(m[2])
		if x < 0 || y < 0 || x+190 > width || y+46 > height {
			t.Errorf("%s is at %d, %d of %d, %d", m[3], x, y, width, height)
		}
		for _, b := range boxes {
			if max(x-b.x, b.x-x) < 190 && max(y-b.y, b.y-y) < 46 {
				t.Errorf("%s at %d, %d covers one at %v", m[3], x, y, b)
			}
		}
		boxes = append(boxes, place{x, y})
	}
	if len(boxes) < 2 || len(boxes) > 201 {
		t.Errorf("%d boxes", len(boxes))
	}
}

// Where there is too much to draw, the page says so; a deadlock is drawn all the same, with
// those that are near it.
func TestV6_TooMuchToDraw(t *testing.T) {
	inBubble(t, func(t *testing.T, stop chan struct{}) {
		s := async.NewScope(async.ScopeOptions{Name: "work", Track: true})
		target := async.Go(bg, until(stop), s, async.Name("target"))
		defer target.Release()
		for i := range 300 {
			begin(s, 1, fmt.Sprint("waiter ", i), func(ctx context.Context) (int, error) { return target.Await(ctx) })
		}
		synctest.Wait()
		v := asyncview.Handler(s)
		page := get(v, "", browser)
		wantHas(t, page, "300 waits are too many to be drawn, and none of them is part of a deadlock.")
		var a, b *async.Call[int]
		ready := make(chan struct{})
		a = async.Go(bg, func(ctx context.Context) (int, error) { <-ready; return b.Await(ctx) }, s, async.Name("a"))
		b = async.Go(bg, func(ctx context.Context) (int, error) { <-ready; return a.Await(ctx) }, s, async.Name("b"))
		close(ready)
		defer a.Cancel(nil)
		defer b.Cancel(nil)
		begin(s, 1, "near", func(ctx context.Context) (int, error) { return b.Await(ctx) })
		synctest.Wait()
		page = get(v, "", browser)
		wantHas(t, page, "1 deadlock", "301 calls are left out", "near #304 waits for b #303")
		begin(s, 2000, "idle", until(stop))
		synctest.Wait()
		wantHas(t, get(v, "", browser), "There are too many calls to look at their waits.")
		wantEq(t, "the report says so", report(t, v, "").WaitsOmitted, true)
	})
}
