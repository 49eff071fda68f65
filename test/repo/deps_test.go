package repo_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/build"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

const modulePath = "github.com/seed4712c49f/async"

// imports states what each folder of the module may import: std is the whole
// standard library, async the root package, a path itself. A folder that is not
// listed follows the one above it, but the root only speaks for itself. Test
// files are apart. What the root imports is stated to the package; nothing is
// listed that it no longer needs.
const imports = `
root:           cmp context errors fmt io iter log/slog maps math math/rand/v2 reflect runtime runtime/debug
                slices strings sync/atomic time unsafe
                golang.org/x/sync/errgroup internal/dump internal/handles internal/label internal/latch
                internal/list internal/parked internal/remote internal/sched internal/scope internal/stack
                internal/waitgraph
root tests:     std async internal/latch internal/remote golang.org/x/sync/errgroup golang.org/x/sync/semaphore
                golang.org/x/sync/singleflight go.uber.org/goleak
test/explore tests: std async internal/sched go.uber.org/goleak
test/repo tests:    std

asyncimpl:       context reflect slices strings sync sync/atomic time async
asyncimpl tests: std async asyncimpl go.uber.org/goleak
internal/latch:     context fmt math reflect runtime slices sync sync/atomic time internal/sched
internal/latch tests: std internal/latch internal/sched go.uber.org/goleak
internal/scope:     context iter slices sync/atomic time internal/list internal/sched
internal/scope tests: std internal/list internal/scope
internal/list:
internal/list tests: std internal/list
internal/dump:      cmp fmt io maps slices strconv strings time unicode/utf8
internal/dump tests: std internal/dump
internal/stack:     fmt runtime slices strings sync/atomic
internal/stack tests: std internal/stack
internal/parked:    iter runtime time internal/list internal/sched internal/stack
internal/parked tests: std internal/parked internal/sched
internal/handles:   maps slices internal/sched internal/stack
internal/handles tests: std internal/handles internal/stack
internal/remote:    context
internal/waitgraph: iter slices internal/deadlock internal/parked internal/sched
internal/waitgraph tests: std internal/parked internal/waitgraph
internal/deadlock:  maps slices
internal/deadlock tests: std internal/deadlock
internal/label:     context maps runtime/pprof runtime/trace sync/atomic
internal/label tests: std internal/label
internal/sched:     std
internal/sched tests: std internal/sched
asyncview:          std async
asyncview tests:    std async asyncview go.uber.org/goleak
asynctest:          std async internal/sched go.uber.org/goleak
asynctest tests:    std async asynctest internal/sched go.uber.org/goleak
docs tests:         std async
`

// requires is what the module's go.mod asks for, the second for tests only.
var requires = []string{"golang.org/x/sync", "go.uber.org/goleak"}

// order lists the files of the root package, the lowest first. A file may name what is
// declared in the files before it, and nothing else: no arrow points up.
const order = `
errors wait core context complete signal info place owner start scope handle call
async members set calls each shared group
`

// TestDeps_Imports checks the imports of every package of the module against
// the text.
func TestDeps_Imports(t *testing.T) {
	allowed := table(t, imports)
	used := make(map[string]bool)
	for file, paths := range importsOfModule(t) {
		folder := ruleFor(allowed, file)
		if folder == "" {
			t.Errorf("%s: its folder is not in the text", file)
			continue
		}
		for _, path := range paths {
			if name := importName(allowed[folder], path); name == "" {
				t.Errorf("%s imports %s, which the text does not allow under %q", file, path, folder)
			} else if folder == "root" {
				used[name] = true
			}
		}
	}
	for _, name := range allowed["root"] {
		if !used[name] {
			t.Errorf("the text allows the root package %s, which it does not import", name)
		}
	}
}

// TestDeps_GoMod checks that the module requires what is stated, and no more.
func TestDeps_GoMod(t *testing.T) {
	var mod struct {
		Require []struct{ Path string }
		Replace []struct{ Old struct{ Path string } }
	}
	if err := json.Unmarshal(goCommand(t, "mod", "edit", "-json"), &mod); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range mod.Require {
		got = append(got, r.Path)
	}
	slices.Sort(got)
	if want := slices.Sorted(slices.Values(requires)); !slices.Equal(got, want) {
		t.Errorf("go.mod requires %v, the text says %v", got, want)
	}
	for _, r := range mod.Replace {
		t.Errorf("go.mod replaces %s", r.Old.Path)
	}
}

// TestDeps_Files checks the arrows between the files of the root package against
// the order.
func TestDeps_Files(t *testing.T) {
	files := strings.Fields(order)
	actual := arrowsOfRoot(t)
	for from, tos := range actual {
		at := slices.Index(files, from)
		if at < 0 {
			t.Errorf("%s.go is not in the order", from)
		}
		for to, example := range tos {
			if slices.Index(files, to) > at {
				t.Errorf("the arrow %s → %s points up: %s", from, to, example)
			}
		}
	}
	for _, name := range files {
		if _, ok := actual[name]; !ok {
			t.Errorf("the order lists %s.go, which does not exist", name)
		}
	}
}

