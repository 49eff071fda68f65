// Package vettest runs an analyzer over the packages in testdata, which is a module
// of its own: every package may import the library, and each other.
package vettest

import (
	"path/filepath"
	"runtime"
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

// Run has an analyzer look at the packages of its name in testdata, whose comments
// say what it has to find, and applies the fixes in the package fix below that.
func Run(t *testing.T, a *analysis.Analyzer) {
	t.Helper()
	analysistest.Run(t, Dir(t), a, "./"+a.Name)
	fixes, err := filepath.Glob(filepath.Join(Dir(t), a.Name, "fix", "*.golden"))
	if err != nil {
		t.Fatal(err)
	}
	if len(fixes) > 0 {
		analysistest.RunWithSuggestedFixes(t, Dir(t), a, "./"+a.Name+"/fix")
	}
}
