// Package brokenpromise defines an analyzer that reports promises which may never
// be completed, and values that a late Complete drops: see docs/vet.md.
package brokenpromise

import (
	"fmt"
	"go/ast"
	"go/types"
	"slices"

	"github.com/seed4712c49f/async/cmd/asyncvet/internal/api"
	"github.com/seed4712c49f/async/cmd/asyncvet/internal/program"
	"golang.org/x/tools/go/analysis"
)

const doc = `report promises that may never be completed, and values that are dropped

A server that returns without Complete leaves the call pending until its context
ends. A deferred Break completes the call, whatever becomes of the server.

Where Complete returns false, because the call was canceled before, the value
stays with the caller of Complete. A value with a Close is reported where the
program does not look at the result of Complete and nothing else has the value.`

// Analyzer reports promises that may never be completed.
var Analyzer = &analysis.Analyzer{
	Name:     "brokenpromise",
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
				switch p.Called(call) {
				case "NewPromise", "Call.BeginPromise":
					c.made(call)
				case "Promise.Complete":
					c.completed(call)
				}
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

// made looks at who completes a promise that is made.
func (c checker) made(call *ast.CallExpr) {
	s, ok := c.p.Parent(call).(*ast.AssignStmt)
	if !ok {
		return
	}
	v := c.p.Var(s.Lhs[0])
	fn := c.p.Function(call)
	if v == nil || fn == nil || !program.Within(v, fn) || c.p.IsMain(fn) || c.onlyCanceled(call, v, fn, s) {
		return
	}
	over := c.over(call, v, s)
	if server, run := c.server(v, fn, s); server != nil && c.served(v, server, run, call, over) {
		return
	}
	search := program.Search{P: c.p, Func: fn, Var: v, From: s, Settles: c.settles, Over: over}
	if c.p.Called(call) == "Call.BeginPromise" && len(s.Lhs) == 2 {
		search.Err = c.p.Var(s.Lhs[1])
	}
	if lost := search.Find(); lost != nil {
		c.report(call, fmt.Sprintf("%s is neither completed nor broken%s", v.Name(), c.where(call, lost)), c.deferBreak(call, v, fn, s))
	}
}

// onlyCanceled reports whether nothing in a function completes a promise, or the
// function cancels the call: then the call may be one that ends in no other way.
func (c checker) onlyCanceled(call *ast.CallExpr, v *types.Var, fn ast.Node, s *ast.AssignStmt) bool {
	if c.p.Called(call) == "NewPromise" && len(s.Lhs) == 2 {
		for _, u := range c.p.Uses(c.p.Var(s.Lhs[1]), fn) {
			if u.Act == program.Cancels {
				return true
			}
		}
	}
	for _, u := range c.p.Uses(v, fn) {
		if u.Act != program.Looks && u.Act != program.Assigns {
			return false
		}
	}
	return true
}

// settles reports whether a use of a promise may be all that it needs. A function that
// completes it on some paths only, and that is not asked which it took, is not.
func (c checker) settles(u program.Use) bool {
	switch u.Act {
	case program.Looks, program.Assigns:
		return false
	case program.MayLeave:
		_, ignored := c.p.Parent(u.Call).(*ast.ExprStmt)
		return !ignored
	}
	return true
}

func (c checker) where(call ast.Node, lost *program.Lost) string {
	if lost.Return == nil {
		return " before its variable is assigned again"
	}
	line := c.pass.Fset.Position(lost.Return.Pos()).Line
	if line == c.pass.Fset.Position(call.Pos()).Line {
		return " on the way to the return"
	}
	return fmt.Sprintf(" on the way to a return (line %d)", line)
}

func (c checker) report(n ast.Node, message string, fixes []analysis.SuggestedFix) {
	c.p.Report(c.pass, analysis.Diagnostic{Pos: n.Pos(), End: n.End(), Message: message + ": the call may stay pending for ever", SuggestedFixes: fixes})
}

// deferBreak is the mend where the function keeps the promise to itself.
func (c checker) deferBreak(call *ast.CallExpr, v *types.Var, fn ast.Node, s *ast.AssignStmt) []analysis.SuggestedFix {
	stmt, list := c.p.Statement(s)
	if list == nil || stmt != s || len(s.Lhs) != 2 || c.p.Called(call) != "NewPromise" || c.goesOn(v, fn) {
		return nil
	}
	at, text := c.p.Behind(s)
	return []analysis.SuggestedFix{{
		Message:   "Defer a Break",
		TextEdits: []analysis.TextEdit{{Pos: at, End: at, NewText: fmt.Appendf(nil, "%sdefer %s.Break()", text, v.Name())}},
	}}
}

// goesOn reports whether a function hands a promise to somebody, whom a Break at its end would
// forestall.
func (c checker) goesOn(v *types.Var, fn ast.Node) bool {
	return slices.ContainsFunc(c.p.Uses(v, program.Body(fn)), func(u program.Use) bool {
		return u.Act == program.PassedOn || u.Act == program.MayLeave || (u.Act == program.Settles && c.p.Elsewhere(u, fn))
	})
}

// server returns the one function that a promise is handed to, to complete it: a
// literal that go or async.Go runs, which captures it, or a function of a go
// statement that it is passed to. The call is that which runs it.
func (c checker) server(v *types.Var, fn ast.Node, s ast.Node) (server ast.Node, call *ast.CallExpr) {
	for _, u := range c.p.Uses(v, fn) {
		if program.Holds(s, u.Ident) {
			continue
		}
		if u.In != fn {
			lit, run := c.runOnce(u.In)
			if lit == nil || (server != nil && server != lit) {
				return nil, nil
			}
			server, call = lit, run
			continue
		}
		if u.Act == program.Looks || c.isDeclared(u) {
			continue
		}
		if _, ok := c.p.Parent(u.Call).(*ast.GoStmt); u.Call == nil || !ok || server != nil {
			return nil, nil // the function has it, or somebody else
		}
		if server, call = u.Call, u.Call; u.Func == nil {
			if server = literal(u.Call); server == nil {
				return nil, nil
			}
		}
	}
	return server, call
}

// isDeclared reports whether a use declares a variable, without a value.
func (c checker) isDeclared(u program.Use) bool {
	s, ok := c.p.Parent(u.Ident).(*ast.ValueSpec)
	return ok && len(s.Values) == 0
}

// literal returns the literal that a call calls, or nil.
func literal(call *ast.CallExpr) ast.Node {
	if lit, ok := ast.Unparen(call.Fun).(*ast.FuncLit); ok {
		return lit
	}
	return nil
}

// own returns the variable by which a literal that is run at once knows a promise: its
// parameter, or that of the function around.
func (c checker) own(v *types.Var, lit *ast.FuncLit, call *ast.CallExpr) *types.Var {
	sig := c.p.Signature(lit)
	for i, a := range call.Args {
		if ast.Unparen(call.Fun) == lit && c.p.Var(a) == v && i < sig.Params().Len() {
			return sig.Params().At(i)
		}
	}
	return v
}

// runOnce returns a literal that is run once, in a goroutine of its own, and the
// call that runs it.
func (c checker) runOnce(fn ast.Node) (*ast.FuncLit, *ast.CallExpr) {
	lit, ok := fn.(*ast.FuncLit)
	if !ok {
		return nil, nil
	}
	call, ok := c.p.Parent(lit).(*ast.CallExpr)
	if !ok {
		return nil, nil
	}
	if _, ok := c.p.Parent(call).(*ast.GoStmt); ok && ast.Unparen(call.Fun) == lit {
		return lit, call
	}
	switch fn := api.Callee(c.p.Info, call); {
	case api.Name(fn) == "Go", api.FromPackage(fn, "sync", "WaitGroup.Go"), api.FromPackage(fn, errgroup, "Group.Go"):
		return lit, call
	}
	return nil, nil
}

// served looks at a server that has the promise for itself, and reports whether
// something is wrong with it: call is what runs the server, and made what makes the promise.
func (c checker) served(v *types.Var, server ast.Node, call, made *ast.CallExpr, over func(ast.Expr) bool) bool {
	lit, ok := server.(*ast.FuncLit)
	if !ok {
		return c.passed(v, call)
	}
	v = c.own(v, lit, call)
	search := program.Search{P: c.p, Func: lit, Var: v, Settles: c.settles, Over: over}
	if c.ofGroup(call, made) {
		search.Leaves = c.fails
	}
	lost := search.Find()
	if lost == nil {
		return false
	}
	var fixes []analysis.SuggestedFix
	if len(lit.Body.List) > 0 && v.Name() != "" && v.Name() != "_" && !c.goesOn(v, lit) {
		at := lit.Body.List[0].Pos()
		fixes = []analysis.SuggestedFix{{
			Message:   "Defer a Break",
			TextEdits: []analysis.TextEdit{{Pos: at, End: at, NewText: fmt.Appendf(nil, "defer %s.Break()\n", v.Name())}},
		}}
	}
	c.report(lit.Type, "the server can leave "+v.Name()+" neither completed nor broken"+c.where(lit, lost), fixes)
	return true
}

// passed is served for a named function.
func (c checker) passed(v *types.Var, call *ast.CallExpr) bool {
	for _, u := range c.p.Uses(v, call) {
		switch u.Act {
		case program.MayLeave:
			c.report(call, fmt.Sprintf("%s can return with %s neither completed nor broken", u.Name, v.Name()), nil)
			return true
		case program.Looks:
			c.report(call, fmt.Sprintf("%s neither completes nor breaks %s", u.Name, v.Name()), nil)
			return true
		}
	}
	return false
}
