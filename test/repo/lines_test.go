package repo_test

import (
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

// This file says where the lines of the library are: of the root, and of what is below
// internal but for the points of the explorer. docs/decisions/0028 has the table of one day,
// and says why what is there stays:
//
//	go test ./test/repo -run TestLines -v

// features lists the files of each feature. A name without a slash at its end is a file, and
// one with a slash a folder. A file belongs to what most of it is for.
const features = `
one call:         async core context complete start handle call errors internal/latch/doc internal/latch/latch
                  internal/latch/word internal/latch/node internal/latch/park internal/latch/until
                  internal/latch/callback signal
waiting on many:  wait members set calls internal/latch/all internal/latch/first internal/latch/foreign
                  internal/latch/queue internal/latch/sleeper internal/latch/enter internal/latch/outside
many inputs:      each
sharing:          shared group
scopes:           owner scope internal/scope/ internal/list/
looking inside:   info place internal/stack/ internal/label/ internal/handles/ internal/dump/
who waits:        internal/parked/ internal/waitgraph/ internal/deadlock/ internal/remote/
`

// Limits. Who reaches one asks first what can go, and changes the limit with the reason.
const (
	mostCode     = 8_200 // lines of code in all; 50 more since Group and Lazy have an untyped part (decision 0027), 50 since Begin and Hedge give up what nobody was given
	leastComment = 0.50  // lines of comment to one of code
)

// TestLines counts lines of code and of comment, and checks that each file has a feature.
func TestLines(t *testing.T) {
	of := table(t, features)
	code, comment := make(map[string]int), make(map[string]int)
	for _, file := range libraryFiles(t) {
		feature := featureOf(of, strings.TrimSuffix(file, ".go"))
		if feature == "" {
			t.Errorf("%s is in no feature", file)
		}
		n, c := lines(t, file)
		code[feature] += n
		comment[feature] += c
		code["all"] += n
		comment["all"] += c
	}
	for name := range of {
		if code[name] == 0 {
			t.Errorf("%s has no file", name)
		}
	}
	for name, n := range code {
		t.Logf("%-16s %5d lines of code, %5d of comment, %.2f", name, n, comment[name], float64(comment[name])/float64(n))
	}
	if code["all"] > mostCode {
		t.Errorf("%d lines of code, %d are allowed", code["all"], mostCode)
	}
	if ratio := float64(comment["all"]) / float64(code["all"]); ratio < leastComment {
		t.Errorf("%.3f lines of comment to one of code, %.2f are asked for", ratio, leastComment)
	}
}

// libraryFiles returns the source files that are counted.
func libraryFiles(t *testing.T) (files []string) {
	t.Helper()
	for file := range importsOfModule(t) {
		dir := path.Dir(file)
		counted := dir == "." || strings.HasPrefix(dir, "internal/") && dir != "internal/sched"
		if counted && !strings.HasSuffix(file, "_test.go") {
			files = append(files, file)
		}
	}
	return files
}

// featureOf returns the feature of a file, or nothing.
func featureOf(of map[string][]string, file string) string {
	for name, files := range of {
		if slices.Contains(files, file) || slices.Contains(files, path.Dir(file)+"/") {
			return name
		}
	}
	return ""
}

// lines counts the lines of a file that are code, and those that are comment and nothing
// else. Blank lines are neither.
func lines(t *testing.T, file string) (code, comment int) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		switch line = strings.TrimSpace(line); {
		case line == "":
		case strings.HasPrefix(line, "//"):
			comment++
		default:
			code++
		}
	}
	return code, comment
}
