package dump_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed4712c49f/async/internal/dump"
)

var now = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func ago(d time.Duration) time.Time { return now.Add(-d) }

func text(t *testing.T, tree *dump.Tree) string {
	t.Helper()
	var b strings.Builder
	if err := tree.Write(&b, now); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Calls of one name below one parent are one line, and the oldest come first.
func TestTree(t *testing.T) {
	var tree dump.Tree
	tree.Add([]string{"serve"}, dump.Call{ID: 7, Began: ago(90 * time.Second), State: dump.Lent})
	for i := range 312 {
		began := ago(time.Duration(4200-i) * time.Millisecond)
		tree.Add([]string{"serve", "fetch"}, dump.Call{ID: uint64(10 + i), Began: began, State: dump.State(i % 3)})
	}
	tree.Add([]string{"serve", "query"}, dump.Call{ID: 8, Began: ago(5 * time.Second), State: dump.Stopping})
	tree.Add([]string{"gone", "left"}, dump.Call{ID: 400, Began: ago(time.Hour), State: dump.Running})
	tree.Add([]string{"serve", "query", "row"}, dump.Call{ID: 401, Began: ago(1234 * time.Microsecond), State: dump.Ending})
	const want = `gone: over, but for what is below
  left #400: running, 1h0m0s
serve #7: lent, 1m30s
  query #8: canceled and not stopped, 5s
    row #401: ending, 1ms
  fetch ×312, oldest 4.2s: 104 queued, 104 running, 104 lent
`
	if got := text(t, &tree); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// A line says what the oldest of its calls waits for, whichever comes first.
func TestTree_Waits(t *testing.T) {
	var tree dump.Tree
	add := func(id uint64, what fmt.Stringer, n int) {
		of := tree.Add([]string{"a"}, dump.Call{ID: id, Began: ago(time.Duration(10-id) * time.Second), State: dump.Lent})
		if of == nil {
			return
		}
		for range n {
			*of = append(*of, dump.Wait{What: what, Since: ago(time.Second), Line: "a.go:1"})
		}
	}
	add(3, dump.Thing{Kind: "event"}, 1)
	add(2, dump.Thing{Kind: "channel", Name: "x\ny"}, 5)
	add(4, dump.Name{Call: "b", ID: 1}, 1)
	const wait = ` channel "x\ny", 1s, a.go:1`
	const want = "a ×3, oldest 8s: 3 lent; #2 waits for" + wait + ", and for" + wait + ", and for" + wait + ", and for 2 more\n"
	if got := text(t, &tree); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// A tree is of bounded size, and every call is in one line.
func TestTree_Bounded(t *testing.T) {
	var tree dump.Tree
	const n = 100_000
	for i := range n {
		path := []string{fmt.Sprint("name ", i%5000), "below", fmt.Sprint("name ", i)}
		tree.Add(path[:1+i%3], dump.Call{ID: uint64(i), Began: ago(time.Duration(n-i) * time.Microsecond), State: dump.Queued})
	}
	deep := make([]string, dump.MaxDepth+1)
	tree.Add(deep, dump.Call{ID: n, Began: ago(0), State: dump.Running})
	got := text(t, &tree)
	if lines := strings.Count(got, "\n"); lines < 1000 || lines > 2002 {
		t.Errorf("%d lines", lines)
	}
	sum := 0
	for line := range strings.Lines(got) {
		var count int
		_, many, ok := strings.Cut(line, "×")
		if _, err := fmt.Sscanf(many, "%d", &count); ok && err == nil {
			sum += count
		} else if strings.Contains(line, "#") {
			sum++
		}
	}
	if sum != n+1 {
		t.Errorf("the lines count %d calls of %d", sum, n+1)
	}
}

// What is no plain text is quoted, and what is long is cut.
func TestTree_Names(t *testing.T) {
	for name, want := range map[string]string{
		"":                       `""`,
		"a\nb":                   `"a\nb"`,
		"\x1b[2J":                `"\x1b[2J"`,
		" a":                     `" a"`,
		"GET /a?b=c d":           "GET /a?b=c d",
		"Zürich ×2":              "Zürich ×2",
		strings.Repeat("ä", 300): strings.Repeat("ä", 99) + "…",
		"\xff":                   `"\xff"`,
	} {
		var tree dump.Tree
		tree.Add([]string{name}, dump.Call{ID: 1, Began: ago(time.Second), State: dump.Running})
		if got := text(t, &tree); got != want+" #1: running, 1s\n" {
			t.Errorf("%q is written as %q", name, got)
		}
	}
}

type full struct{}

var errFull = errors.New("full")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestTree_WriterFails(t *testing.T) {
	var tree dump.Tree
	tree.Add([]string{"a"}, dump.Call{})
	if err := tree.Write(full{}, now); !errors.Is(err, errFull) {
		t.Errorf("error %v", err)
	}
}

// A deadlock says who waits for whom, in how many lines ever.
func TestDeadlocks(t *testing.T) {
	step := func(i int) dump.Step {
		return dump.Step{
			Call: dump.Name{Call: "a\n", ID: uint64(i)}, For: dump.Name{Call: "b", ID: uint64(i + 1), Scope: "other"},
			Since: ago(time.Second), Line: "x.go:1",
		}
	}
	var b strings.Builder
	if err := dump.Deadlocks(&b, now, [][]dump.Step{{step(1), step(2)}}); err != nil {
		t.Fatal(err)
	}
	const want = `  deadlock of 2:
    "a\n" #1 waits for b #2 of scope other, 1s, x.go:1
    "a\n" #2 waits for b #3 of scope other, 1s, x.go:1
`
	if got := b.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	var many [][]dump.Step
	for range 100 {
		many = append(many, slices.Repeat([]dump.Step{step(1)}, 100))
	}
	b.Reset()
	if err := dump.Deadlocks(&b, now, many); err != nil || strings.Count(b.String(), "\n") != 10*22+1 {
		t.Errorf("%d lines, error %v", strings.Count(b.String(), "\n"), err)
	}
	if err := dump.Deadlocks(full{}, now, many); !errors.Is(err, errFull) {
		t.Errorf("error %v", err)
	}
}
