package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed4712c49f/async/bench/internal/measure"
	"github.com/seed4712c49f/async/bench/internal/report"
	"github.com/seed4712c49f/async/bench/internal/rivals"
	"github.com/seed4712c49f/async/bench/internal/table"
)

// The program starts itself to measure: here that is the test.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "-request" {
		if err := serve(os.Args[2]); err != nil {
			os.Stderr.WriteString(err.Error())
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func jobOf(t *testing.T, op string, size int, rows func(table.Row) bool) job {
	t.Helper()
	for _, o := range table.Ops {
		if o.Name == op {
			j := job{at: table.Point{Op: o, Size: size}, plan: measure.Trial}
			for _, row := range table.Rows(rivals.All(), j.at) {
				if rows(row) {
					j.rows = append(j.rows, row)
				}
			}
			return j
		}
	}
	t.Fatalf("no %s", op)
	return job{}
}

func TestJob(t *testing.T) {
	some := func(r table.Row) bool { return r.Rival == "raw Go" || r.Rival == table.Floor || r.Rival == "async" }
	for op, size := range map[string]int{"fan-out": 10, "pending bytes": 100, "race never": 10, "wake": 1} {
		j := jobOf(t, op, size, some)
		res, err := j.measure()
		if err != nil {
			t.Fatal(err)
		}
		if len(res.Rows) != len(j.rows) {
			t.Errorf("%s: %d rows of %d", op, len(res.Rows), len(j.rows))
		}
		for i, row := range res.Rows {
			if row.Label() != j.rows[i].Label() || row.Why != j.rows[i].Why || row.Ratio == 0 && row.Rival == "async" {
				t.Errorf("%s: %+v is not %s", op, row, j.rows[i].Label())
			}
		}
	}
}

// A process that fails says why.
func TestJob_Fails(t *testing.T) {
	j := jobOf(t, "call", 1, func(r table.Row) bool { return r.Rival == "async" })
	j.at.Op.Name = "nonsense"
	if _, err := j.measure(); err == nil || !strings.Contains(err.Error(), `no operation "nonsense"`) {
		t.Error(err)
	}
}

// What one run keeps, another turns into the same page.
func TestRun_From(t *testing.T) {
	dir := t.TempDir()
	kept, docs := filepath.Join(dir, "kept.json"), filepath.Join(dir, "docs")
	r := describe(true, "nothing")
	if r.Cores < 1 || r.Go == "" || !strings.Contains(r.Command, "-quick -only 'nothing'") {
		t.Errorf("%+v", r)
	}
	r.Results = []measure.Result{{ID: "call", Op: "call", Size: 1, Rows: []measure.Row{{Rival: "raw Go", NS: 1}, {Rival: "async", NS: 2}}}}
	if err := r.Save(kept); err != nil {
		t.Fatal(err)
	}
	readme := filepath.Join(dir, "README.md")
	const marked = "before\n<!-- figures: written by bench, do not edit -->\n<!-- end of figures -->\nafter\n"
	if err := os.WriteFile(readme, []byte(marked), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(false, "", kept, "", docs); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(readme); err != nil || !strings.HasPrefix(string(text), "before\n") || !strings.Contains(string(text), strings.TrimSpace(report.Readme(r))) {
		t.Errorf("%v: %s", err, text)
	}
	page, err := os.ReadFile(filepath.Join(docs, "performance.md"))
	if err != nil || !strings.Contains(string(page), report.Page(r)[:40]) {
		t.Errorf("%v: %s", err, page)
	}
}

func TestRun_NothingMatches(t *testing.T) {
	if _, err := measureAll(true, "("); err == nil {
		t.Error("a broken expression is taken")
	}
	r, err := measureAll(true, "^nothing$")
	if err != nil || len(r.Results) > 0 {
		t.Error(r, err)
	}
}
