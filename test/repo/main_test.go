package repo_test

import (
	"fmt"
	"os"
	"testing"
)

// The tests of this folder look at the repository: at the exported surface, at the
// imports, at the files of the root package and at what the compiler makes of the code.
// The tests run in the root of the repository, so that paths in the tests, and in what
// the tests print, are paths of the repository.

func TestMain(m *testing.M) {
	if err := os.Chdir("../.."); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}
