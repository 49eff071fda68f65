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
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/modfile"
)

// A module is the one around a folder.
type module struct {
	path, dir, goVersion string
	file                 string // go.mod, or what -modfile names
	ignored              []string
}

// as is the module as another file has it.
func (m *module) as(file string) (*module, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("-modfile: %w", err)
	}
	other, err := parseModule(file, data)
	if err == nil {
		other.dir = m.dir
	}
	return other, err
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
	m := &module{path: mod.Module.Mod.Path, dir: filepath.Dir(file), file: file}
	if mod.Go != nil {
		m.goVersion = "go" + mod.Go.Version
	}
	for _, line := range mod.Ignore {
		m.ignored = append(m.ignored, line.Path)
	}
	return m, nil
}

// Ignored returns what reports whether a folder below dir is one of those that the module's
// go.mod has the go command ignore.
func Ignored(dir string) func(folder string) bool {
	m, err := findModule(dir)
	if err != nil {
		return func(string) bool { return false } // which is told later
	}
	return m.ignores
}

// ignores goes by the rules of the go command: ./x is one folder of the module, x any.
func (m *module) ignores(folder string) bool {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return false
	}
	rel, err := filepath.Rel(m.dir, folder)
	if err != nil || rel == "." {
		return false
	}
	within := "/" + filepath.ToSlash(rel) + "/"
	return slices.ContainsFunc(m.ignored, func(line string) bool {
		one, below := strings.CutPrefix(line, "./")
		one = "/" + strings.Trim(filepath.ToSlash(one), "/") + "/"
		return below && strings.HasPrefix(within, one) || !below && strings.Contains(within, one)
	})
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
	ctx, err := ss.goContext(root)
	ss.contexts[root] = ctx
	return ctx, err
}

func (ss *Session) goContext(dir string) (*build.Context, error) {
	tags := ss.tags
	cmd := exec.Command("go", "env", "-json", "GOOS", "GOARCH", "CGO_ENABLED", "GOFLAGS")
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok && len(exit.Stderr) > 0 {
			err = errors.New(oneLine(string(exit.Stderr)))
		}
		return nil, fmt.Errorf("go env: %w", err)
	}
	var env map[string]string
	if err := json.Unmarshal(out, &env); err != nil {
		return nil, err
	}
	ctx := build.Default
	ctx.GOOS, ctx.GOARCH, ctx.CgoEnabled = env["GOOS"], env["GOARCH"], env["CGO_ENABLED"] == "1"
	var others []string
	for _, whole := range fieldsOf(env["GOFLAGS"]) {
		flag := strings.TrimPrefix(strings.TrimPrefix(whole, "-"), "-")
		switch name, value, _ := strings.Cut(flag, "="); name {
		case "tags":
			tags = cmp.Or(tags, value)
		case "race", "msan", "asan": // each is a build tag, too
			if on, err := strconv.ParseBool(cmp.Or(value, "true")); err == nil && on {
				ctx.BuildTags = append(ctx.BuildTags, name)
			}
		case "modfile":
			if ss.modfile, err = filepath.Abs(value); err != nil {
				return nil, err
			}
			continue
		}
		others = append(others, quoted(whole))
	}
	if ss.modfile != "" { // go/packages runs the go command without modules, too, which refuses the flag
		ss.env = append(os.Environ(), "GOFLAGS="+strings.Join(others, " "))
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

// quoted is a field that fieldsOf reads back as it is.
func quoted(field string) string {
	switch {
	case !strings.ContainsAny(field, " \t\r\n'\""):
		return field
	case strings.Contains(field, "'"):
		return `"` + field + `"`
	}
	return "'" + field + "'"
}

// flags are those that the go command is given.
func (ss *Session) flags() []string {
	var list []string
	if ss.tags != "" {
		list = append(list, "-tags="+ss.tags)
	}
	if ss.modfile != "" {
		list = append(list, "-modfile="+ss.modfile)
	}
	return list
}

// have reports as an error that the module does not have what the outputs need, in
// words that say what to do. It asks for nothing to be compiled, so it is quick. It asks
// for all at once, and for each only where one is missing.
func (ss *Session) have(dir string, needs []string, mod *module) error {
	needs = slices.DeleteFunc(slices.Clone(needs), func(need string) bool { return !strings.Contains(need, ".") })
	if len(needs) == 0 {
		return nil
	}
	if _, err := ss.find(dir, needs...); err == nil {
		return nil
	}
	for _, need := range needs {
		if said, err := ss.find(dir, need); err != nil {
			return mod.why(need, said)
		}
	}
	return nil
}

// find asks the go command for packages, and returns what it says where it fails.
func (ss *Session) find(dir string, paths ...string) (said string, err error) {
	args := append([]string{"list", "-find", "-f", "{{.Dir}}"}, ss.flags()...)
	cmd := exec.Command("go", append(append(args, "--"), paths...)...)
	cmd.Dir, cmd.Env = dir, ss.env
	var stderr strings.Builder
	cmd.Stderr = &stderr
	err = cmd.Run()
	return oneLine(stderr.String()), err
}

// why says what to do about a package that the go command does not find.
func (m *module) why(path, said string) error {
	_, vendored := os.Stat(filepath.Join(m.dir, "vendor", "modules.txt"))
	file := shortest(m.file)
	switch {
	case strings.Contains(said, "inconsistent vendoring"):
		return fmt.Errorf("%s:1: go mod vendor is to be run first: %s", file, said)
	case strings.Contains(said, "running go "), strings.Contains(said, "toolchain not available"):
		return fmt.Errorf("%s:1: another version of Go is wanted: %s", file, said)
	case vendored == nil && strings.Contains(said, "vendor"):
		return fmt.Errorf("%s:1: the output imports %s, which the vendor folder does not have: go get %[2]s, import it in some file, then go mod vendor (%s)", file, path, said)
	case strings.Contains(said, "go.sum"):
		return fmt.Errorf("%s:1: the output imports %s, which go.sum does not have: go get %[2]s (%s)", file, path, said)
	case strings.Contains(said, "no required module provides"), strings.Contains(said, "cannot find module"), strings.Contains(said, "is not in std"):
		return fmt.Errorf("%s:1: the output imports %s, which this module does not have: go get %[2]s", file, path)
	}
	return fmt.Errorf("%s:1: the output imports %s, and the go command says: %s", file, path, said)
}
