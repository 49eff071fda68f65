// Planted plants one known bug after the other in a copy of the library and has the
// tests find it: the measure of the tests. The bugs are patches in verify/planted,
// each with a header that says what is broken and in which rule.
//
//	go run ./cmd/planted            in verify: all of them
//	go run ./cmd/planted -only 07   those whose names contain that
//	go run ./cmd/planted -quick     a few that are found in seconds
//
//	go run ./cmd/planted -hunt      all, by the hunter alone, a minute for each at most
//	go run ./cmd/planted -record    all, and writes what found which to planted/found.txt
//	go run ./cmd/planted -hunt -list
//	                                those that are beyond the hunter, and why
//	go run ./cmd/planted -hunt -record 07 69 slot
//	                                those numbers, and names that contain that; the figures
//	                                of the hunter go to planted/hunted.txt
//
// The suites are tried from the fastest on until one goes red; with -quick only the
// one is run that found.txt names. The unpatched copy has to be green in all of
// them. The last line is "k of k found"; unless it is so, or where a patch does not
// apply or does not compile, the exit code is 1.
//
// With -hunt no test is run but the random programs and the pairs of verify/hunt, some of
// the pairs under the race detector, which needs a C compiler. The last line is "k of n
// found by the hunter". A patch whose header has a line "Hunt: no: reason" is beyond the
// hunter: it is printed with the reason, and is not one of the n. The exit code is 1
// where fewer than nine of ten are found.
package main

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	only := flag.String("only", "", "plant the bugs whose names contain this")
	quick := flag.Bool("quick", false, "plant the few that are marked as quick")
	hunter := flag.Bool("hunt", false, "have the hunter alone find them")
	green := flag.Bool("green", true, "have the unpatched copy green first")
	list := flag.Bool("list", false, "list the bugs and what each breaks")
	note := flag.Bool("record", false, "write what found which bug to "+foundFile)
	missing := flag.Bool("missing", false, "plant the bugs that "+foundFile+" does not have")
	flag.Parse()
	bugs, err := readBugs()
	if err == nil {
		bugs = chosen(bugs, flag.Args(), *only, *quick, *missing)
		err = run(bugs, mode{quick: *quick, hunter: *hunter}, *green, *list, *note)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "planted:", err)
		os.Exit(1)
	}
}

// Where the patches are, and what found them, in the module verify.
const (
	folder    = "planted"
	foundFile = folder + "/found.txt"
	huntFile  = folder + "/hunted.txt" // by the hunter alone
)

func run(bugs []bug, m mode, green, list, note bool) error {
	if list {
		for _, b := range bugs {
			fmt.Fprintf(os.Stdout, "%-38s %s\n", b.name, m.says(b))
		}
		return nil
	}
	tree, err := newTree()
	if err != nil {
		return err
	}
	defer tree.remove()
	if green {
		if err := tree.green(suitesOf(bugs, m)); err != nil {
			return err
		}
	}
	found, beyond := 0, 0
	var table strings.Builder
	for i, b := range bugs {
		fmt.Fprintf(os.Stdout, "[%d/%d] %s: ", i+1, len(bugs), b.name)
		f := tree.find(b, m)
		fmt.Fprintln(os.Stdout, f)
		fmt.Fprintf(&table, "%-38s %s\n", b.name, f)
		if f.found() {
			found++
		}
		if f.beyond != "" {
			beyond++
		}
		if note {
			if err := m.record(b, f); err != nil {
				return err
			}
		}
	}
	n := len(bugs) - beyond
	fmt.Fprintf(os.Stdout, "\n%s%d of %d found%s\n", &table, found, n, m.by())
	if found < m.least(n) || len(bugs) == 0 {
		return fmt.Errorf("%d not found", n-found)
	}
	return nil
}

// A finding says how the hunt for a bug ended.
type finding struct {
	suite  string        // that went red
	test   string        // its test that failed first; of the hunter, the oracle
	took   time.Duration // of the run of that suite, without the build
	beyond string        // why the hunter cannot find it
	err    error         // why there was no hunt
}

