package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// This file holds design.md and rules.md against the tree: the table of files, the tests
// that the pages name, and the ids of rules that tests and comments cite.

// floors are the folders whose files design.md lists.
var floors = []string{
	".", "internal/latch", "internal/scope", "internal/list",
	"internal/dump", "internal/deadlock", "internal/handles", "internal/label", "internal/parked", "internal/remote", "internal/stack",
	"internal/waitgraph",
}

// A row of the table of files begins with the path of a file.
var fileRow = regexp.MustCompile("(?m)^\\| `([a-z/_]+\\.go)` \\| (.*) \\|$")

// TestDesign_Files checks that the table of design.md has a row for each source file of
// the library, and no row for a file that is gone.
func TestDesign_Files(t *testing.T) {
	var stated []string
	for _, row := range fileRow.FindAllStringSubmatch(read(t, "docs/design.md"), -1) {
		file, text := row[1], row[2]
		if slices.Contains(stated, file) {
			t.Errorf("design.md lists %s twice", file)
		}
		if strings.TrimSpace(text) == "" {
			t.Errorf("design.md says nothing of %s", file)
		}
		stated = append(stated, file)
	}
	actual := sourceFiles(t)
	for _, file := range actual {
		if !slices.Contains(stated, file) {
			t.Errorf("design.md does not list %s", file)
		}
	}
	for _, file := range stated {
		if !slices.Contains(actual, file) {
			t.Errorf("design.md lists %s, which does not exist", file)
		}
	}
}

// sourceFiles returns the paths of the files that design.md has to list.
func sourceFiles(t *testing.T) (files []string) {
	t.Helper()
	for _, dir := range floors {
		paths, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
		if err != nil || len(paths) == 0 {
			t.Fatalf("no Go file in %s: %v", dir, err)
		}
		for _, path := range paths {
			if !strings.HasSuffix(path, "_test.go") {
				files = append(files, strings.TrimPrefix(filepath.ToSlash(path), root+"/"))
			}
		}
	}
	return files
}

// The order of the files of the root, as the test of the arrows between them states it.
var orderOfRoot = regexp.MustCompile("(?ms)^const order = `(.*?)`")

// TestDesign_Order checks that the table of design.md has the files of the root in the
// order that TestDeps_Files holds.
func TestDesign_Order(t *testing.T) {
	order := orderOfRoot.FindStringSubmatch(testSource(t))
	if order == nil {
		t.Fatal("no test states the order of the files")
	}
	var got []string
	for _, row := range fileRow.FindAllStringSubmatch(read(t, "docs/design.md"), -1) {
		if file := row[1]; !strings.Contains(file, "/") {
			got = append(got, strings.TrimSuffix(file, ".go"))
		}
	}
	if want := strings.Fields(order[1]); !slices.Equal(got, want) {
		t.Errorf("design.md has the files of the root in the order\n%v\nwant\n%v", got, want)
	}
}

// A name of a test that a page cites, as `TestR9_Discard`.
var citedTest = regexp.MustCompile("`(Test[A-Za-z0-9]+_[A-Za-z0-9_]+)`")

// TestDesign_NamesTests checks that each test that the pages for contributors name exists.
func TestDesign_NamesTests(t *testing.T) {
	source := testSource(t)
	for _, page := range []string{"docs/design.md", "docs/rules.md", "CONTRIBUTING.md"} {
		for _, cited := range citedTest.FindAllStringSubmatch(read(t, page), -1) {
			if !strings.Contains(source, "\nfunc "+cited[1]+"(") {
				t.Errorf("%s names %s, which does not exist", page, cited[1])
			}
		}
	}
}

var (
	// A rule in rules.md, or a part of one, which is indented.
	statedRule = regexp.MustCompile(`(?m)^( {2})?- \*\*([RSWCHV][0-9]+)([a-z]?)\*\* `)

	// A test that is named for a rule.
	testOfRule = regexp.MustCompile(`(?m)^func Test([RSWCHV][0-9]+)_`)

	// A part of a rule, as comments and pages cite it.
	citedPart = regexp.MustCompile(`\b[RSWCHV][0-9]+[a-z]\b`)
)

