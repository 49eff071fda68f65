// Package cutshort defines an analyzer that reports loops which the end of a context cuts
// short, and a nil error for what they have collected: see docs/vet.md.
package cutshort

import (
	"fmt"
	"go/ast"
	"go/types"
	"slices"

	"github.com/seed4712c49f/async/cmd/asyncvet/internal/api"
	"github.com/seed4712c49f/async/cmd/asyncvet/internal/program"
	"golang.org/x/tools/go/analysis"
)

const doc = `report a part of an answer that is returned as the whole

A loop over Map, Calls.Each or Set.All ends when its context does, and the loop does
not say so. A function that returns what the loop has collected, with a nil error,
returns a part of the answer then, and its caller cannot tell.

Reported is a loop that a parameter of its function ends, and whose body returns an
error where a result has one: the function goes from the loop straight to a return of
what was collected and nil, without a look at any context.`

// Analyzer reports a part of an answer that is returned as the whole.
var Analyzer = &analysis.Analyzer{
	Name:     "cutshort",
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
	for _, f := range pass.Files {
		ast.Inspect(f, func(n ast.Node) bool {
			if loop, ok := n.(*ast.RangeStmt); ok {
				c.loop(loop)
			}
			return true
		})
	}
	return nil, nil
}

type checker struct {
	pass *analysis.Pass
	p    *program.Package
}

// loop looks at one loop, and at what stands behind it.
func (c checker) loop(loop *ast.RangeStmt) {
	over, ok := ast.Unparen(loop.X).(*ast.CallExpr)
	if !ok || len(over.Args) == 0 || api.WaitOf(c.p.Called(over)) != api.ByIteration {
		return
	}
	fn := c.p.Function(loop)
	ctx := c.p.Var(over.Args[0])
	if fn == nil || !c.isParameter(ctx, fn) || !c.fails(loop) {
		return
	}
	ret := c.next(loop)
	if ret == nil || !c.whole(ret, loop, fn) || c.looks(fn, loop) {
		return
	}
	last := ret.Results[len(ret.Results)-1]
	c.p.Report(c.pass, analysis.Diagnostic{
		Pos: last.Pos(), End: last.End(),
		Message: fmt.Sprintf("the loop over %s (line %d) also ends when %s does, and a part is returned as the whole: return %s.Err()",
			types.ExprString(over.Fun), c.pass.Fset.Position(loop.Pos()).Line, ctx.Name(), ctx.Name()),
		SuggestedFixes: c.fix(last, ctx),
		Related:        []analysis.RelatedInformation{{Pos: loop.Pos(), Message: "the loop"}},
	})
}

// isParameter reports whether a context is that of the function's caller: a parameter
// that the function does not assign. One that the function makes itself, with a timeout
// perhaps, may be there to end the loop.
func (c checker) isParameter(ctx *types.Var, fn ast.Node) bool {
	if ctx == nil || !api.IsContext(ctx.Type()) {
		return false
	}
	sig := c.p.Signature(fn)
	if sig == nil || sig.Results().Len() < 2 {
		return false
	}
	values, _ := c.p.Values(ctx)
	return len(values) == 0 && slices.Contains(slices.Collect(sig.Params().Variables()), ctx)
}

// fails reports whether the body of a loop returns an error: then one result that is
// missing is one too many. A loop that passes failures over takes what it gets.
func (c checker) fails(loop *ast.RangeStmt) bool {
	found := false
	inspect(loop.Body, func(n ast.Node) bool {
		if ret, ok := n.(*ast.ReturnStmt); ok && len(ret.Results) > 1 {
			found = found || !c.isNil(ret.Results[len(ret.Results)-1])
		}
		return !found
	})
	return found
}

// next returns the return that stands behind a loop in the same list of statements, if
// nothing in between can leave the function or go elsewhere.
func (c checker) next(loop *ast.RangeStmt) *ast.ReturnStmt {
	stmt, list := c.p.Statement(loop)
	for _, s := range list[slices.Index(list, stmt)+1:] {
		if ret, ok := s.(*ast.ReturnStmt); ok {
			return ret
		}
		if !straight(s) {
			return nil
		}
	}
	return nil
}

// straight reports whether a statement always goes on to the next.
func straight(s ast.Stmt) bool {
	switch s.(type) {
	case *ast.AssignStmt, *ast.DeclStmt, *ast.ExprStmt, *ast.IncDecStmt, *ast.DeferStmt, *ast.EmptyStmt:
		return true
	}
	return false
}

