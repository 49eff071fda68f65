package load

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"go/build"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/modfile"
)

// A module is the one around a folder.
type module struct {
	path, dir, goVersion string
}

// findModule looks for go.mod in a folder and those above it.
func findModule(dir string) (*module, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	for at := dir; ; at = filepath.Dir(at) {
		file := filepath.Join(at, "go.mod")
		data, err := os.ReadFile(file)
		switch {
		case err == nil:
			return parseModule(file, data)
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		case at == filepath.Dir(at):
			return nil, errNoModule
		}
	}
}

func parseModule(file string, data []byte) (*module, error) {
	mod, err := modfile.ParseLax(file, data, nil)
	if err != nil {
		return nil, err
	}
	if mod.Module == nil {
		return nil, fmt.Errorf("%s:1: no module line", shortest(file))
	}
	m := &module{path: mod.Module.Mod.Path, dir: filepath.Dir(file)}
	if mod.Go != nil {
		m.goVersion = "go" + mod.Go.Version
	}
	return m, nil
}

// pathOf returns the import path of a folder of the module, or of one inside it.
func (m *module) pathOf(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if other, err := findModule(dir); err == nil {
		m = other
	}
	rel, err := filepath.Rel(m.dir, dir)
	if err != nil {
		return "", err
	}
	return path.Join(m.path, filepath.ToSlash(rel)), nil
}

// buildContext is what the go command would build with: its own settings, its
// flags from the environment, and the tags of the session.
func (ss *Session) buildContext(dir string) (*build.Context, error) {
	root := dir
	if mod, err := findModule(dir); err == nil {
		root = mod.dir
	}
	if ctx := ss.contexts[root]; ctx != nil {
		return ctx, nil
	}
	ctx, err := goContext(root, ss.tags)
	ss.contexts[root] = ctx
	return ctx, err
}

func goContext(dir, tags string) (*build.Context, error) {
	cmd := exec.Command("go", "env", "-json", "GOOS", "GOARCH", "CGO_ENABLED", "GOFLAGS")
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	var env map[string]string
	if err := json.Unmarshal(out, &env); err != nil {
		return nil, err
	}
	ctx := build.Default
	ctx.GOOS, ctx.GOARCH, ctx.CgoEnabled = env["GOOS"], env["GOARCH"], env["CGO_ENABLED"] == "1"
	for _, flag := range fieldsOf(env["GOFLAGS"]) {
		flag = strings.TrimPrefix(strings.TrimPrefix(flag, "-"), "-")
		switch name, value, _ := strings.Cut(flag, "="); name {
		case "tags":
			tags = cmp.Or(tags, value)
		case "race", "msan", "asan": // each is a build tag, too
			if on, err := strconv.ParseBool(cmp.Or(value, "true")); err == nil && on {
				ctx.BuildTags = append(ctx.BuildTags, name)
			}
		}
	}
	ctx.BuildTags = append(ctx.BuildTags, strings.FieldsFunc(tags, func(r rune) bool { return r == ',' || r == ' ' })...)
	return &ctx, nil
}

// fieldsOf splits flags as the go command does: a field that begins with a quote ends
// at the next one.
func fieldsOf(text string) []string {
	var list []string
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		end := " \t\r\n"
		if text[0] == '\'' || text[0] == '"' {
			end, text = text[:1], text[1:]
		}
		field, rest := text, ""
		if i := strings.IndexAny(text, end); i >= 0 {
			field, rest = text[:i], text[i+1:]
		}
		list, text = append(list, field), rest
	}
	return list
}

// have reports as an error that the module does not have what the outputs need, in
// words that say what to do. It asks for nothing to be compiled, so it is quick.
func (ss *Session) have(dir string, needs []string, mod *module) error {
	for _, need := range needs {
		if !strings.Contains(need, ".") {
			continue
		}
		args := []string{"list", "-find", "-f", "{{.Dir}}"}
		if ss.tags != "" {
			args = append(args, "-tags="+ss.tags)
		}
		cmd := exec.Command("go", append(args, "--", need)...)
		cmd.Dir = dir
		var stderr strings.Builder
		cmd.Stderr = &stderr
		if err := cmd.Run(); err != nil {
			return mod.why(need, oneLine(stderr.String()))
		}
	}
	return nil
}

// why says what to do about a package that the go command does not find.
func (m *module) why(path, said string) error {
	_, vendored := os.Stat(filepath.Join(m.dir, "vendor", "modules.txt"))
	file := shortest(filepath.Join(m.dir, "go.mod"))
	switch {
	case strings.Contains(said, "running go "), strings.Contains(said, "toolchain not available"):
		return fmt.Errorf("%s:1: another version of Go is wanted: %s", file, said)
	case vendored == nil && strings.Contains(said, "vendor"):
		return fmt.Errorf("%s:1: the output imports %s, which the vendor folder does not have: import it somewhere, go get %[2]s, then go mod vendor (%s)", file, path, said)
	case strings.Contains(said, "go.sum"):
		return fmt.Errorf("%s:1: the output imports %s, which go.sum does not have: go get %[2]s (%s)", file, path, said)
	case strings.Contains(said, "no required module provides"), strings.Contains(said, "cannot find module"), strings.Contains(said, "is not in std"):
		return fmt.Errorf("%s:1: the output imports %s, which this module does not have: go get %[2]s", file, path)
	}
	return fmt.Errorf("%s:1: the output imports %s, and the go command says: %s", file, path, said)
}