// TestRules_Ids checks that each rule of rules.md stands there once, and that the parts of
// a rule follow it, lettered from a without a gap.
func TestRules_Ids(t *testing.T) {
	seen, last := make(map[string]bool), ""
	for _, m := range statedRule.FindAllStringSubmatch(read(t, "docs/rules.md"), -1) {
		indented, rule, part := m[1] != "", m[2], m[3]
		want := ""
		if indented {
			want = nextPart(last)
		}
		if id := rule + part; seen[id] || indented && id != want || !indented && part != "" {
			t.Errorf("rules.md has %s after %s", id, last)
		}
		seen[rule+part], last = true, rule+part
	}
	if !seen["R9"] || !seen["R9a"] {
		t.Error("rules.md has no R9, or no parts of it: the test does not read the page")
	}
}

// nextPart returns the id of the part that follows a rule, or a part.
func nextPart(id string) string {
	if end := id[len(id)-1]; end >= 'a' {
		return id[:len(id)-1] + string(end+1)
	}
	return id + "a"
}

// TestRules_Tests checks that each rule has a test named after it, and each test that is
// named after a rule a rule.
func TestRules_Tests(t *testing.T) {
	source, tested := testSource(t), make(map[string]bool)
	for _, m := range testOfRule.FindAllStringSubmatch(source, -1) {
		tested[m[1]] = true
	}
	for rule, name := range namedOtherwise {
		if strings.Contains(source, "\nfunc "+name) {
			tested[rule] = true
		}
	}
	stated := make(map[string]bool)
	for _, m := range statedRule.FindAllStringSubmatch(read(t, "docs/rules.md"), -1) {
		if rule := m[2]; m[3] == "" {
			stated[rule] = true
			if !tested[rule] {
				t.Errorf("no test is named after %s", rule)
			}
		}
	}
	for rule := range tested {
		if !stated[rule] {
			t.Errorf("tests are named after %s, which rules.md does not have", rule)
		}
	}
}

// namedOtherwise has, for the rules whose tests are named after a function, the beginning
// of these names.
var namedOtherwise = map[string]string{"H5": "TestNewScope_"}

// TestRules_Citations checks that each part of a rule that the code or a page cites exists.
func TestRules_Citations(t *testing.T) {
	parts := make(map[string]bool)
	for _, m := range statedRule.FindAllStringSubmatch(read(t, "docs/rules.md"), -1) {
		parts[m[2]+m[3]] = true
	}
	check := func(path string) {
		for _, id := range citedPart.FindAllString(read(t, path), -1) {
			if whole := strings.TrimRight(id, "abcdefghijklmnopqrstuvwxyz"); parts[whole+"a"] && !parts[id] {
				t.Errorf("%s cites %s, which rules.md does not have", path, id)
			}
		}
	}
	eachGoFile(t, check)
	pages, err := filepath.Glob(filepath.Join(root, "docs/*.md"))
	if err != nil || len(pages) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	for _, page := range pages {
		check(strings.TrimPrefix(filepath.ToSlash(page), root+"/"))
	}
}

// testSource returns the text of all test files of the repository.
func testSource(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	eachGoFile(t, func(path string) {
		if strings.HasSuffix(path, "_test.go") {
			all.WriteString(read(t, path))
		}
	})
	return all.String()
}

// eachGoFile calls f with the path of each Go file of the repository. Generated code and
// its tests, in folders named testdata, are included.
func eachGoFile(t *testing.T, f func(path string)) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch name := d.Name(); {
		case err != nil:
			return err
		case d.IsDir() && path != root && (strings.HasPrefix(name, ".") || name == "node_modules"):
			return filepath.SkipDir
		case !d.IsDir() && strings.HasSuffix(name, ".go"):
			f(strings.TrimPrefix(filepath.ToSlash(path), root+"/"))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// read returns the text of a file of the repository.
func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
