// Package waitloop defines an analyzer that reports a WaitAny in a loop which
// takes one member out each time: see docs/vet.md.
package waitloop

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"

	"github.com/seed4712c49f/async/cmd/asyncvet/internal/api"
	"github.com/seed4712c49f/async/cmd/asyncvet/internal/program"
	"golang.org/x/tools/go/analysis"
)

const doc = `report a WaitAny in a loop over the same members

A loop that waits for any of a slice, takes the one that is complete out, and
waits for any of the rest, registers with every member each time: its work grows
with the square of their number. A Set registers each member once. For calls of
one type there is Calls.Each. The same is true of Calls.Race and Calls.Any.

A slice that is written down in the program, with a fixed number of members, is
not reported.`

// Analyzer reports a WaitAny in a loop over the same members.
var Analyzer = &analysis.Analyzer{
	Name:     "waitloop",
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
			if call, ok := n.(*ast.CallExpr); ok {
				c.wait(call)
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

func (c checker) wait(call *ast.CallExpr) {
	members, mend := c.members(call)
	v := c.p.Var(members)
	if v == nil || c.few(v) {
		return
	}
	loop := c.loop(call)
	if loop == nil {
		return
	}
	filled := program.Within(v, loop) || c.emptied(v, loop)
	if filled {
		members = c.source(v, loop)
		if v = c.p.Var(members); v == nil || program.Within(v, loop) || c.few(v) {
			return
		}
	}
	if !c.takesOut(v, members, loop, !filled) {
		return
	}
	c.p.Report(c.pass, analysis.Diagnostic{
		Pos: call.Pos(), End: call.End(),
		Message: types.ExprString(call.Fun) + " in a loop over " + types.ExprString(members) +
			" registers with every member each time: use " + mend,
	})
}

// members returns what a call waits for, and what does so better.
func (c checker) members(call *ast.CallExpr) (e ast.Expr, mend string) {
	switch c.p.Called(call) {
	case "WaitAny":
		if call.Ellipsis.IsValid() {
			return call.Args[len(call.Args)-1], "a Set"
		}
	case "Calls.Race", "Calls.Any":
		return program.Receiver(call), "Calls.Each, or a Set"
	}
	return nil, ""
}

// source returns the slice that a loop ranges over to fill v each time, or nil.
func (c checker) source(v *types.Var, loop ast.Node) (from ast.Expr) {
	ast.Inspect(loop, func(n ast.Node) bool {
		r, ok := n.(*ast.RangeStmt)
		if !ok || n == loop {
			return from == nil
		}
		ast.Inspect(r.Body, func(n ast.Node) bool {
			s, ok := n.(*ast.AssignStmt)
			if !ok {
				return true
			}
			for _, l := range s.Lhs {
				if i, ok := ast.Unparen(l).(*ast.IndexExpr); ok {
					l = i.X
				}
				if c.p.Var(l) == v {
					from = r.X
				}
			}
			return true
		})
		return true
	})
	return from
}

// few reports whether a slice has a number of members that the program states.
func (c checker) few(v *types.Var) bool {
	values, all := c.p.Values(v)
	if !all || len(values) == 0 {
		return false
	}
	for _, e := range values {
		switch e := ast.Unparen(e).(type) {
		case *ast.CompositeLit:
		case *ast.SliceExpr:
		case *ast.CallExpr:
			if !c.shorter(e, v) && !c.states(e, v) {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// most is how many members may be a few, where the program makes room for them.
const most = 16

// states reports whether a call makes a slice of a few members, or adds some that the program
// writes down.
func (c checker) states(call *ast.CallExpr, v *types.Var) bool {
	id, ok := ast.Unparen(call.Fun).(*ast.Ident)
	if !ok {
		return false
	}
	switch id.Name {
	case "make":
		n, ok := constant.Int64Val(constant.ToInt(c.length(call)))
		return ok && n <= most
	case "append":
		return c.p.Var(call.Args[0]) == v && !call.Ellipsis.IsValid() && c.loop(call) == nil
	}
	return false
}

// length returns the length that a make states, or what is no number.
func (c checker) length(call *ast.CallExpr) constant.Value {
	if len(call.Args) > 1 {
		if v := c.pass.TypesInfo.Types[call.Args[1]].Value; v != nil {
			return v
		}
	}
	return constant.MakeUnknown()
}

// emptied reports whether a loop empties v, to fill it each time.
func (c checker) emptied(v *types.Var, loop ast.Node) bool {
	found := false
	ast.Inspect(loop, func(n ast.Node) bool {
		if s, ok := n.(*ast.AssignStmt); ok && len(s.Lhs) == 1 && len(s.Rhs) == 1 && c.p.Var(s.Lhs[0]) == v {
			part, ok := ast.Unparen(s.Rhs[0]).(*ast.SliceExpr)
			found = found || (ok && c.p.Var(part.X) == v && part.Low == nil && c.isZero(part.High))
		}
		return !found
	})
	return found
}

func (c checker) isZero(e ast.Expr) bool {
	if e == nil {
		return false
	}
	v := c.pass.TypesInfo.Types[e].Value
	return v != nil && constant.Sign(v) == 0
}

// shrinks reports whether an append puts together two parts of the same slice.
func (c checker) shrinks(call *ast.CallExpr, v *types.Var) bool {
	id, ok := ast.Unparen(call.Fun).(*ast.Ident)
	if !ok || id.Name != "append" || !call.Ellipsis.IsValid() || len(call.Args) != 2 {
		return false
	}
	for _, a := range call.Args {
		part, ok := ast.Unparen(a).(*ast.SliceExpr)
		if !ok || c.p.Var(part.X) != v {
			return false
		}
	}
	return true
}

// loop returns the nearest loop around a call in the same function.
func (c checker) loop(call *ast.CallExpr) ast.Node {
	var found ast.Node
	inner := ast.Node(call)
	c.p.Around(call, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ForStmt:
			if inner != n.Init {
				found = n
			}
		case *ast.RangeStmt:
			if inner == n.Body {
				found = n
			}
		case *ast.FuncDecl, *ast.FuncLit:
			return false
		}
		inner = n
		return found == nil
	})
	return found
}

// takesOut reports whether a loop takes a member out of the slice, or, where that
// counts, puts another in its place.
func (c checker) takesOut(v *types.Var, members ast.Expr, loop ast.Node, replaces bool) bool {
	found := false
	ast.Inspect(loop, func(n ast.Node) bool {
		s, ok := n.(*ast.AssignStmt)
		if !ok || s.Tok == token.DEFINE {
			return !found
		}
		for i, l := range s.Lhs {
			element, isElement := ast.Unparen(l).(*ast.IndexExpr)
			if isElement {
				l = element.X
			}
			if c.p.Var(l) != v || types.ExprString(l) != types.ExprString(members) {
				continue
			}
			found = found || (isElement && replaces) || (!isElement && i < len(s.Rhs) && c.shorter(s.Rhs[i], v))
		}
		return !found
	})
	return found
}

// shorter reports whether an expression is the slice without some of its members.
func (c checker) shorter(e ast.Expr, v *types.Var) bool {
	switch e := ast.Unparen(e).(type) {
	case *ast.SliceExpr:
		return c.p.Var(e.X) == v
	case *ast.CallExpr:
		fn := api.Callee(c.p.Info, e)
		if len(e.Args) == 0 {
			return false
		}
		return c.shrinks(e, v) || c.p.Var(e.Args[0]) == v &&
			(api.FromPackage(fn, "slices", "Delete") || api.FromPackage(fn, "slices", "DeleteFunc"))
	}
	return false
}
