package brokenpromise

// Values that stay with the caller of a Complete that returns false.

import (
	"fmt"
	"go/ast"
	"go/types"

	"github.com/seed4712c49f/async/cmd/asyncvet/internal/program"
	"golang.org/x/tools/go/analysis"
)

// completed looks at what becomes of the value where Complete returns false.
func (c checker) completed(call *ast.CallExpr) {
	stmt := c.ignored(call)
	if stmt == nil || len(call.Args) == 0 {
		return
	}
	sig, _ := c.p.Info.TypeOf(call.Fun).(*types.Signature)
	if sig == nil || sig.Params().Len() != 2 {
		return
	}
	how := program.Closer(sig.Params().At(0).Type())
	if how == "" {
		return
	}
	value := ast.Unparen(call.Args[0])
	switch e := value.(type) {
	case *ast.Ident:
		v := c.p.Var(e)
		if v == nil || !c.nobodyElse(v, e, c.p.Function(call)) {
			return
		}
	case *ast.CallExpr:
		if c.p.Info.Types[e.Fun].IsType() || !c.p.Made(e, c.p.Function(call)) {
			return // a conversion, of nil perhaps, or what was there before
		}
	default:
		return
	}
	d := analysis.Diagnostic{
		Pos: call.Pos(), End: call.End(),
		Message: fmt.Sprintf("where Complete returns false, nobody closes %s", types.ExprString(value)),
	}
	if id, ok := value.(*ast.Ident); ok && len(call.Args) == 2 {
		d.SuggestedFixes = c.close(call, stmt, id, how)
	}
	c.p.Report(c.pass, d)
}

// ignored returns the statement that a call is, where nobody looks at its result.
func (c checker) ignored(call *ast.CallExpr) ast.Stmt {
	switch s := c.p.Parent(call).(type) {
	case *ast.ExprStmt:
		return s
	case *ast.AssignStmt:
		if id, ok := s.Lhs[0].(*ast.Ident); ok && len(s.Lhs) == 1 && id.Name == "_" {
			return s
		}
	}
	return nil
}

// close is the mend: to close the value where Complete returns false.
func (c checker) close(call *ast.CallExpr, stmt ast.Stmt, value *ast.Ident, how string) []analysis.SuggestedFix {
	if s, _ := c.p.Statement(call); s != stmt {
		return nil
	}
	cond := ""
	switch err := ast.Unparen(call.Args[1]).(type) {
	case *ast.Ident:
		if err.Name != "nil" {
			cond = " && " + err.Name + " == nil"
		}
	default:
		return nil
	}
	return []analysis.SuggestedFix{{
		Message: "Close the value where Complete returns false",
		TextEdits: []analysis.TextEdit{
			{Pos: stmt.Pos(), End: call.Pos(), NewText: []byte("if !")},
			{Pos: call.End(), End: stmt.End(), NewText: fmt.Appendf(nil, "%s {\n%s%s\n}", cond, value.Name, how)},
		},
	}}
}

// nobodyElse reports whether the function has a value for itself: it is a variable
// of the function that gets the value of a call, and nothing else is done with it
// than to look at it and to hand it to Complete.
func (c checker) nobodyElse(v *types.Var, at *ast.Ident, fn ast.Node) bool {
	values, all := c.p.Values(v)
	if !all || len(values) != 1 || !program.Within(v, fn) {
		return false
	}
	if _, ok := ast.Unparen(values[0]).(*ast.CallExpr); !ok || !c.p.Made(values[0], fn) {
		return false
	}
	for _, id := range c.p.Idents(v) {
		if id == at || c.p.Info.Defs[id] != nil {
			continue
		}
		if !c.looks(id) {
			return false
		}
	}
	return true
}

// looks reports whether a use of a value keeps nothing of it: a comparison, or the
// call of a method that does not close it.
func (c checker) looks(id *ast.Ident) bool {
	switch parent := c.p.Parent(id).(type) {
	case *ast.BinaryExpr:
		return true
	case *ast.SelectorExpr:
		call, ok := c.p.Parent(parent).(*ast.CallExpr)
		return ok && ast.Unparen(call.Fun) == parent && parent.Sel.Name != "Close"
	}
	return false
}
