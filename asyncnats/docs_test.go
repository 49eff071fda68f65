package asyncnats_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Every fenced block marked "go asyncnats" in the documents of this module, and in the page
// about it in the documents of the library, is type-checked as the body of a function, or as
// declarations. What
// a document has no room to declare is in a comment before it, as in all documents of the
// library; ctx is always declared. A variable that is not used is no error.

// snippetImports are the packages that a block may use, by name.
func snippetImports() map[string]string {
	return map[string]string{
		"context": "context", "errors": "errors", "reflect": "reflect", "time": "time",
		"testing": "testing", "server": "github.com/nats-io/nats-server/v2/server",
		"nats": "github.com/nats-io/nats.go", "jetstream": "github.com/nats-io/nats.go/jetstream",
		"async": "github.com/seed4712c49f/async", "asyncnats": "github.com/seed4712c49f/async/asyncnats",
	}
}

func TestSnippets(t *testing.T) {
	c := newSnippetChecker(t)
	for _, name := range []string{"README.md", "docs/queue.md", "docs/security.md", "../docs/remote.md"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, b := range snippetsOf(name, string(text)) {
			n++
			if err := c.check(b); err != nil {
				t.Errorf("%s:%d: the snippet does not compile: %v", b.file, b.line, err)
			}
		}
		if n == 0 && name != "docs/security.md" {
			t.Errorf("no snippet of %s was found", name)
		}
	}
	if err := c.check(snippet{text: "asyncnats.Begin(ctx)\n"}); err == nil {
		t.Error("a snippet that is wrong compiles")
	}
}

// A snippet is one block.
type snippet struct {
	file, text, preamble string
	line                 int
}

func snippetsOf(file, text string) (found []snippet) {
	var now *snippet
	preamble, inPreamble := "", false
	line := 0
	for l := range strings.Lines(text) {
		line++
		switch trimmed := strings.TrimSpace(l); {
		case trimmed == "<!-- go":
			preamble, inPreamble = "", true
		case inPreamble && trimmed == "-->":
			inPreamble = false
		case inPreamble:
			preamble += l
		case now == nil && trimmed == "```go asyncnats":
			now = &snippet{file: file, line: line + 1, preamble: preamble}
		case now != nil && trimmed == "```":
			found, now = append(found, *now), nil
		case now != nil:
			now.text += l
		}
	}
	return found
}

// A snippetChecker has the export data of what blocks may import.
type snippetChecker struct{ imports types.Importer }

func newSnippetChecker(t *testing.T) *snippetChecker {
	t.Helper()
	args := []string{"list", "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}"}
	for _, path := range snippetImports() {
		args = append(args, path)
	}
	out, err := exec.CommandContext(t.Context(), "go", args...).Output()
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string]string)
	for l := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(l), "\t")
		files[path] = file
	}
	return &snippetChecker{importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
		return os.Open(files[path])
	})}
}

// check checks a block as declarations, and as a body that returns nothing, one value, or two.
func (c *snippetChecker) check(b snippet) (err error) {
	if c.compile(b.preamble+"\n"+b.text) == nil {
		return nil
	}
	for _, results := range []string{"", "error", "(any, error)"} {
		end := ""
		if results != "" {
			end = "panic(0)\n"
		}
		body := fmt.Sprintf("var ctx context.Context\n%s\nfunc _() %s {\n%s\n%s}\n", b.preamble, results, b.text, end)
		if err = c.compile(body); err == nil {
			return nil
		}
	}
	return err
}

func (c *snippetChecker) compile(body string) error {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "", "package snippet\n"+body, 0)
	if err != nil {
		return err
	}
	var head bytes.Buffer
	head.WriteString("package snippet\n")
	used := make(map[string]bool)
	ast.Inspect(f, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if id, ok := sel.X.(*ast.Ident); ok && snippetImports()[id.Name] != "" && !used[id.Name] {
				used[id.Name] = true
				fmt.Fprintf(&head, "import %s %q\n", id.Name, snippetImports()[id.Name])
			}
		}
		return true
	})
	if f, err = parser.ParseFile(fset, "", head.String()+body, 0); err != nil {
		return err
	}
	var first error
	config := types.Config{Importer: c.imports, Error: func(err error) {
		said := err.Error() // a variable may have the name of a package
		if first == nil && !strings.Contains(said, "declared and not used") && !strings.Contains(said, "imported and not used") {
			first = err
		}
	}}
	config.Check("snippet", fset, []*ast.File{f}, nil)
	return first
}
