//go:build asyncexplore

package hunt

import "testing"

// A failure is shrunk to what it needs. It is one that is made up, which takes a table
// of its own: where one handle was asked for its Info and then for its channel.
func TestShrink(t *testing.T) {
	h := &Hunter{Table: NewTable(), Without: map[string]bool{"context": true, "timeout": true}}
	asked := make(map[*World]bool)
	info, done := *h.Table["info"], *h.Table["done"]
	info.do = func(e *env, _ *Op) { asked[e.w] = true }
	done.do = func(e *env, _ *Op) {
		if asked[e.w] {
			e.w.failf("made up", "after Info")
		}
	}
	h.Table["info"], h.Table["done"] = &info, &done
	b := newBuilder(h.Table)
	b.op("newContext")
	b.op("newPromise", byContext, onSignal)
	b.op("clone")
	b.op("signal")
	b.p.Threads = [][]*Op{
		{b.some("wait"), b.some("info"), b.some("cancel"), b.some("isDone")},
		{b.some("complete"), b.some("done"), b.some("release")},
		{b.some("signalWait"), b.some("signalRelease")},
	}
	way := Way{Switches: anyNumber, Random: 200, Seed: 1}
	f, _, _ := h.Explore(t, b.p, way)
	if f == nil || f.Oracle != "made up" {
		t.Fatalf("not found: %+v", f)
	}
	f = h.Shrink(t, f, 1<<40)
	if n := f.Program.operations(); n != 3 || f.Oracle != "made up" {
		t.Errorf("shrunk to %d operations, not to the promise, its Info and its Done: %s\n%s", n, f.Oracle, Print(f.Program, h.Table, "Short", "", ""))
	}
}

// A failure is seen again by its schedule.
func TestExplore_Replays(t *testing.T) {
	h := &Hunter{Table: NewTable(), Without: map[string]bool{"context": true}}
	late := *h.Table["isDone"]
	late.do = func(e *env, o *Op) {
		if e.w.call(o.On).c.IsDone() {
			e.w.failf("made up", "complete")
		}
	}
	h.Table["isDone"] = &late
	b := newBuilder(h.Table)
	b.op("newPromise")
	b.p.Threads = [][]*Op{{b.some("isDone")}, {b.some("complete")}}
	f, n, _ := h.Explore(t, b.p, Way{Switches: anyNumber, Random: 200, Seed: 1})
	if f == nil {
		t.Fatalf("not found in %d schedules", n)
	}
	again, n, _ := h.Explore(t, b.p, Way{Replay: f.Schedule})
	if again == nil || n != 1 || again.Text != f.Text {
		t.Errorf("replayed: %+v", again)
	}
}

// A failure that ends the process is shrunk by the parent. This one is a panic of which
// nobody has said that it may come.
func TestShrink_WhatEndsAChild(t *testing.T) {
	if Child(t) {
		return
	}
	h := &Hunt{Test: "TestShrink_WhatEndsAChild", Task: Task{Shrink: 1 << 40}, Log: t.Logf}
	b := newBuilder(NewTable())
	b.op("newPromise")
	b.op("clone")
	b.op("afterFunc", func(o *Op) { o.Body = []*Op{b.some("throw")} })
	b.p.Threads = [][]*Op{{b.some("complete")}, {b.some("isDone")}}
	way := Way{Switches: anyNumber, Random: 20, Seed: 1}
	f := h.crashOf(t.Context(), b.p, way)
	if f == nil || f.Oracle != "crash" {
		t.Fatalf("the child has not ended as it should not: %+v", f)
	}
	f = h.shrinkCrash(t.Context(), f)
	if n := f.Program.operations(); n > 4 {
		t.Errorf("%d operations are left, of which the promise, its callback and the panic are needed, and what completes it", n)
	}
}
