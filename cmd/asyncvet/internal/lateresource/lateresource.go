// Package lateresource defines an analyzer that reports calls whose results have
// to be closed, where a late one is not: see docs/vet.md.
package lateresource

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"github.com/seed4712c49f/async/cmd/asyncvet/internal/api"
	"github.com/seed4712c49f/async/cmd/asyncvet/internal/program"
	"golang.org/x/tools/go/analysis"
)

const doc = `report calls whose late result nobody closes

A result with a Close, or an *http.Response, has to be closed also where the result
comes too late: after a Cancel, or after the end of the context of an Await. A
Discard closes late results. A call without a Discard is reported, unless its
result is taken on every path by a wait that cannot end before the call.

The body of a response goes on using the context of the call, and so needs
Streaming: reported where the function makes its request with its own context.`

// Analyzer reports calls whose late result nobody closes.
var Analyzer = &analysis.Analyzer{
	Name:     "lateresource",
	Doc:      doc,
	URL:      "https://pkg.go.dev/github.com/seed4712c49f/async/cmd/asyncvet",
	Run:      run,
	Requires: []*analysis.Analyzer{program.Analyzer},
}

func run(pass *analysis.Pass) (any, error) {
	p := program.Of(pass)
	if p == nil {
		return nil, nil
	}
	c := checker{pass, p}
	for _, b := range p.Begins() {
		switch b.Name {
		case "Group.Do", "Group.Join", "NewLazy": // what is shared is nobody's to close
		default:
			if b.Options.All && !api.IsRemote(b.Name) { // what has traveled is open nowhere
				c.begin(b)
			}
		}
	}
	return nil, nil
}

type checker struct {
	pass *analysis.Pass
	p    *program.Package
}

func (c checker) begin(b program.Begin) {
	how := program.Closer(b.Type)
	if how == "" {
		return
	}
	fn := ast.Node(nil)
	if b.Func != nil {
		fn, _ = c.p.FuncOf(b.Func)
	}
	if fn != nil && (!c.p.Gives(fn) || c.closes(fn)) {
		return
	}
	discard := len(b.Options.Discards) == 0 && !c.taken(b)
	stream := program.IsResponse(b.Type) && !b.Options.Streaming && fn != nil && c.usesContext(fn)
	if !discard && !stream {
		return
	}
	var what []string
	if discard {
		what = append(what, "without Discard nobody closes a "+c.typeName(b.Type)+" that comes too late")
	}
	if stream {
		what = append(what, "without Streaming the call's context ends with the call, and reading the body fails with context canceled")
	}
	d := analysis.Diagnostic{Pos: b.Call.Pos(), End: b.Call.End(), Message: strings.Join(what, ", and ")}
	d.SuggestedFixes = c.fixes(b, how, discard, stream)
	c.p.Report(c.pass, d)
}

func (c checker) typeName(t types.Type) string {
	return types.TypeString(t, func(p *types.Package) string {
		if p == c.pass.Pkg {
			return ""
		}
		return p.Name()
	})
}

// closes reports whether a function defers the Close of something.
func (c checker) closes(fn ast.Node) bool {
	found := false
	c.p.Inline(program.Body(fn), func(n ast.Node) bool {
		if d, ok := n.(*ast.DeferStmt); ok {
			if sel, ok := ast.Unparen(d.Call.Fun).(*ast.SelectorExpr); ok && sel.Sel.Name == "Close" {
				found = true
			}
		}
		return true
	})
	return found
}

// usesContext reports whether a function makes something with the context that it is given,
// and leaves the body of its response as it is.
func (c checker) usesContext(fn ast.Node) bool {
	sig := c.p.Signature(fn)
	if sig == nil || sig.Params().Len() == 0 || !api.IsContext(sig.Params().At(0).Type()) {
		return false
	}
	if !slices.ContainsFunc(c.p.Uses(sig.Params().At(0), program.Body(fn)), c.makesWith) {
		return false
	}
	replaced := false
	ast.Inspect(program.Body(fn), func(n ast.Node) bool {
		if s, ok := n.(*ast.AssignStmt); ok {
			for _, l := range s.Lhs {
				if sel, ok := l.(*ast.SelectorExpr); ok && sel.Sel.Name == "Body" {
					replaced = true
				}
			}
		}
		return true
	})
	return !replaced
}

// makesWith reports whether something may go on using a context: whether it is used by more
// than its own methods, and than calls that return nothing but an error.
func (c checker) makesWith(u program.Use) bool {
	switch parent := c.p.Parent(u.Ident).(type) {
	case *ast.SelectorExpr:
		return false
	case *ast.CallExpr:
		switch t := c.pass.TypesInfo.TypeOf(parent).(type) {
		case *types.Tuple:
			return t.Len() > 0
		default:
			return t != nil && !types.Identical(t, types.Universe.Lookup("error").Type())
		}
	}
	return true
}

