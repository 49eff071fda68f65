// Limits bite, ratios are paired, a run finds its cases, the page is whole.

package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// The program is run in the folder of the module.
func TestMain(m *testing.M) {
	if err := os.Chdir("../.."); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

func load(t *testing.T, file string) *figures {
	t.Helper()
	f, err := loadFigures(file)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// What is no benchmark is to be read in twenty minutes.
func TestLines(t *testing.T) {
	const most = 1500
	files, err := filepath.Glob("*/*/*.go")
	lines := 0
	for _, file := range append(files, "doc.go") {
		text, failed := os.ReadFile(file)
		err = errors.Join(err, failed)
		lines += bytes.Count(text, []byte("\n"))
	}
	if err != nil || len(files) < 8 || lines > most {
		t.Errorf("%d files have %d lines, allowed are %d; %v", len(files), lines, most, err)
	}
}

// A limit holds at what it allows, and each part of it can be exceeded. Figures that
// are missing exceed it. No limit lags behind: of the figures before, three times the
// ratio exceed it, and one allocation more, or one for a hundred members, and 16 bytes.
func TestLimits(t *testing.T) {
	before := load(t, beforeFile)
	for _, l := range limits() {
		allowed := []float64{l.ratio, l.allocs, l.bytes}
		broken := func(values []float64) []string {
			text := fmt.Sprintf("Benchmark%v 1 1 ns/op\nBenchmark%v 1", l.against, l.at)
			for i, unit := range []string{"ns/op", allocs, l.unit()} {
				if !math.IsNaN(values[i]) {
					text += fmt.Sprintf(" %g %s", values[i], unit)
				}
			}
			f, err := readFigures([]byte(text + "\n"))
			if err != nil {
				t.Fatal(err)
			}
			return l.broken(f)
		}
		if why := broken(allowed); len(why) > 0 {
			t.Errorf("%v: what is allowed is refused: %v", l.at, why)
		}
		for i, most := range []float64{3 * before.ratioTo(l.at, l.against), before.count(l.at, allocs) + 1 + float64(l.at.n/100), before.count(l.at, l.unit()) + 16} {
			if most <= allowed[i] && !strings.HasPrefix(fmt.Sprint(l.at), "Nested/") { // which cost more by decision 0018
				t.Errorf("%v: %g does not exceed %g", l.at, most, allowed[i])
			}
		}
		for i, most := range allowed {
			more := slices.Clone(allowed)
			more[i] = most*1.01 + 0.01
			if !math.IsNaN(most) && len(broken(more)) != 1 {
				t.Errorf("%v: %g instead of %g exceeds nothing", l.at, more[i], most)
			}
		}
		if l.broken(&figures{}) == nil {
			t.Errorf("%v: without figures it holds", l.at)
		}
	}
}

// A machine that is busy for a while does not disturb a ratio, because it is that of
// figures of one round.
func TestRatio(t *testing.T) {
	text := ""
	for round, slow := range []float64{1, 100, 1, 1, 15, 1, 1} {
		text += fmt.Sprintf("round: %d\nBenchmarkX/raw=a-2 1 %g ns/op\nBenchmarkX/async=b-2 1 %g ns/op\n", round, 10*slow, 20*slow)
	}
	f, err := readFigures([]byte(text + "round: 9\nBenchmarkX/async=b-2 1 5 ns/op\n"))
	a, b := key{"X", 0, "async=b"}, key{"X", 0, "raw=a"}
	if r := f.ratio(a, b, perOp); err != nil || math.Abs(r.Center-2) > 1e-9 || math.Abs(r.Lo-2) > 1e-9 || f.yardstick("X", 0) != b {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := readFigures([]byte("BenchmarkX 1 nonsense ns/op\n")); err == nil {
		t.Error("a broken line is read")
	}
}

// A run measures what matches, in turns, and each case is found again by its name.
func TestRunner(t *testing.T) {
	r, err := newRunner(plan{name: "test", rounds: 2, least: 1, budget: time.Minute, slice: "1ms"})
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	cases, err := r.list("^BenchmarkCreateWait$|^BenchmarkBroadcast$/^n=1$")
	if err := errors.Join(err, r.rounds(cases)); err != nil {
		t.Fatal(err)
	}
	f, err := readFigures(r.kept())
	if err != nil || len(cases) != 10 || len(f.keys) != len(cases) || f.config["plan"] != "test" {
		t.Errorf("%v: %q, %v", err, cases, f.keys)
	}
	for k, of := range f.of {
		if len(of[perOp]) != 2 || len(of[allocs]) != 2 {
			t.Errorf("%v: %v", k, of)
		}
	}
	if _, err := r.list("^nothing$"); err == nil {
		t.Error("nothing matches, and that is right")
	}
}

// The page has a row for all that was measured, in tables that are whole, its charts,
// and nothing that is no figure. Made twice it is the same.
func TestPage(t *testing.T) {
	dir := t.TempDir()
	docs := filepath.Join(dir, "docs")
	page, readme := filepath.Join(docs, "performance.md"), filepath.Join(dir, "README.md")
	old := []byte("head\n<!-- figures: written by bench, do not edit -->\nold\n<!-- end of figures -->\ntail\n")
	if err := errors.Join(os.Mkdir(docs, 0o755), os.WriteFile(readme, old, 0o600)); err != nil {
		t.Fatal(err)
	}
	var texts [2]string
	for i := range texts {
		err := show(load(t, beforeFile), docs)
		a, failed := os.ReadFile(page)
		b, too := os.ReadFile(readme)
		if texts[i] = string(a) + string(b); errors.Join(err, failed, too) != nil {
			t.Fatal(err, failed, too)
		}
	}
	text := texts[0]
	if text != texts[1] || !strings.Contains(text, "\nhead\n") || !strings.HasSuffix(text, "\ntail\n") || strings.Contains(text, "\nold\n") || strings.Count(text, "short run") != 2 {
		t.Errorf("it is not spliced:\n%s", text)
	}
	if bad := regexp.MustCompile(`NaN|Inf|%!|\|\n\n?\|---`).FindString(text); bad != "" {
		t.Errorf("it has %q", bad)
	}
	for k := range load(t, beforeFile).of {
		if !strings.Contains(text, "### "+k.bench+"\n") || !strings.Contains(text, "| "+styled(k)+" |") {
			t.Errorf("%v is not on the page", k)
		}
	}
	charts, err := filepath.Glob(filepath.Join(docs, "charts", "*.svg"))
	if err != nil || len(charts) != 16 {
		t.Errorf("%d charts, %v", len(charts), err)
	}
	for _, file := range charts {
		svg, _ := os.ReadFile(file)
		d := xml.NewDecoder(bytes.NewReader(svg))
		for err = nil; err == nil; _, err = d.Token() {
			continue
		}
		if err != io.EOF || !strings.Contains(text, "charts/"+filepath.Base(file)) || !bytes.Contains(svg, []byte("async: ")) {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// Page and README are those of the figures that are kept, once there are any, and
// every aim has a figure.
func TestKept(t *testing.T) {
	if _, err := os.Stat(keptFile); err != nil {
		t.Skip("no figures are kept: make bench has not run yet")
	}
	p, err := newPage(load(t, keptFile))
	if err != nil {
		t.Fatal(err)
	}
	if all := p.marks(func(aim) bool { return true }, mark.far); len(all) != len(aims()) {
		t.Errorf("%d of %d aims have a figure", len(all), len(aims()))
	}
	for file, want := range map[string]string{"../README.md": p.readme(), "../docs/performance.md": p.markdown()} {
		if text, err := os.ReadFile(file); err != nil || !strings.Contains(string(text), strings.TrimSpace(want)) {
			t.Errorf("%s is not what %s gives; -from %[2]s -docs ../docs writes it again; %v", file, keptFile, err)
		}
	}
}