func (f finding) found() bool { return f.err == nil && f.suite != "" }

func (f finding) String() string {
	switch {
	case f.err != nil:
		return "ERROR: " + f.err.Error()
	case f.beyond != "":
		return "beyond: " + f.beyond
	case f.suite == "":
		return "NOT FOUND"
	}
	return fmt.Sprintf("found by %s in %.2fs: %s", f.suite, f.took.Seconds(), f.test)
}

// A bug is one patch.
type bug struct {
	name   string
	file   string
	breaks string // what, and which rule
	beyond string // why the hunter cannot find it, or ""
	suite  string // that found it before, or ""
	quick  bool
	files  []string // that the patch changes
}

// isIn reports whether the patch changes a file in a folder.
func (b bug) isIn(folder string) bool {
	return slices.ContainsFunc(b.files, func(file string) bool { return path.Dir(file) == folder })
}

// record notes how a hunt ended.
func (m mode) record(b bug, f finding) error {
	lines, err := readFound(m.file())
	if err != nil {
		return err
	}
	delete(lines, b.name)
	if f.found() {
		lines[b.name] = fmt.Sprintf("%s\t%.2f\t%s", f.suite, f.took.Seconds(), f.test)
	}
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(lines)) {
		fmt.Fprintf(&text, "%s\t%s\n", name, lines[name])
	}
	return os.WriteFile(m.file(), []byte(text.String()), 0o600)
}

// readFound returns what was recorded of each bug.
func readFound(file string) (map[string]string, error) {
	lines := make(map[string]string)
	text, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), "\t")
		lines[name] = rest
	}
	return lines, nil
}

// readBugs reads the headers of all patches, and what found them before.
func readBugs() (bugs []bug, err error) {
	files, err := filepath.Glob(folder + "/*.patch")
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("planted runs in the module verify: no patches in %s: %w", folder, err)
	}
	before, err := readFound(foundFile)
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		b, err := readBug(file)
		if err != nil {
			return nil, err
		}
		b.suite, _, _ = strings.Cut(before[b.name], "\t")
		bugs = append(bugs, b)
	}
	return bugs, nil
}

// readBug reads the header of a patch.
func readBug(file string) (bug, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return bug{}, err
	}
	header, _, _ := strings.Cut(string(text), "\n--- ")
	b := bug{name: strings.TrimSuffix(filepath.Base(file), ".patch"), quick: strings.Contains(header, "\nQuick: yes")}
	for line := range strings.Lines(string(text)) {
		if file, ok := strings.CutPrefix(line, "+++ b/"); ok {
			b.files = append(b.files, strings.TrimSpace(file))
		}
	}
	for line := range strings.Lines(header) {
		if what, ok := strings.CutPrefix(line, "Breaks: "); ok {
			b.breaks = strings.TrimSpace(what)
		}
		if why, ok := strings.CutPrefix(line, "Hunt: no: "); ok {
			b.beyond = strings.TrimSpace(why)
		}
	}
	if b.breaks == "" {
		return bug{}, fmt.Errorf("%s does not say what it breaks", file)
	}
	b.file, err = filepath.Abs(file)
	return b, err
}

// chosen returns those of the bugs that are to be planted: where there are names, of
// these only.
func chosen(bugs []bug, names []string, only string, quick, missing bool) (some []bug) {
	for _, b := range bugs {
		if b.isOneOf(names) && strings.Contains(b.name, only) && (b.quick || !quick) && (b.suite == "" || !missing) {
			some = append(some, b)
		}
	}
	return some
}

// isOneOf reports whether a bug has one of the numbers, or a name that contains one of
// the words; of none, it is.
func (b bug) isOneOf(names []string) bool {
	number, _, _ := strings.Cut(b.name, "-")
	return len(names) == 0 || slices.ContainsFunc(names, func(name string) bool {
		if name[0] >= '0' && name[0] <= '9' && len(name) < 4 {
			return name == number
		}
		return strings.Contains(b.name, name)
	})
}
