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
	lib, ok := c.named(api.Path, names, b.Call)
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
			name, ok := c.named(p.Path(), names, b.Call)
			known = known && ok
			return name
		})
		if !known || c.hidden(b.Type) || c.shadowed(b.Type, b.Call) {
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

// named returns the name by which a package is known where n stands, unless something else has
// the name there.
func (c checker) named(path string, names map[string]string, n ast.Node) (name string, ok bool) {
	if name, ok = names[path]; !ok || name == "" {
		return name, ok
	}
	pkg, ok := c.lookUp(name, n).(*types.PkgName)
	return name, ok && pkg.Imported().Path() == path
}

// shadowed reports whether something else than a type of this package has its name where n
// stands.
func (c checker) shadowed(t types.Type, n ast.Node) bool {
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	named, ok := types.Unalias(t).(*types.Named)
	return ok && named.Obj().Pkg() == c.pass.Pkg && c.lookUp(named.Obj().Name(), n) != named.Obj()
}

// lookUp returns what a name stands for where n is, or nil.
func (c checker) lookUp(name string, n ast.Node) types.Object {
	scope := c.pass.Pkg.Scope().Innermost(n.Pos())
	if scope == nil {
		return nil
	}
	_, obj := scope.LookupParent(name, n.Pos())
	return obj
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
