package slotctx

// Receives from the Done of something of the library: alone, and in a select.

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"

	"github.com/seed4712c49f/async/cmd/asyncvet/internal/api"
	"github.com/seed4712c49f/async/cmd/asyncvet/internal/program"
)

// done returns the text of the call, the signal or the event of which a channel is the
// Done, or "".
func (c checker) done(ch ast.Expr) string {
	call, ok := c.p.Value(ch).(*ast.CallExpr)
	if !ok {
		return ""
	}
	switch c.p.Called(call) {
	case "Call.Done", "Signal.Done", "Event.Done":
		if of := program.Receiver(call); of != nil {
			return types.ExprString(of)
		}
	}
	return ""
}

// inSelect reports whether a send or a receive is a case of a select.
func inSelect(p *program.Package, n ast.Node) bool {
	found := false
	p.Around(n, func(around ast.Node) bool {
		switch around := around.(type) {
		case *ast.CommClause:
			found = around.Comm != nil && program.Holds(around.Comm, n)
			return false
		case *ast.BlockStmt, *ast.FuncLit:
			return false
		}
		return true
	})
	return found
}

// selects looks at a select with a Done of the library among its cases. It keeps the slot
// for as long as it waits, whatever its other cases are, and is reported where a wait of
// the library can stand for it: where each case says that something is over. A select that
// takes a value, or sends one, is left alone, and so is one with a default, which does not
// wait.
func (c checker) selects(s *ast.SelectStmt) {
	of, members := "", 0
	var at ast.Node
	for _, clause := range s.Body.List {
		comm := clause.(*ast.CommClause).Comm
		ch := received(comm)
		switch {
		case ch == nil:
			return
		case c.contextDone(ch), c.timer(ch): // the context of the wait
		case !c.empty(ch):
			return
		default:
			members++
			if done := c.done(ch); done != "" && of == "" {
				of, at = done, comm
			}
		}
	}
	if of == "" {
		return
	}
	mend := of + ".Wait"
	if members > 1 {
		mend = "async.WaitAny"
	}
	c.report(at, fmt.Sprintf("unlike %s, a select with <-%s is no wait that the scope knows", mend, types.ExprString(received(at))), nil)
}

// received returns the channel that the head of a case receives from, or nil where it has
// no receive, or uses what it received.
func received(comm ast.Node) ast.Expr {
	s, ok := comm.(*ast.ExprStmt)
	if !ok {
		return nil
	}
	if u, ok := ast.Unparen(s.X).(*ast.UnaryExpr); ok && u.Op == token.ARROW {
		return u.X
	}
	return nil
}

// empty reports whether the values of a channel are empty structs, as those of async.Chan.
func (c checker) empty(ch ast.Expr) bool {
	t, ok := c.pass.TypesInfo.TypeOf(ch).Underlying().(*types.Chan)
	if !ok {
		return false
	}
	s, ok := t.Elem().Underlying().(*types.Struct)
	return ok && s.NumFields() == 0
}

// contextDone reports whether a channel is the Done of a context.
func (c checker) contextDone(ch ast.Expr) bool {
	call, ok := c.p.Value(ch).(*ast.CallExpr)
	return ok && api.FromPackage(api.Callee(c.pass.TypesInfo, call), "context", "Context.Done")
}

// timer reports whether a channel is that of time.After, or of a time.Timer: a time for
// which a context with a timeout stands.
func (c checker) timer(ch ast.Expr) bool {
	switch e := c.p.Value(ch).(type) {
	case *ast.CallExpr:
		return api.FromPackage(api.Callee(c.pass.TypesInfo, e), "time", "After")
	case *ast.SelectorExpr:
		t := c.pass.TypesInfo.TypeOf(e.X)
		return e.Sel.Name == "C" && (types.TypeString(t, nil) == "*time.Timer" || types.TypeString(t, nil) == "time.Timer")
	}
	return false
}
