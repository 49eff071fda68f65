package unreleased

// Handles that a function puts into a slice, or into a map, of its own.

import (
	"fmt"
	"go/ast"
	"go/types"
	"slices"

	"github.com/seed4712c49f/async/cmd/asyncvet/internal/api"
	"github.com/seed4712c49f/async/cmd/asyncvet/internal/program"
	"golang.org/x/tools/go/analysis"
)

// element looks at a handle that becomes an element of a variable. Where nothing in the function
// does more with the variable, and with its elements, than to wait, nobody releases them.
func (c checker) element(call *ast.CallExpr, of ast.Expr) {
	v := c.p.Var(of)
	fn := c.p.Function(call)
	if v == nil || fn == nil || !program.Within(v, program.Body(fn)) || c.p.IsMain(fn) || isTask(c.p.Options(call)) {
		return
	}
	for _, id := range c.p.Idents(v) {
		if !c.onlyWaits(id, v) {
			return
		}
	}
	c.p.Report(c.pass, analysis.Diagnostic{Pos: call.Pos(), End: call.End(), Message: fmt.Sprintf(
		"the handles in %s are neither awaited, finished nor released%s", v.Name(), consequence(c.p.Options(call)))})
}

// appended returns what an append adds to, where that is assigned to the same variable.
func (c checker) appended(call *ast.CallExpr) ast.Expr {
	s, ok := c.p.Parent(call).(*ast.AssignStmt)
	if !ok || len(s.Lhs) != 1 || !c.isBuiltin(call, "append") || c.p.Var(call.Args[0]) != c.p.Var(s.Lhs[0]) {
		return nil
	}
	return call.Args[0]
}

func (c checker) isBuiltin(call *ast.CallExpr, names ...string) bool {
	id, ok := ast.Unparen(call.Fun).(*ast.Ident)
	if !ok || !slices.Contains(names, id.Name) {
		return false
	}
	_, builtin := c.pass.TypesInfo.Uses[id].(*types.Builtin)
	return builtin
}

// onlyWaits reports whether a use of a variable that has handles as elements leaves all of them
// as they are.
func (c checker) onlyWaits(id *ast.Ident, v *types.Var) bool {
	switch parent := c.p.Parent(id).(type) {
	case *ast.ValueSpec:
		return len(parent.Values) == 0
	case *ast.AssignStmt:
		return len(parent.Lhs) == 1 && len(parent.Rhs) == 1 && parent.Lhs[0] == id && c.makes(parent.Rhs[0])
	case *ast.CallExpr:
		return c.appended(parent) == id || c.isBuiltin(parent, "len", "cap")
	case *ast.RangeStmt:
		return parent.X == id && c.eachOnlyWaits(parent)
	case *ast.IndexExpr:
		return parent.X == id && c.elementOnlyWaits(parent)
	case *ast.SelectorExpr:
		return api.Kind(v.Type()) == "Calls" && c.borrows(parent)
	}
	return false
}

// makes reports whether an expression is a new and empty slice or map, or an append to one.
func (c checker) makes(e ast.Expr) bool {
	switch e := ast.Unparen(e).(type) {
	case *ast.CallExpr:
		return c.isBuiltin(e, "make") || c.appended(e) != nil
	case *ast.CompositeLit:
		return len(e.Elts) == 0
	}
	return false
}

// eachOnlyWaits is onlyWaits for a loop over the elements.
func (c checker) eachOnlyWaits(loop *ast.RangeStmt) bool {
	if loop.Value == nil {
		return true
	}
	v := c.p.Var(loop.Value)
	if v == nil {
		return isBlank(loop.Value)
	}
	return !slices.ContainsFunc(c.p.Uses(v, loop.Body), func(u program.Use) bool { return u.Act != program.Looks })
}

// elementOnlyWaits is onlyWaits for one of the elements: a method that waits, or where a handle
// becomes the element.
func (c checker) elementOnlyWaits(e *ast.IndexExpr) bool {
	switch parent := c.p.Parent(e).(type) {
	case *ast.SelectorExpr:
		return c.borrows(parent)
	case *ast.AssignStmt:
		return slices.Contains(parent.Lhs, ast.Expr(e))
	}
	return false
}

// borrows reports whether a method of a handle that is called leaves the handle as it is.
func (c checker) borrows(sel *ast.SelectorExpr) bool {
	call, ok := c.p.Parent(sel).(*ast.CallExpr)
	if !ok || call.Fun != sel {
		return false
	}
	switch name := c.p.Called(call); name {
	case "Call.Clone", "Call.Signal":
		return false // others, which are looked at for themselves
	default:
		return api.EffectOf(name) == api.Borrows
	}
}
