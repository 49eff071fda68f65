package repo_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// This file holds how the code is laid out: how many files the root has, what the core does
// not know, and how long a function may be. [TestDeps_Files] holds the arrows between the
// files of the root.

// Limits of the layout.
const (
	mostFiles = 20 // of the root: source files, and test files beside them
	mostLines = 60 // of a function, comments included
)

// floors are the folders of the library itself, and of the page that shows it.
var floors = []string{
	".", "internal/latch", "internal/scope", "internal/list", "internal/deadlock", "internal/dump", "internal/handles",
	"internal/label", "internal/parked", "internal/stack", "internal/waitgraph", "asyncview",
}

// aboveTheCore lists, for files at the bottom of the root, the files and packages that these
// files may not name. The core tells an owner of a call, and does not know which owner that
// is: a place in a scope, or a handle of a shared run. A wait lends a slot by an interface
// of internal/latch.
var aboveTheCore = map[string][]string{
	"core":     {"place.go", "owner.go", "start.go", "scope.go", "shared.go", "group.go", "internal/scope"},
	"context":  {"place.go", "owner.go", "start.go", "scope.go", "shared.go", "group.go", "internal/scope"},
	"complete": {"place.go", "owner.go", "start.go", "scope.go", "shared.go", "group.go", "internal/scope"},
	"wait":     {"core.go", "place.go", "owner.go", "scope.go", "internal/scope"},
}

// TestHouse_Files counts the files of the root package.
func TestHouse_Files(t *testing.T) {
	source, tests := goFiles(t, ".")
	for what, names := range map[string][]string{"source files": source, "test files": tests} {
		if len(names) > mostFiles {
			t.Errorf("the root has %d %s, %d are allowed: %v", len(names), what, mostFiles, names)
		}
	}
}

// TestHouse_Core checks that the files at the bottom of the root name nothing of scopes and
// groups. [TestDeps_Files] would not notice if the order itself were changed, and knows no
// other package.
func TestHouse_Core(t *testing.T) {
	r := loadRoot(t)
	seen := make(map[string]bool)
	for _, f := range r.files {
		seen[stem(r.fset, f.Pos())] = true
	}
	for _, file := range slices.Sorted(maps.Keys(aboveTheCore)) {
		if !seen[file] {
			t.Errorf("there is no %s.go", file)
		}
	}
	for id, obj := range r.info.Uses {
		if obj.Pkg() == nil {
			continue
		}
		home := strings.TrimPrefix(obj.Pkg().Path(), modulePath+"/")
		if obj.Pkg() == r.pkg {
			home = stem(r.fset, obj.Pos()) + ".go"
		}
		if slices.Contains(aboveTheCore[stem(r.fset, id.Pos())], home) {
			t.Errorf("%s names %s of %s", r.fset.Position(id.Pos()), id.Name, home)
		}
	}
}

// TestHouse_Functions checks how long the functions of the library are.
func TestHouse_Functions(t *testing.T) {
	fset := token.NewFileSet()
	functions := 0
	for _, dir := range floors {
		source, _ := goFiles(t, dir)
		for _, path := range source {
			f, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, decl := range f.Decls {
				fn, ok := decl.(*ast.FuncDecl)
				if !ok {
					continue
				}
				functions++
				if n := fset.Position(fn.End()).Line - fset.Position(fn.Pos()).Line + 1; n > mostLines {
					t.Errorf("%s: %s has %d lines, %d are allowed", fset.Position(fn.Pos()), fn.Name.Name, n, mostLines)
				}
			}
		}
	}
	if functions == 0 {
		t.Error("no function was found")
	}
}

// goFiles returns the paths of the Go files in a folder: those of the package, and the tests.
func goFiles(t *testing.T, dir string) (source, tests []string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			tests = append(tests, path)
		} else {
			source = append(source, path)
		}
	}
	if len(source) == 0 {
		t.Fatalf("no Go file in %s", dir)
	}
	return source, tests
}
