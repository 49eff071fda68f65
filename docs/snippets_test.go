// Package docs_test compiles the code in the documents.
//
// Every fenced block marked "go" in README.md, docs/*.md and docs/decisions/*.md
// is type-checked against the library as it is. A block is a whole file, or
// declarations, or else statements, which may return up to three values. Imports
// are added by the names used. A variable that is not used is no error. What a
// document has no room to declare stands in a comment that readers do not see,
// which holds for the blocks after it until the next such comment:
//
//	<!-- go
//	func fetch(ctx context.Context, url string) (string, error)
//	-->
//
// ctx is always declared. A block marked "go ignore" is left alone.
package docs_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/build"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	_ "github.com/seed4712c49f/async" // so that go test runs this again when it changes
)

// root is the root of the repository as seen from this package.
const root = ".."

func TestSnippetsCompile(t *testing.T) {
	goBlocks := slices.DeleteFunc(documents(t), func(b block) bool { return b.info != "go" })
	if !slices.ContainsFunc(goBlocks, func(b block) bool { return b.file == "docs/guide.md" }) {
		t.Error("no snippet of docs/guide.md was found")
	}
	for i, err := range compile(t, goBlocks) {
		if err != nil {
			t.Errorf("%s:%d: the snippet does not compile:\n%v", goBlocks[i].file, goBlocks[i].line, err)
		}
	}
}

// The test of the test: it accepts every form there is and refuses what is wrong.
func TestSnippetsAreReallyCompiled(t *testing.T) {
	tests := []struct {
		text, preamble string
		want           string // part of the error; none where it compiles
	}{
		{text: "call := async.Go(ctx, work)", preamble: "func work(context.Context) (int, error)"},
		{text: "func f(e *async.Event) { <-e.Done() }"},
		{text: "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println() }"},
		{text: "return call.Await(ctx)", preamble: "var call *async.Call[string]"},
		{text: "var e async.Event\nreturn e.Wait(ctx)"},
		{text: "defer goleak.VerifyNone(t)", preamble: "var t *testing.T"},
		{text: "path.Set()", preamble: "var path async.Event"}, // no package

		{text: "call := async.Go(ctx, work)", want: "undefined: work"},
		{text: "var e async.Event\ne.Reset()", want: "e.Reset undefined"},
		{text: "func f(e *async.Event) { e.Wait() }", want: "not enough arguments"},
		{text: "async.Ready(1, nil).Finish(", want: "expected"},
		{text: "var e async.Event\nreturn e.Set().Wait(ctx)", want: "e.Set().Wait undefined"},
		{text: "nosuch.Thing()", want: "undefined: nosuch"},
		{text: "package main\n\nfunc main() { fmt.Println() }", want: "undefined: fmt"},
	}
	blocks := make([]block, len(tests))
	for i, tt := range tests {
		blocks[i] = block{file: "test.md", line: 7, text: tt.text, preamble: tt.preamble}
	}
	for i, err := range compile(t, blocks) {
		switch want := tests[i].want; {
		case want == "" && err != nil:
			t.Errorf("%s\nis refused: %v", tests[i].text, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "test.md:")):
			t.Errorf("%s\nerror %v, want %s, in test.md", tests[i].text, err, want)
		}
	}
}

func TestCommandsNamePrograms(t *testing.T) {
	for cmd, where := range commands(t) {
		dir := filepath.Join("examples", strings.TrimPrefix(cmd, runExample))
		if pkg, err := build.ImportDir(filepath.Join(root, dir), 0); err != nil {
			t.Errorf("%s: %s: %v", where, cmd, err)
		} else if !pkg.IsCommand() {
			t.Errorf("%s: %s: package %s is no program", where, cmd, pkg.Name)
		}
	}
}

// What the README says of the module, go.mod says, too.
func TestReadmeOfModule(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	field := func(name string) string {
		_, rest, _ := strings.Cut("\n"+string(mod), "\n"+name+" ")
		value, _, _ := strings.Cut(rest, "\n")
		return value
	}
	module, version := field("module"), strings.TrimSuffix(field("go"), ".0")
	for _, want := range []string{"go get " + module + "\n", "\"" + module + "\"", "git clone https://" + module + "\n", "It needs Go " + version + " "} {
		if !strings.Contains(string(readme), want) {
			t.Errorf("README.md does not say %q", want)
		}
	}
	folder := regexp.MustCompile("`cd (examples/[a-z]+) && go run \\.`").FindSubmatch(readme)
	if folder == nil {
		t.Fatal("README.md does not say how an example is run from its folder")
	}
	if pkg, err := build.ImportDir(filepath.Join(root, string(folder[1])), 0); err != nil || !pkg.IsCommand() {
		t.Errorf("README.md runs %s, which is no program: %v", folder[1], err)
	}
}

