package main_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/seed4712c49f/async/cmd/asyncvet/internal/suite"
	"github.com/seed4712c49f/async/cmd/asyncvet/internal/vettest"
	"golang.org/x/tools/go/analysis/multichecker"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"asyncvet": func() { multichecker.Main(suite.Analyzers()...) },
	})
}

// TestScript runs the scripts in testdata/script: the command in all the ways in
// which it is meant to be run. They have one command of their own:
//
//	module    makes the current folder a module that uses the library
//
// and in $ASYNCVET the path of the command.
func TestScript(t *testing.T) {
	env := goEnv(t, "GOCACHE", "GOMODCACHE", "GOPATH", "GOPROXY", "GOSUMDB", "GOROOT", "CGO_ENABLED")
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(e *testscript.Env) error {
			for name, value := range env {
				e.Setenv(name, value)
			}
			e.Setenv("GOFLAGS", "")
			e.Setenv("GOWORK", "off")
			tool, err := exec.LookPath("asyncvet")
			e.Setenv("ASYNCVET", tool)
			return err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"module": func(ts *testscript.TestScript, _ bool, _ []string) { writeModule(ts, vettest.Dir(t)) },
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// writeModule makes the current folder a module like that in testdata.
func writeModule(ts *testscript.TestScript, from string) {
	root, err := filepath.Abs(filepath.Join(from, "..", "..", ".."))
	ts.Check(err)
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(from, name))
		ts.Check(err)
		text = []byte(strings.NewReplacer("../../..", root, "./asyncnats", filepath.Join(from, "asyncnats")).Replace(string(text)))
		ts.Check(os.WriteFile(ts.MkAbs(name), text, 0o600))
	}
}

// goEnv is what the go command knows of its surroundings.
func goEnv(t *testing.T, names ...string) map[string]string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", append([]string{"env", "-json"}, names...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	env := make(map[string]string)
	if err := json.Unmarshal(out, &env); err != nil {
		t.Fatal(err)
	}
	return env
}