// whole reports whether a return returns a nil error, and beside it something that the
// loop has collected.
func (c checker) whole(ret *ast.ReturnStmt, loop *ast.RangeStmt, fn ast.Node) bool {
	sig := c.p.Signature(fn)
	n := len(ret.Results)
	if n < 2 || n != sig.Results().Len() || !isError(sig.Results().At(n-1).Type()) || !c.isNil(ret.Results[n-1]) {
		return false
	}
	collected, says := false, false
	for _, r := range ret.Results[:n-1] {
		inspect(r, func(n ast.Node) bool {
			if e, ok := n.(ast.Expr); ok {
				says = says || c.isBool(e)
			}
			if id, ok := n.(*ast.Ident); ok {
				collected = collected || c.collects(loop, c.p.Var(id))
			}
			return true
		})
	}
	return collected && !says
}

// isBool reports whether an expression is a boolean, which may say that the answer is a
// part.
func (c checker) isBool(e ast.Expr) bool {
	t := c.pass.TypesInfo.TypeOf(e)
	if t == nil {
		return false
	}
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Info()&types.IsBoolean != 0
}

// collects reports whether the body of a loop changes a variable that is declared
// outside: assigns it, or an element or a field of it, or calls a method of it.
func (c checker) collects(loop *ast.RangeStmt, v *types.Var) bool {
	if v == nil || v.IsField() || program.Within(v, loop) {
		return false
	}
	found := false
	is := func(e ast.Expr) { found = found || c.p.Var(root(e)) == v }
	inspect(loop.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, l := range n.Lhs {
				is(l)
			}
		case *ast.IncDecStmt:
			is(n.X)
		case *ast.ExprStmt:
			if call, ok := n.X.(*ast.CallExpr); ok {
				if on := program.Receiver(call); on != nil {
					is(on)
				}
			}
		}
		return !found
	})
	return found
}

// root returns the variable of which an expression is an element, a field, or what it
// points to.
func root(e ast.Expr) ast.Expr {
	for {
		switch x := ast.Unparen(e).(type) {
		case *ast.IndexExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		default:
			return x
		}
	}
}

// looks reports whether a function names a context behind the loop, or in what it defers.
// A look at the context in the body of the loop is too early: the loop may end behind it.
func (c checker) looks(fn ast.Node, loop *ast.RangeStmt) bool {
	found := false
	ast.Inspect(program.Body(fn), func(n ast.Node) bool {
		if n == loop || found {
			return false
		}
		if _, ok := n.(*ast.DeferStmt); ok {
			found = c.mentions(n)
			return false
		}
		if n != nil && n.Pos() > loop.End() {
			found = c.mentions(n)
			return false
		}
		return true
	})
	return found
}

// mentions reports whether a context is named within n, or got from something.
func (c checker) mentions(n ast.Node) bool {
	found := false
	ast.Inspect(n, func(n ast.Node) bool {
		if e, ok := n.(ast.Expr); ok {
			t := c.pass.TypesInfo.TypeOf(e)
			found = found || t != nil && api.IsContext(t)
		}
		return !found
	})
	return found
}

// fix is the mend: the error of the context in the place of nil.
func (c checker) fix(last ast.Expr, ctx *types.Var) []analysis.SuggestedFix {
	scope := c.pass.Pkg.Scope().Innermost(last.Pos())
	if scope == nil {
		return nil
	}
	if _, obj := scope.LookupParent(ctx.Name(), last.Pos()); obj != ctx {
		return nil
	}
	return []analysis.SuggestedFix{{
		Message:   "Return the error of the context",
		TextEdits: []analysis.TextEdit{{Pos: last.Pos(), End: last.End(), NewText: []byte(ctx.Name() + ".Err()")}},
	}}
}

func (c checker) isNil(e ast.Expr) bool { return c.pass.TypesInfo.Types[e].IsNil() }

func isError(t types.Type) bool { return types.Identical(t, types.Universe.Lookup("error").Type()) }

// inspect is ast.Inspect without function literals.
func inspect(n ast.Node, f func(ast.Node) bool) {
	ast.Inspect(n, func(n ast.Node) bool {
		if _, ok := n.(*ast.FuncLit); ok {
			return false
		}
		return n != nil && f(n)
	})
}