func TestGuideShowsEveryPattern(t *testing.T) {
	programs, err := filepath.Glob(filepath.Join(root, "examples/patterns/*/main.go"))
	if err != nil || len(programs) == 0 {
		t.Fatalf("no patterns: %v", err)
	}
	shown := commands(t)
	for _, p := range programs {
		cmd := runExample + "./patterns/" + filepath.Base(filepath.Dir(p))
		if !strings.HasPrefix(shown[cmd], "docs/guide.md:") {
			t.Errorf("docs/guide.md does not show %s", cmd)
		}
	}
}

// runExample begins a command that runs an example. The examples are a module of
// their own.
const runExample = "go run -C examples "

// commands returns the commands in the documents that run an example, and where
// each is; in the guide where it is there too.
func commands(t *testing.T) map[string]string {
	found := map[string]string{}
	for _, b := range documents(t) {
		if b.info != "sh" {
			continue
		}
		for line := range strings.Lines(b.text) {
			program, ok := strings.CutPrefix(strings.TrimPrefix(strings.TrimSpace(line), "$ "), runExample)
			if !ok {
				continue
			}
			program, _, _ = strings.Cut(program, " ")
			if cmd := runExample + program; found[cmd] == "" || b.file == "docs/guide.md" {
				found[cmd] = fmt.Sprintf("%s:%d", b.file, b.line)
			}
		}
	}
	return found
}

// A block is a fenced block of a document.
type block struct {
	file     string // from the root of the repository
	line     int    // of the first line of text
	info     string // what the fence says
	text     string
	preamble string // the declarations that hold for it
}

// documents returns the blocks of all documents there are.
func documents(t *testing.T) []block {
	var found []block
	for _, pattern := range []string{"README.md", "docs/*.md", "docs/decisions/*.md"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			name, err := filepath.Rel(root, f)
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, blocksOf(filepath.ToSlash(name), string(text))...)
		}
	}
	return found
}

// blocksOf returns the blocks of one document.
func blocksOf(file, text string) []block {
	var (
		found    []block
		end      string // what ends the block or comment that the line is in
		preamble string
	)
	line := 0
	for l := range strings.Lines(text) {
		line++
		trimmed := strings.TrimSpace(l)
		fence := trimmed[:len(trimmed)-len(strings.TrimLeft(trimmed, "`"))]
		switch {
		case end == "" && trimmed == "<!-- go":
			end, preamble = "-->", ""
		case end == "" && len(fence) >= 3:
			end = fence
			found = append(found, block{file: file, line: line + 1, info: strings.TrimSpace(trimmed[len(fence):]), preamble: preamble})
		case end != "" && trimmed == end:
			end = ""
		case end == "-->":
			preamble += l
		case end != "":
			found[len(found)-1].text += l
		}
	}
	return found
}

// compile type-checks each block and returns what is wrong with it, or nil.
func compile(t *testing.T, blocks []block) []error {
	if testing.Short() {
		t.Skip("it checks types, and says the same under the race detector")
	}
	byName := packagesByName(t)
	all := make([][]source, len(blocks))
	needed := map[string]bool{}
	for i, b := range blocks {
		all[i] = sources(b, byName)
		for _, form := range all[i] {
			for _, path := range form.imports {
				needed[path] = true
			}
		}
	}
	c := newChecker(t, slices.Collect(maps.Keys(needed)))
	errs := make([]error, len(blocks))
	for i, forms := range all {
		errs[i] = c.checkAny(forms)
	}
	return errs
}

// A source is one form in which a block may compile.
type source struct {
	text    string
	imports []string
}