// arrowsOfRoot returns, for each file of the root package, the files that it
// names identifiers of, with an example and how many more there are.
func arrowsOfRoot(t *testing.T) map[string]map[string]string {
	t.Helper()
	r := loadRoot(t)
	found := make(map[string]map[string][]*ast.Ident)
	for _, f := range r.files {
		found[stem(r.fset, f.Pos())] = make(map[string][]*ast.Ident)
	}
	for id, obj := range r.info.Uses {
		if obj.Pkg() != r.pkg {
			continue
		}
		from, to := stem(r.fset, id.Pos()), stem(r.fset, obj.Pos())
		if from != to {
			found[from][to] = append(found[from][to], id)
		}
	}
	text := make(map[string]map[string]string)
	for from, tos := range found {
		text[from] = make(map[string]string)
		for to, uses := range tos {
			first := slices.MinFunc(uses, func(a, b *ast.Ident) int { return cmp.Compare(a.Pos(), b.Pos()) })
			text[from][to] = fmt.Sprintf("%s names %s, declared in %s.go (the first of %d)",
				r.fset.Position(first.Pos()), first.Name, to, len(uses))
		}
	}
	return text
}

func stem(fset *token.FileSet, pos token.Pos) string {
	return strings.TrimSuffix(filepath.Base(fset.Position(pos).Filename), ".go")
}

// A root is the root package without its tests, parsed and checked.
type root struct {
	fset  *token.FileSet
	files []*ast.File
	pkg   *types.Package
	info  *types.Info
}

var checkRootOnce = sync.OnceValues(checkRoot)

func loadRoot(t *testing.T) *root {
	t.Helper()
	r, err := checkRootOnce()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func checkRoot() (*root, error) {
	dir, err := build.ImportDir(".", 0)
	if err != nil {
		return nil, err
	}
	r := &root{fset: token.NewFileSet(), info: &types.Info{Uses: make(map[*ast.Ident]types.Object)}}
	for _, name := range dir.GoFiles {
		f, err := parser.ParseFile(r.fset, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		r.files = append(r.files, f)
	}
	exports, err := exportData(dir.Imports)
	if err != nil {
		return nil, err
	}
	conf := types.Config{Importer: importer.ForCompiler(r.fset, "gc", func(path string) (io.ReadCloser, error) {
		return os.Open(exports[path])
	})}
	r.pkg, err = conf.Check(modulePath, r.fset, r.files, r.info)
	return r, err
}

// exportData returns the files that hold what the compiler knows of the packages
// and of those below them.
func exportData(paths []string) (map[string]string, error) {
	out, err := runGo(append([]string{"list", "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}"}, paths...)...)
	if err != nil {
		return nil, err
	}
	files := make(map[string]string)
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), "\t")
		files[path] = file
	}
	return files, nil
}

// importsOfModule returns the imports of each file of the module by the file's
// path, without the modules that live in folders of this one.
func importsOfModule(t *testing.T) map[string][]string {
	t.Helper()
	all := make(map[string][]string)
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != "." && notOurs(path):
			return filepath.SkipDir
		case d.IsDir() || filepath.Ext(path) != ".go":
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		all[filepath.ToSlash(path)] = nil
		for _, spec := range f.Imports {
			all[filepath.ToSlash(path)] = append(all[filepath.ToSlash(path)], strings.Trim(spec.Path.Value, "`\""))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// notOurs reports whether a folder belongs to another module or is none of the
// go command's affairs.
func notOurs(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	name := filepath.Base(dir)
	return err == nil || name == "testdata" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")
}

// ruleFor returns the name of the line that speaks for a file: that of its
// folder, or of the nearest one above but for the root.
func ruleFor(rules map[string][]string, file string) string {
	suffix := ""
	if strings.HasSuffix(file, "_test.go") {
		suffix = " tests"
	}
	if !strings.Contains(file, "/") {
		return "root" + suffix
	}
	for {
		i := strings.LastIndex(file, "/")
		if i < 0 {
			return ""
		}
		file = file[:i]
		if _, ok := rules[file+suffix]; ok {
			return file + suffix
		}
	}
}

// importName returns the name by which the text allows an import, or nothing.
func importName(allowed []string, path string) string {
	own := path
	if rest, ok := strings.CutPrefix(path, modulePath); ok {
		own = cmp.Or(strings.TrimPrefix(rest, "/"), "async")
	}
	first, _, _ := strings.Cut(path, "/")
	switch {
	case slices.Contains(allowed, own):
		return own
	case !strings.Contains(first, ".") && slices.Contains(allowed, "std"):
		return "std"
	}
	return ""
}

// table reads lines of the form "name: words"; a line without a name goes on
// with the one before it.
func table(t *testing.T, text string) map[string][]string {
	t.Helper()
	lines := make(map[string][]string)
	last := ""
	for line := range strings.Lines(text) {
		name, words, ok := strings.Cut(line, ":")
		if ok {
			if _, twice := lines[name]; twice {
				t.Fatalf("the text has two lines for %q", name)
			}
			last = name
		} else {
			words = line
		}
		if fields := strings.Fields(words); ok || len(fields) > 0 {
			lines[last] = append(lines[last], fields...)
		}
	}
	return lines
}

func goCommand(t *testing.T, args ...string) []byte {
	t.Helper()
	out, err := runGo(args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func runGo(args ...string) ([]byte, error) {
	var stderr bytes.Buffer
	cmd := exec.Command("go", args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w\n%s", args[0], err, stderr.Bytes())
	}
	return out, nil
}
