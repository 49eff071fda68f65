// Command page measures the benchmarks of this module and makes a page of what came
// out. It is run in the folder of the module.
//
//	go run ./cmd/page -quick              a look, without the page
//	go run ./cmd/page -docs ../docs       everything, with the page, its charts and the README's table
//	go run ./cmd/page -check              fails when a limit is exceeded; for CI
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Where figures are kept, relative to the module.
const (
	keptFile   = "testdata/figures.txt" // of the last full run
	beforeFile = "testdata/before.txt"  // of the page before
)

func main() {
	quick := flag.Bool("quick", false, "few rounds, short slices and small sizes")
	check := flag.Bool("check", false, "measure what has limits, and fail when one is exceeded")
	only := flag.String("only", ".", "measure the benchmarks that match this `regexp`, as with go test -bench")
	docs := flag.String("docs", "", "keep the figures, and write the page and its charts to this `folder`, and the table of the README above it")
	from := flag.String("from", "", "take the figures from this `file` instead of measuring")
	flag.Parse()

	plan := map[bool]plan{true: quickPlan, false: fullPlan}[*quick]
	var f *figures
	var err error
	switch {
	case *check:
		err = runCheck()
	case *from != "":
		f, err = loadFigures(*from)
	default:
		f, err = measure(plan, *only, *docs != "")
	}
	if f != nil {
		err = errors.Join(err, show(f, *docs))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "page:", err)
		os.Exit(1)
	}
}

// measure runs the benchmarks, and keeps the figures where asked.
func measure(p plan, only string, keep bool) (*figures, error) {
	r, err := newRunner(p)
	if err != nil {
		return nil, err
	}
	defer r.close()
	cases, err := r.list(only)
	if err != nil {
		return nil, err
	}
	failed := r.rounds(cases)
	if keep {
		failed = errors.Join(failed, os.WriteFile(keptFile, r.kept(), 0o644))
	}
	f, err := readFigures(r.kept())
	return f, errors.Join(failed, err)
}

func loadFigures(file string) (*figures, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return readFigures(data)
}

// show writes the page of the figures, its charts and the table of the README. Without
// a folder it shows each case beside its yardstick.
func show(f *figures, docs string) error {
	if docs == "" {
		for _, k := range f.keys {
			r := f.ratio(k, f.yardstick(k.bench, k.n), f.unit(k))
			fmt.Printf("%-60s %8s  %s\n", k, times(r.Center), within(r))
		}
		return nil
	}
	p, err := newPage(f)
	if err != nil {
		return err
	}
	return errors.Join(
		p.writeCharts(filepath.Join(docs, "charts")),
		os.WriteFile(filepath.Join(docs, "performance.md"), []byte(p.markdown()), 0o644),
		splice(filepath.Join(docs, "..", "README.md"), p.readme()),
	)
}

// splice puts text between the markers of a file.
func splice(file, text string) error {
	old, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	const begin, end = "<!-- figures: written by bench, do not edit -->", "<!-- end of figures -->"
	head, rest, hasBegin := strings.Cut(string(old), begin)
	_, tail, hasEnd := strings.Cut(rest, end)
	if !hasBegin || !hasEnd {
		return errors.New("no markers around the figures in " + file)
	}
	return os.WriteFile(file, []byte(head+begin+"\n\n"+strings.TrimSpace(text)+"\n\n"+end+tail), 0o644)
}
