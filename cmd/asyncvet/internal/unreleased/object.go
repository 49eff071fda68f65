package unreleased

// Objects: calls that are begun on a variable of the function, rather than returned
// as a handle.

import (
	"go/ast"
	"go/types"

	"github.com/seed4712c49f/async/cmd/asyncvet/internal/api"
	"github.com/seed4712c49f/async/cmd/asyncvet/internal/program"
)

// begun looks at what becomes of a call that an object begins: a variable of this
// function, which nobody else has.
func (c checker) begun(call *ast.CallExpr) {
	v := c.p.Var(program.Receiver(call))
	fn := c.p.Function(call)
	if v == nil || v.IsField() || fn == nil || !program.Within(v, fn) || c.p.IsMain(fn) || !c.own(v, fn) {
		return
	}
	o := c.p.Options(call)
	if isTask(o) {
		return
	}
	search := program.Search{P: c.p, Func: fn, Var: v, From: call, Settles: settles(o)}
	switch s := c.p.Parent(call).(type) {
	case *ast.AssignStmt:
		search.From = s
		search.Err = c.p.Var(s.Lhs[len(s.Lhs)-1])
	case *ast.ExprStmt, *ast.BinaryExpr:
	default:
		return // somebody else looks at the error
	}
	if lost := search.Find(); lost != nil {
		c.report(call, v, o, lost, nil)
	}
}

// own reports whether an object is made in the function, and used by nothing else.
func (c checker) own(v *types.Var, fn ast.Node) bool {
	values, _ := c.p.Values(v)
	if !api.IsObject(v.Type()) && (len(values) != 1 || !made(values[0])) {
		return false
	}
	for _, u := range c.p.Uses(v, fn) {
		if u.Act == program.PassedOn {
			return false
		}
	}
	return true
}

// made reports whether an expression makes a new object.
func made(e ast.Expr) bool {
	switch e := ast.Unparen(e).(type) {
	case *ast.UnaryExpr:
		_, ok := e.X.(*ast.CompositeLit)
		return ok
	case *ast.CallExpr:
		id, ok := ast.Unparen(e.Fun).(*ast.Ident)
		return ok && id.Name == "new"
	}
	return false
}
