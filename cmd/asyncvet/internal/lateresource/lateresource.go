// Package lateresource defines an analyzer that reports calls whose results have
// to be closed, where a late one is not: see docs/vet.md.
package lateresource

import (
	"go/ast"
	"go/types"
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
			if b.Options.All {
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
	if fn != nil && !c.gives(fn) {
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

// gives reports whether a function may return something that the caller is to
// close: a value that it made, and does not close itself by a deferred Close.
func (c checker) gives(fn ast.Node) bool {
	gives := false
	c.p.Inline(program.Body(fn), func(n ast.Node) bool {
		ret, ok := n.(*ast.ReturnStmt)
		if !ok || c.p.Function(ret) != fn {
			return true
		}
		gives = gives || len(ret.Results) == 0 || c.made(ret.Results[0], fn)
		return true
	})
	return gives && !c.closes(fn)
}

// made reports whether an expression is something that a function made: no nil,
// and nothing that was there before.
func (c checker) made(e ast.Expr, fn ast.Node) bool {
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		v := c.p.Var(e)
		return v != nil && program.Within(v, fn)
	case *ast.SelectorExpr:
		return false
	}
	return true
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

// usesContext reports whether a function uses the context that it is given, and
// leaves the body of its response as it is.
func (c checker) usesContext(fn ast.Node) bool {
	sig := c.p.Signature(fn)
	if sig == nil || sig.Params().Len() == 0 || !api.IsContext(sig.Params().At(0).Type()) {
		return false
	}
	if len(c.p.Uses(sig.Params().At(0), program.Body(fn))) == 0 {
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

// taken reports whether the result of a call is taken on every path, by a wait
// that cannot end before the call: then none is late.
func (c checker) taken(b program.Begin) bool {
	if sel, ok := c.p.Parent(b.Call).(*ast.SelectorExpr); ok {
		call, ok := c.p.Parent(sel).(*ast.CallExpr)
		return ok && sel.Sel.Name == "Await" && len(call.Args) == 1 && c.endless(call.Args[0])
	}
	s, ok := c.p.Parent(b.Call).(*ast.AssignStmt)
	if !ok || len(s.Rhs) != 1 || b.Name == "Hedge" || api.EffectOf(b.Name) == api.Begins {
		return false
	}
	v, fn := c.p.Var(s.Lhs[len(s.Lhs)-1]), c.p.Function(b.Call)
	if v == nil || fn == nil || !program.Within(v, fn) {
		return false
	}
	for _, u := range c.p.Uses(v, fn) {
		if u.Act == program.Cancels || u.Act == program.PassedOn {
			return false
		}
	}
	search := program.Search{P: c.p, Func: fn, Var: v, From: s, Settles: c.takes}
	return search.Find() == nil
}

// takes reports whether a use takes the result, however long that lasts.
func (c checker) takes(u program.Use) bool {
	switch u.Name {
	case "Call.Finish":
		return true
	case "Call.Await", "Calls.Settle":
		return u.Call != nil && len(u.Call.Args) == 1 && c.endless(u.Call.Args[0])
	}
	return false
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