// taken reports whether the result of a call is taken on every path, by a wait
// that cannot end before the call: then none is late.
func (c checker) taken(b program.Begin) bool {
	switch parent := c.p.Parent(b.Call).(type) {
	case *ast.SelectorExpr:
		call, ok := c.p.Parent(parent).(*ast.CallExpr)
		return ok && (parent.Sel.Name == "Await" || parent.Sel.Name == "Settle") && len(call.Args) == 1 && c.endless(call.Args[0])
	case *ast.RangeStmt:
		return b.Name == "Map" && c.endless(b.Call.Args[0]) && runsThrough(parent)
	}
	search := c.search(b)
	if search.Var == nil || search.Func == nil || search.Var.IsField() || !program.Within(search.Var, search.Func) {
		return false
	}
	for _, u := range c.p.Uses(search.Var, search.Func) {
		if u.Act == program.Cancels || (u.Act == program.PassedOn && !c.takesEach(u)) {
			return false
		}
	}
	return search.Find() == nil
}

// search returns the search for a path on which nobody takes the result of a call; its
// variable is nil where the call is held by none.
func (c checker) search(b program.Begin) program.Search {
	search := program.Search{P: c.p, Func: c.p.Function(b.Call), Settles: c.takes}
	begins := api.EffectOf(b.Name) == api.Begins
	switch s := c.p.Parent(b.Call).(type) {
	case *ast.AssignStmt:
		search.From = s
		if last := c.p.Var(s.Lhs[len(s.Lhs)-1]); begins {
			search.Err = last
		} else if len(s.Rhs) == 1 && b.Name != "Hedge" {
			search.Var = last
		}
	case *ast.ValueSpec:
		search.From = s
		if !begins && len(s.Values) == 1 && b.Name != "Hedge" {
			search.Var = c.p.Var(s.Names[len(s.Names)-1])
		}
	case *ast.ExprStmt, *ast.BinaryExpr:
		search.From = b.Call
	default:
		return search
	}
	if begins {
		search.Var = c.p.Var(program.Receiver(b.Call))
	}
	return search
}

// takes reports whether a use takes the result, however long that lasts.
func (c checker) takes(u program.Use) bool {
	switch u.Name {
	case "Call.Finish":
		return true
	case "Call.Await", "Calls.Settle":
		return u.Call != nil && len(u.Call.Args) == 1 && c.endless(u.Call.Args[0])
	}
	return c.takesEach(u)
}

// takesEach reports whether a use is a loop over calls that takes the result of each: in a
// statement of its body that every round comes to.
func (c checker) takesEach(u program.Use) bool {
	loop, ok := c.p.Parent(u.Ident).(*ast.RangeStmt)
	if !ok || ast.Unparen(loop.X) != u.Ident || loop.Value == nil || !runsThrough(loop) {
		return false
	}
	v := c.p.Var(loop.Value)
	if v == nil {
		return false
	}
	for _, u := range c.p.Uses(v, loop.Body) {
		stmt, _ := c.p.Statement(u.Ident)
		if u.In == c.p.Function(loop) && c.p.Parent(stmt) == loop.Body && c.takes(u) {
			return !branches(loop.Body, stmt)
		}
	}
	return false
}

// branches reports whether something in a block goes elsewhere before a statement.
func branches(block *ast.BlockStmt, before ast.Stmt) bool {
	found := false
	ast.Inspect(block, func(n ast.Node) bool {
		_, ok := n.(*ast.BranchStmt)
		found = found || (ok && n.Pos() < before.Pos())
		return !found
	})
	return found
}

// runsThrough reports whether nothing in the body of a loop leaves the loop.
func runsThrough(loop *ast.RangeStmt) bool {
	through := true
	ast.Inspect(loop.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.ReturnStmt:
			through = false
		case *ast.BranchStmt:
			through = through && n.Tok == token.CONTINUE && n.Label == nil
		}
		return through
	})
	return through
}

// endless reports whether a context does not end before whoever waits is through:
// nobody's, or that of a test.
func (c checker) endless(ctx ast.Expr) bool {
	call, ok := c.p.Value(ctx).(*ast.CallExpr)
	if !ok {
		return false
	}
	fn := api.Callee(c.p.Info, call)
	if fn == nil || fn.Pkg() == nil {
		return false
	}
	switch path := fn.Pkg().Path(); path {
	case "testing":
		return fn.Name() == "Context"
	case "context":
		switch fn.Name() {
		case "Background", "TODO", "WithoutCancel":
			return true
		case "WithValue":
			return c.endless(call.Args[0])
		}
	}
	return false
}