// sources returns the forms in which a block may be meant: one where it is a
// file or parses as declarations, else that of a function body with no result,
// one, and so on. The preamble comes last: imports must come first, and the order
// of other declarations is free.
func sources(b block, byName map[string]string) []source {
	text := fmt.Sprintf("\n//line %s:%d\n%s\n", b.file, b.line, b.text)
	if strings.HasPrefix(strings.TrimSpace(b.text), "package ") {
		return []source{newSource("", text, nil)}
	}
	preamble := "var ctx context.Context\n" + b.preamble
	if _, err := parse("package snippet\n" + b.text); err == nil {
		return []source{newSource("package snippet\n", text+preamble, byName)}
	}
	var forms []source
	for _, results := range []string{"", "any", "(any, any)", "(any, any, any)"} {
		end := "}\n"
		if results != "" {
			end = "panic(0)\n}\n" // where it does not return
		}
		body := "func _() " + results + " {" + text + end
		forms = append(forms, newSource("package snippet\n", body+preamble, byName))
	}
	return forms
}

// newSource returns head and body with the imports that body needs of byName
// between them.
func newSource(head, body string, byName map[string]string) source {
	f, err := parse(head + body)
	if err != nil {
		return source{text: head + body}
	}
	s := source{imports: ownImports(f)}
	unresolved := map[string]bool{}
	for _, id := range f.Unresolved {
		unresolved[id.Name] = true
	}
	added := map[string]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if id, ok := sel.X.(*ast.Ident); ok && unresolved[id.Name] && byName[id.Name] != "" {
				added[byName[id.Name]] = true
			}
		}
		return true
	})
	for _, path := range s.imports {
		delete(added, path)
	}
	for path := range added {
		head += fmt.Sprintf("import %q\n", path)
		s.imports = append(s.imports, path)
	}
	s.text = head + body
	return s
}

// ownImports returns the paths that a file imports.
func ownImports(f *ast.File) []string {
	var paths []string
	for _, spec := range f.Imports {
		if path, err := strconv.Unquote(spec.Path.Value); err == nil {
			paths = append(paths, path)
		}
	}
	return paths
}

func parse(text string) (*ast.File, error) {
	return parser.ParseFile(token.NewFileSet(), "", text, 0)
}

// packagesByName returns the import path of each package that a snippet may use
// without importing it: of the standard library, of this module, and of what it
// requires.
func packagesByName(t *testing.T) map[string]string {
	byName := map[string]string{}
	for line := range strings.Lines(goList(t, "-f", "{{.Name}} {{.ImportPath}}",
		"std", "./...", "go.uber.org/goleak", "golang.org/x/sync/...")) {
		name, path, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name != "main" && !strings.Contains("/"+path+"/", "/internal/") && !strings.HasPrefix(path, "vendor/") {
			byName[name] = path
		}
	}
	byName["rand"] = "math/rand/v2" // of several
	byName["template"] = "text/template"
	return byName
}

func goList(t *testing.T, args ...string) string {
	var stderr strings.Builder
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-e"}, args...)...)
	cmd.Dir, cmd.Stderr = root, &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	return string(out)
}

// A checker type-checks sources against compiled packages.
type checker struct {
	fset     *token.FileSet
	importer types.Importer
}

// newChecker returns a checker for sources that import no other packages than
// these. The compiler's export data is in the build cache, where go list puts it.
func newChecker(t *testing.T, imports []string) *checker {
	files := map[string]string{}
	args := append([]string{"-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}"}, imports...)
	for line := range strings.Lines(goList(t, args...)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), " ")
		files[path] = file
	}
	c := &checker{fset: token.NewFileSet()}
	c.importer = importer.ForCompiler(c.fset, "gc", func(path string) (io.ReadCloser, error) {
		if files[path] == "" {
			return nil, fmt.Errorf("no export data of %s", path)
		}
		return os.Open(files[path])
	})
	return c
}

// checkAny returns nil where one of the forms compiles, else the shortest list
// of errors that one has.
func (c *checker) checkAny(forms []source) error {
	var least []error
	for i, form := range forms {
		errs := c.check(form.text)
		if len(errs) == 0 {
			return nil
		}
		if i == 0 || len(errs) < len(least) {
			least = errs
		}
	}
	return errors.Join(least...)
}

func (c *checker) check(text string) (errs []error) {
	f, err := parser.ParseFile(c.fset, "", text, 0)
	if err != nil {
		return []error{err}
	}
	conf := types.Config{Importer: c.importer, Error: func(err error) {
		var te types.Error
		if errors.As(err, &te) && te.Soft && strings.HasPrefix(te.Msg, "declared and not used") {
			return
		}
		errs = append(errs, err)
	}}
	_, _ = conf.Check("snippet", c.fset, []*ast.File{f}, nil) // Error has them all
	return errs
}
