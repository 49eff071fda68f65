package lateresource

// The mend: the options that are missing.

import (
	"fmt"
	"go/ast"
	"go/types"
	"strconv"

	"github.com/seed4712c49f/async/cmd/asyncvet/internal/api"
	"github.com/seed4712c49f/async/cmd/asyncvet/internal/program"
	"golang.org/x/tools/go/analysis"
)

// fixes returns the mend: the options that are missing, behind those that are
// there. There is none where the call takes no options, or where the file does not
// import what the type of the result is from.
func (c checker) fixes(b program.Begin, how string, discard, stream bool) []analysis.SuggestedFix {
	names := c.imports(b.Call)
	lib, ok := names[api.Path]
	if !ok || b.Call.Ellipsis.IsValid() || len(b.Call.Args) == 0 {
		return nil
	}
	if lib != "" {
		lib += "."
	}
	var text string
	if stream {
		text += ", " + lib + "Streaming()"
	}
	if discard {
		known := true
		typ := types.TypeString(b.Type, func(p *types.Package) string {
			name, ok := names[p.Path()]
			known = known && ok
			return name
		})
		if !known || c.hidden(b.Type) {
			return nil
		}
		text += fmt.Sprintf(", %sDiscard(func(late %s, err error) {\nif err == nil {\nlate%s\n}\n})", lib, typ, how)
	}
	at := b.Call.Args[len(b.Call.Args)-1].End()
	return []analysis.SuggestedFix{{
		Message:   "Add the options that are missing",
		TextEdits: []analysis.TextEdit{{Pos: at, End: at, NewText: []byte(text)}},
	}}
}

// hidden reports whether a type cannot be named here: it is one of another package, and begins
// with a small letter.
func (c checker) hidden(t types.Type) bool {
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	n, ok := types.Unalias(t).(*types.Named)
	return ok && n.Obj().Pkg() != nil && n.Obj().Pkg() != c.pass.Pkg && !n.Obj().Exported()
}

// imports returns the names by which the file of n knows packages: "" for its own,
// and for one that is imported by a dot.
func (c checker) imports(n ast.Node) map[string]string {
	names := map[string]string{c.pass.Pkg.Path(): ""}
	for _, f := range c.pass.Files {
		if !program.Holds(f, n) {
			continue
		}
		for _, spec := range f.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				continue
			}
			name := c.pass.TypesInfo.PkgNameOf(spec)
			switch {
			case name == nil || name.Name() == "_":
			case name.Name() == ".":
				names[path] = ""
			default:
				names[path] = name.Name()
			}
		}
	}
	return names
}
