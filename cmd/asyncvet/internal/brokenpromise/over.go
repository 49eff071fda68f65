package brokenpromise

// When a promise needs no server any more: when its call is over.

import (
	"go/ast"
	"go/types"
	"slices"

	"github.com/seed4712c49f/async/cmd/asyncvet/internal/api"
	"github.com/seed4712c49f/async/cmd/asyncvet/internal/program"
)

// errgroup is the import path of the errgroups.
const errgroup = "golang.org/x/sync/errgroup"

// over returns whether the call of a promise is at its end where something else is: the call
// itself, the context of the promise, or the context that it was made with or one above
// (R14).
func (c checker) over(call *ast.CallExpr, promise *types.Var, s *ast.AssignStmt) func(ast.Expr) bool {
	client := s.Lhs[len(s.Lhs)-1]
	if c.p.Called(call) == "Call.BeginPromise" {
		client = program.Receiver(call)
	}
	return func(of ast.Expr) bool {
		if v := c.p.Var(of); v != nil && client != nil && v == c.p.Var(client) {
			return true
		}
		return c.contextOf(of, promise) || (len(call.Args) > 0 && c.above(of, call.Args[0], call))
	}
}

// contextOf reports whether a context is that of the promise.
func (c checker) contextOf(ctx ast.Expr, promise *types.Var) bool {
	call, ok := c.p.Value(ctx).(*ast.CallExpr)
	return ok && c.p.Called(call) == "Promise.Context" && c.p.Var(program.Receiver(call)) == promise
}

// above reports whether a context is one that another is made from, or is that one itself.
func (c checker) above(ctx, of ast.Expr, begin *ast.CallExpr) bool {
	if types.ExprString(ctx) == types.ExprString(of) && c.same(ctx, of, begin) {
		return true
	}
	made, ok := c.p.Value(of).(*ast.CallExpr)
	if !ok || len(made.Args) == 0 {
		return false
	}
	fn := api.Callee(c.p.Info, made)
	if fn == nil || fn.Pkg() == nil || fn.Pkg().Path() != "context" || fn.Name() == "WithoutCancel" || made.Args[0] == of {
		return false
	}
	return c.above(ctx, made.Args[0], begin)
}

// same reports whether two expressions of the same text are the same context: their variable is
// not assigned behind the place where the promise is made.
func (c checker) same(ctx, of ast.Expr, begin *ast.CallExpr) bool {
	v := c.p.Var(ctx)
	if v == nil {
		return true
	}
	if v != c.p.Var(of) {
		return false
	}
	for _, u := range c.p.Uses(v, c.p.Function(begin)) {
		if u.Act == program.Assigns && u.Ident.Pos() > begin.End() {
			return false
		}
	}
	return true
}

// ofGroup reports whether a call runs a task of an errgroup with whose context a promise is
// made: an error of the task ends that context, and so the call of the promise.
func (c checker) ofGroup(run, made *ast.CallExpr) bool {
	if !api.FromPackage(api.Callee(c.p.Info, run), errgroup, "Group.Go") || len(made.Args) == 0 {
		return false
	}
	group, ok := c.p.Value(program.Receiver(run)).(*ast.CallExpr)
	if !ok || !api.FromPackage(api.Callee(c.p.Info, group), errgroup, "WithContext") {
		return false
	}
	ctx := c.p.Var(made.Args[0])
	values, _ := c.p.Values(ctx)
	return ctx != nil && slices.Contains(values, ast.Expr(group))
}

// fails reports whether a return returns an error that need not be nil.
func (c checker) fails(ret *ast.ReturnStmt) bool {
	return len(ret.Results) == 1 && !c.p.Info.Types[ret.Results[0]].IsNil()
}
