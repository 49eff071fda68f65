// Package vettest runs the analyzers over the packages in testdata, which is a module
// of its own: every package may import the library, and each other.
package vettest

import (
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/analysistest"
)

// Dir is the folder testdata.
func Dir(t testing.TB) string {
	t.Helper()
	_, file, _, ok := runtime.Caller(0)
	if !ok {
		t.Fatal("no caller")
	}
	return filepath.Join(filepath.Dir(file), "..", "..", "testdata")
}

// Run has each analyzer look at the packages of its name in testdata, whose comments
// say what it has to find, and applies the fixes in the package fix below that. Each
// analyzer has a subtest. Loading takes most of the time, since all that is imported is
// loaded, too: so packages are loaded at once for all analyzers.
func Run(t *testing.T, analyzers []*analysis.Analyzer) {
	var folders, fixes []string
	for _, a := range analyzers {
		folders = append(folders, "./"+a.Name)
		if golden, err := filepath.Glob(filepath.Join(Dir(t), a.Name, "fix", "*.golden")); err != nil {
			t.Fatal(err)
		} else if len(golden) > 0 {
			fixes = append(fixes, "./"+a.Name+"/fix")
		}
	}
	var found failures
	results := analysistest.Run(&found, Dir(t), each(analyzers), folders...)
	analysistest.RunWithSuggestedFixes(&found, Dir(t), each(analyzers), fixes...)
	for _, a := range analyzers {
		t.Run(a.Name, func(t *testing.T) {
			for _, text := range found.of(a.Name) {
				t.Error(text)
			}
			if !slices.ContainsFunc(results, func(r *analysistest.Result) bool { return nameOf(r.Action.Package.PkgPath) == a.Name }) {
				t.Error("there is no package of this name")
			}
		})
	}
	for _, text := range found {
		t.Error(text)
	}
}

// each is an analyzer that runs one of several: that of the package's name.
func each(analyzers []*analysis.Analyzer) *analysis.Analyzer {
	one := &analysis.Analyzer{Name: "each", Doc: "run the analyzer that a package is for"}
	for _, a := range analyzers {
		for _, b := range a.Requires {
			if !slices.Contains(one.Requires, b) {
				one.Requires = append(one.Requires, b)
			}
		}
	}
	one.Run = func(pass *analysis.Pass) (any, error) {
		i := slices.IndexFunc(analyzers, func(a *analysis.Analyzer) bool { return a.Name == nameOf(pass.Pkg.Path()) })
		if i < 0 {
			return nil, fmt.Errorf("no analyzer for %s", pass.Pkg.Path())
		}
		its := *pass
		its.Analyzer = analyzers[i]
		return its.Analyzer.Run(&its)
	}
	return one
}

// nameOf is the name of the analyzer that a package in testdata is for.
func nameOf(pkg string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(pkg, "vettest/"), "/")
	return name
}

// failures are what a run finds wrong.
type failures []string

// Errorf makes it what an [analysistest.Testing] is.
func (f *failures) Errorf(format string, args ...any) { *f = append(*f, fmt.Sprintf(format, args...)) }

// of takes out those that name a file in the folder of an analyzer.
func (f *failures) of(name string) (texts []string) {
	var others failures
	for _, text := range *f {
		if strings.Contains(text, name+string(filepath.Separator)) {
			texts = append(texts, text)
		} else {
			others = append(others, text)
		}
	}
	*f = others
	return texts
}
