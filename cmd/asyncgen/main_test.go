package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/seed4712c49f/async/cmd/asyncgen/internal/cli"
	"golang.org/x/mod/modfile"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"asyncgen": func() { os.Exit(cli.Run(os.Args[1:], os.Stdout, os.Stderr)) },
		"crlf":     crlf,
	})
}

// crlf ends the lines of a file as a checkout for Windows does.
func crlf() {
	text, err := os.ReadFile(os.Args[1])
	if err == nil {
		err = os.WriteFile(os.Args[1], bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")), 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

const library = "github.com/seed4712c49f/async"

// libraryDir is the folder of the library, two above this one.
func libraryDir(t testing.TB) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// writeModule makes dir a module that uses the library as it is here, with what
// that requires.
func writeModule(t testing.TB, dir, path string) { writeModuleOf(t, dir, path, "") }

// writeRemoteModule is writeModule for a module that uses asyncnats, too.
func writeRemoteModule(t testing.TB, dir, path string) { writeModuleOf(t, dir, path, "/asyncnats") }

// writeModuleOf writes a module that uses what a module of the library does, which is given
// by its folder, and that module.
func writeModuleOf(t testing.TB, dir, path, part string) {
	t.Helper()
	if !filepath.IsAbs(dir) {
		t.Fatalf("%q may be anywhere", dir)
	}
	root := libraryDir(t)
	data, err := os.ReadFile(filepath.Join(root, part, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	mod, err := modfile.Parse("go.mod", data, nil)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	fmt.Fprintf(&text, "module %s\n\ngo %s\n\n", path, mod.Go.Version)
	for _, r := range mod.Require {
		if r.Mod.Path != library {
			fmt.Fprintf(&text, "require %s %s\n", r.Mod.Path, r.Mod.Version)
		}
	}
	for _, module := range slices.Compact([]string{library, library + part}) {
		fmt.Fprintf(&text, "require %s v0.0.0\nreplace %[1]s => %s\n", module, root+strings.TrimPrefix(module, library))
	}
	sum, err := os.ReadFile(filepath.Join(root, part, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"go.mod": text.Bytes(), "go.sum": sum} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// goEnv is what the go command knows of its surroundings.
func goEnv(t testing.TB, names ...string) map[string]string {
	t.Helper()
	out, err := exec.Command("go", append([]string{"env", "-json"}, names...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	env := make(map[string]string)
	if err := json.Unmarshal(out, &env); err != nil {
		t.Fatal(err)
	}
	return env
}

// goCommand runs the go command in a folder and fails the test where it fails.
func goCommand(t testing.TB, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "PWD="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// asyncgen runs the tool in a folder, in this process.
func asyncgen(t *testing.T, dir string, args ...string) (code int, stderr string) {
	t.Helper()
	t.Chdir(dir)
	var stdout, errs bytes.Buffer
	code = cli.Run(args, &stdout, &errs)
	return code, errs.String()
}
