package load_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed4712c49f/async/cmd/asyncgen/internal/load"
)

// write makes a module with these files, and returns its folder.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	t.Setenv("GOWORK", "off")
	t.Setenv("GOFLAGS", "")
	dir := t.TempDir()
	files["go.mod"] = "module example.com/m\n\ngo 1.26.0\n"
	for name, text := range files {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const output = "out.go"

func loaded(t *testing.T, dir, name string) (*load.Package, *load.Type) {
	t.Helper()
	ps, ts, err := load.NewSession("").Load([]*load.Request{{
		Dir:     dir,
		Outputs: []string{filepath.Join(dir, output)},
		Types:   []string{name},
		Stubs:   func(name string) []string { return []string{"Async" + name} },
	}})
	if err != nil {
		t.Fatal(err)
	}
	return ps[0], ts[0][0]
}

// The last guard: a text that does not compile beside the package is found out,
// and the errors of the package itself are not taken for the text's.
func TestVerify(t *testing.T) {
	dir := write(t, map[string]string{
		"a.go":   "package a\n\nimport \"io\"\n\ntype S interface{ io.Reader; Face() AsyncS }\n\nvar x = undefined\n\nfunc f() int { return g() }\n",
		"out.go": "package a\n\nthis is to be overwritten",
	})
	p, s := loaded(t, dir, "S")
	if n := s.Iface.NumMethods(); n != 2 {
		t.Errorf("%d methods", n)
	}
	for _, c := range []struct{ text, want string }{
		{"package a\n\ntype AsyncS interface{}\n", ""},
		{"package a\n\nimport \"io\"\n\ntype AsyncS interface{ io.Reader }\n\nfunc ok() AsyncS { return nil }\n", ""},
		{"package a\n\ntype AsyncS interface{}\n\nfunc f() {}\n", "out.go:5: f redeclared"},
		{"package a\n\nimport \"io\"\n\ntype AsyncS interface{}\n", `out.go:3: "io" imported and not used`},
		{"package a\n\nfunc bad() int { return \"\" }\n", "out.go:3: cannot use"},
		{"package a\n\nfunc bad() int {\n", "out.go:3: expected"},
		{"package b\n", "out.go:1: package b; expected package a"},
	} {
		fault, err := p.Verify([]load.Output{{Name: filepath.Join(dir, output), Text: []byte(c.text)}})
		if fault != nil {
			err = errors.New(fault.What)
		}
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("got %v, want %s\n%s", err, c.want, c.text)
		}
	}
}

// What a file is built for, by its lines, its name and its imports, is what is
// made of it.
func TestConstraint(t *testing.T) {
	for _, c := range []struct{ name, head, want string }{
		{"a.go", "", ""},
		{"a_b.go", "// Words.\n\n", ""},
		{"linux.go", "", ""},
		{"a_linux.go", "", "linux"},
		{"a_linux_amd64.go", "", "linux && amd64"},
		{"a_amd64.go", "//go:build linux || never\n\n", "(linux || never) && amd64"},
		{"linux_b.go", "//go:build !never\n\n", "!never"},
		{"a_x_linux.go", "// +build !never\n\n", "!never && linux"},
		{"c.go", "// +build !never\n\n//go:build !ever\n\n", "!ever"},
		{"d.go", "// +build never\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("GOOS", "linux")
			t.Setenv("GOARCH", "amd64")
			dir := write(t, map[string]string{c.name: c.head + "package a\n\ntype S interface{ Do() }\n"})
			_, s := loaded(t, dir, "S")
			if got := s.Constraint; got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
