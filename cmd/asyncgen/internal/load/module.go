package load

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/build"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
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
// flags from the environment, and tags.
func buildContext(dir, tags string) (*build.Context, error) {
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
	for flag := range strings.FieldsSeq(env["GOFLAGS"]) {
		flag = strings.TrimPrefix(strings.TrimPrefix(flag, "-"), "-")
		if list, ok := strings.CutPrefix(flag, "tags="); ok && tags == "" {
			tags = list
		}
	}
	ctx.BuildTags = strings.FieldsFunc(tags, func(r rune) bool { return r == ',' || r == ' ' })
	return &ctx, nil
}
