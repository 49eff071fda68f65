package program

// Where a path says that there is nothing left to do: behind the Done of a context, or of a
// call, where they are asked whether they have ended, and behind a wait that they have ended.

import (
	"go/ast"
	"go/token"

	"github.com/seed4712c49f/async/cmd/asyncvet/internal/api"
	"golang.org/x/tools/go/cfg"
)

// endsIn reports whether a block is that of a case of a select which says so.
func (s *Search) endsIn(b *cfg.Block) bool {
	clause, ok := b.Stmt.(*ast.CommClause)
	return s.Over != nil && ok && b.Kind == cfg.KindSelectCaseBody && s.closed(clause.Comm)
}

// endsAt reports whether a node is a receive that says so. Those of a select stand before all
// of its cases, and say nothing.
func (s *Search) endsAt(n ast.Node) bool {
	if s.Over == nil {
		return false
	}
	_, inSelect := s.P.parents[n].(*ast.CommClause)
	return !inSelect && s.closed(n)
}

// closed reports whether a statement receives from a Done that says so.
func (s *Search) closed(n ast.Node) bool {
	var e ast.Expr
	switch n := n.(type) {
	case *ast.ExprStmt:
		e = n.X
	case *ast.AssignStmt:
		e = n.Rhs[0]
	}
	u, ok := ast.Unparen(e).(*ast.UnaryExpr)
	if !ok || u.Op != token.ARROW {
		return false
	}
	call, ok := s.P.Value(u.X).(*ast.CallExpr)
	return ok && s.P.Completion(call) && Receiver(call) != nil && s.Over(Receiver(call))
}

// saysOver reports whether a condition asks for such an end, and whether it is there where the
// condition is true.
func (s *Search) saysOver(cond ast.Expr) (when, ok bool) {
	if s.Over == nil {
		return false, false
	}
	switch e := cond.(type) {
	case *ast.CallExpr:
		if s.P.Called(e) == "Call.IsDone" {
			return true, Receiver(e) != nil && s.Over(Receiver(e))
		}
		return true, s.isEnd(e)
	case *ast.BinaryExpr:
		if (e.Op != token.EQL && e.Op != token.NEQ) || !isNil(e.Y) {
			return false, false
		}
		call := s.P.from(e.X)
		return e.Op == token.NEQ, call != nil && (s.asksContext(call) || s.waits(call))
	}
	return false, false
}

// waits reports whether a call is a wait by a context that has no other error than that of the
// end of the context.
func (s *Search) waits(call *ast.CallExpr) bool {
	switch s.P.Called(call) {
	case "Sleep", "Call.Wait", "Event.Wait", "Signal.Wait", "WaitAny", "WaitAll":
		return len(call.Args) > 0 && s.Over(call.Args[0])
	}
	return false
}

// isEnd reports whether a call asks if an error is that of a context, or of one of its ends.
// The error may come from what waited by the context.
func (s *Search) isEnd(call *ast.CallExpr) bool {
	if !api.FromPackage(api.Callee(s.P.Info, call), "errors", "Is") || len(call.Args) != 2 {
		return false
	}
	if asked, ok := s.P.Value(call.Args[0]).(*ast.CallExpr); ok && s.asksContext(asked) {
		return true
	}
	v := s.P.Var(call.Args[1])
	if v == nil || v.Pkg() == nil {
		return false
	}
	switch v.Pkg().Path() + "." + v.Name() {
	case "context.Canceled", "context.DeadlineExceeded", api.Path + ".ErrCanceled":
		return true
	}
	return false
}

// asksContext reports whether a call asks a context for the reason of its end.
func (s *Search) asksContext(call *ast.CallExpr) bool {
	switch fn := api.Callee(s.P.Info, call); {
	case api.FromPackage(fn, "context", "Context.Err"):
		return Receiver(call) != nil && s.Over(Receiver(call))
	case api.FromPackage(fn, "context", "Cause"):
		return len(call.Args) == 1 && s.Over(call.Args[0])
	}
	return false
}
