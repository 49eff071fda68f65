package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScript runs the scripts in testdata/script: what the tool is told and what
// it then says and writes. They have two commands of their own:
//
//	module PATH          makes the current folder a module that uses the library
//	remotemodule PATH    the same with a module that uses asyncnats, too
//	refused STDERR       asyncgen as the line before has failed: exit code 1 and
//	                     one line that matches; nothing is written
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
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"remotemodule": func(ts *testscript.TestScript, _ bool, args []string) { writeRemoteModule(t, ts.MkAbs("."), args[0]) },
			"module":       func(ts *testscript.TestScript, _ bool, args []string) { writeModule(t, ts.MkAbs("."), args[0]) },
			"refused":      refused,
		},
		Condition: func(cond string) (bool, error) {
			if cond == "cgo" {
				return haveCgo(t), nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// refused runs asyncgen with all arguments but the first, which is what its one
// line must contain. The folder must be the same before and after.
func refused(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: refused text asyncgen-args")
	}
	before := listing(ts)
	err := ts.Exec("asyncgen", args[1:]...)
	text := ts.ReadFile("stderr")
	switch {
	case err == nil || !strings.Contains(err.Error(), "exit status 1"):
		ts.Fatalf("asyncgen %v: %v, want exit code 1", args[1:], err)
	case ts.ReadFile("stdout") != "":
		ts.Fatalf("there is something on stdout")
	case !strings.HasPrefix(text, "asyncgen: ") || strings.Count(text, "\n") != 1:
		ts.Fatalf("not one line of asyncgen's: %s", text)
	case !strings.Contains(text, args[0]):
		ts.Fatalf("got %swant %s", text, args[0])
	case listing(ts) != before:
		ts.Fatalf("files were written:\n%s\nbefore:\n%s", listing(ts), before)
	}
}

// listing is the text of every file in the script's folder.
func listing(ts *testscript.TestScript) string {
	var b strings.Builder
	work := ts.Getenv("WORK")
	err := filepath.Walk(work, func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() || strings.HasPrefix(path, filepath.Join(work, ".tmp")) {
			return err
		}
		data, err := os.ReadFile(path)
		b.WriteString(path + "\n" + string(data) + "\n")
		return err
	})
	ts.Check(err)
	return b.String()
}
