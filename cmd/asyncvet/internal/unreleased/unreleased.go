// Package unreleased defines an analyzer that reports handles which nobody
// releases: see docs/vet.md.
package unreleased

import (
	"fmt"
	"go/ast"
	"go/types"

	"github.com/seed4712c49f/async/cmd/asyncvet/internal/api"
	"github.com/seed4712c49f/async/cmd/asyncvet/internal/program"
	"golang.org/x/tools/go/analysis"
)

const doc = `report calls, clones and signals that nobody releases

A handle that is neither awaited, finished, released, returned, stored nor
passed on is forgotten: Discard does not get the result, CancelOnAbandon does not
cancel, and a panic ends the program at a time that nobody chooses. A Wait settles
nothing. A call that streams is settled by its Release alone.

async.Go(...) as a statement is reported, also in a scope, which counts the result
as untaken until a Release. InGroup without a scope is the one option by which the
result is somebody's: the group has the error, and a panic.`

// Analyzer reports handles that nobody releases.
var Analyzer = &analysis.Analyzer{
	Name:     "unreleased",
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
			if call, ok := n.(*ast.CallExpr); ok && !api.Harmless(p.Called(call)) {
				results, err := p.Creates(call)
				for _, result := range results {
					if c.created(call, result, err); c.alone(call) {
						break // one report is enough
					}
				}
				if api.EffectOf(p.Called(call)) == api.Begins {
					c.begun(call)
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

// alone reports whether nothing is assigned what a call returns.
func (c checker) alone(call *ast.CallExpr) bool {
	switch c.p.Parent(call).(type) {
	case *ast.AssignStmt, *ast.ValueSpec:
		return false
	}
	return true
}

// created looks at what becomes of a handle that a call returns.
func (c checker) created(call *ast.CallExpr, result, err int) {
	switch parent := c.p.Parent(call).(type) {
	case *ast.ExprStmt:
		c.statement(call, parent)
	case *ast.GoStmt, *ast.DeferStmt:
		c.statement(call, nil)
	case *ast.AssignStmt:
		if len(parent.Rhs) == 1 {
			c.assigned(call, parent, at(parent.Lhs, result), at(parent.Lhs, err))
		} else {
			for i, r := range parent.Rhs {
				if ast.Unparen(r) == call {
					c.assigned(call, parent, at(parent.Lhs, i), nil)
				}
			}
		}
	case *ast.ValueSpec:
		if len(parent.Values) == 1 && result < len(parent.Names) {
			var errv ast.Expr
			if err >= 0 && err < len(parent.Names) {
				errv = parent.Names[err]
			}
			c.assigned(call, parent, parent.Names[result], errv)
		}
	case *ast.SelectorExpr:
		c.chained(call, parent)
	case *ast.CallExpr:
		if list := c.appended(parent); list != nil {
			c.element(call, list)
			return
		}
		c.argument(call, parent)
	}
}

func at(list []ast.Expr, i int) ast.Expr {
	if i < 0 || i >= len(list) {
		return nil
	}
	return list[i]
}

// statement reports a handle that nothing is done with.
func (c checker) statement(call *ast.CallExpr, s ast.Stmt) {
	o := c.p.Options(call)
	if !adds(c.p.Called(call)) && othersMayHave(o) {
		return
	}
	d := analysis.Diagnostic{Pos: call.Pos(), End: call.End()}
	d.Message = fmt.Sprintf("the handle that %s returns is never released%s", c.name(call), consequence(o))
	if s != nil && releasable(o) && begins(c.p, call) && !c.inParentheses(call) {
		d.SuggestedFixes = []analysis.SuggestedFix{{Message: "Release the handle at once", TextEdits: []analysis.TextEdit{
			{Pos: s.Pos(), End: call.Pos()}, // "_ = "
			{Pos: call.End(), End: call.End(), NewText: []byte(".Release()")},
		}}}
	}
	c.p.Report(c.pass, d)
}

// releasable reports whether a Release at once does nothing else than to give the handle up:
// with InGroup a panic would end the program, and with CancelOnAbandon the call is canceled.
func releasable(o *program.Options) bool { return o.All && !o.InGroup && !o.Abandon }

// inParentheses reports whether a call stands in parentheses, of which the mend knows nothing.
func (c checker) inParentheses(call *ast.CallExpr) (in bool) {
	c.p.Around(call, func(n ast.Node) bool {
		_, in = n.(*ast.ParenExpr)
		return false
	})
	return in
}

// adds reports whether a function of the library adds a handle to a call that has one.
// Whatever the options of that call are, what is added has to be released for itself.
func adds(name string) bool {
	switch name {
	case "Call.Clone", "Call.Signal", "Signal.Clone":
		return true
	}
	return false
}

// begins reports whether a call begins another, and the handle is all that it returns.
func begins(p *program.Package, call *ast.CallExpr) bool {
	if name := p.Called(call); adds(name) || name == "NewPromise" {
		return false
	}
	sig, ok := p.Info.TypeOf(call).(*types.Tuple)
	return !ok || sig.Len() == 1
}

// othersMayHave reports whether the result of a call may be somebody's without the
// handle: where the call is a task, or may be one. Of the other options none does that.
// OnSignal is told that the call is over, and gets no result.
func othersMayHave(o *program.Options) bool {
	return !needsRelease(o) && !o.Promised && (o.InGroup || !o.All)
}

// isTask reports whether a call is a task of an errgroup, which has the error of the call,
// and a panic (R15), and whether nothing is lost with the handle.
func isTask(o *program.Options) bool { return o.InGroup && !o.Promised && !needsRelease(o) }

// needsRelease reports whether an option does not do what it is for, or does it too late,
// without a Release: a scope counts the result as untaken (C4).
func needsRelease(o *program.Options) bool {
	return o.HasScope() || o.Discarded() || o.Abandon || o.Streaming
}

// consequence says what else goes wrong.
func consequence(o *program.Options) string {
	switch {
	case o.Discarded():
		return ": Discard does not get a result that comes in time"
	case o.Streaming:
		return ": its context never ends"
	case o.Abandon:
		return ": nothing abandons the call, and so CancelOnAbandon does not cancel it"
	case o.HasScope():
		return ": the scope counts its result as untaken"
	}
	return ""
}

// name is how a call is named in a message.
func (c checker) name(call *ast.CallExpr) string {
	return types.ExprString(ast.Unparen(call.Fun))
}

// chained looks at a method that is called on a handle where it is created.
func (c checker) chained(call *ast.CallExpr, sel *ast.SelectorExpr) {
	o := c.p.Options(call)
	fn, _ := c.p.Info.Uses[sel.Sel].(*types.Func)
	if fn == nil || isTask(o) {
		return
	}
	switch api.EffectOf(api.Name(fn.Origin())) {
	case api.Borrows:
	case api.Cancels:
		if !o.Discarded() {
			return
		}
	case api.Settles:
		if !o.Streaming {
			return
		}
	default:
		return
	}
	c.lost(call, sel.Sel.Name, o)
}

// argument looks at a handle that is passed where it is created to what only waits for it.
func (c checker) argument(call, to *ast.CallExpr) {
	name := c.p.Called(to)
	if o := c.p.Options(call); (name == "Set.Add" || waitsForMany(name)) && !isTask(o) {
		c.lost(call, name, o)
	}
}

// waitsForMany reports whether a function of the library waits for its arguments.
func waitsForMany(name string) bool {
	switch name {
	case "WaitAny", "WaitAll", "FirstError", "AfterFunc":
		return true
	}
	return false
}

func (c checker) lost(call *ast.CallExpr, after string, o *program.Options) {
	c.p.Report(c.pass, analysis.Diagnostic{Pos: call.Pos(), End: call.End(), Message: fmt.Sprintf(
		"the handle that %s returns is lost after %s, and never released%s", c.name(call), after, consequence(o))})
}

// assigned looks at a handle that is assigned to a variable.
func (c checker) assigned(call *ast.CallExpr, s ast.Node, handle, err ast.Expr) {
	if element, ok := handle.(*ast.IndexExpr); ok {
		c.element(call, element.X)
		return
	}
	id, ok := handle.(*ast.Ident)
	if !ok {
		return
	}
	if isBlank(id) {
		if stmt, ok := s.(*ast.AssignStmt); ok && len(stmt.Lhs) == 1 {
			c.statement(call, stmt)
		} else {
			c.statement(call, nil)
		}
		return
	}
	v := c.p.Var(id)
	fn := c.p.Function(call)
	if v == nil || fn == nil || !program.Within(v, fn) || c.p.IsMain(fn) {
		return
	}
	o := c.p.Options(call)
	if isTask(o) {
		return
	}
	search := program.Search{P: c.p, Func: fn, Var: v, From: s, Settles: settles(o)}
	if err != nil {
		if search.Err = c.p.Var(err); search.Err == nil && !isBlank(err) {
			return // an element, perhaps: nothing is known about its value
		}
	}
	if lost := search.Find(); lost != nil {
		c.report(call, v, o, lost, c.release(s, v, fn, search.Err, o))
	}
}

func isBlank(e ast.Expr) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == "_"
}

// settles returns what ends the search for a path: what settles a handle on a call
// with these options.
func settles(o *program.Options) func(program.Use) bool {
	return func(u program.Use) bool {
		switch u.Act {
		case program.Settles:
			return !o.Streaming
		case program.Cancels:
			return !o.Discarded()
		case program.Releases, program.PassedOn, program.MayLeave, program.Begins:
			return true
		}
		return false
	}
}

func (c checker) report(call *ast.CallExpr, v *types.Var, o *program.Options, lost *program.Lost, fixes []analysis.SuggestedFix) {
	what := "neither awaited, finished nor released"
	switch {
	case o.Streaming:
		what = "not released"
	case api.Kind(v.Type()) == "Signal":
		what = "not released"
	case api.Kind(v.Type()) == "Calls":
		what = "neither awaited nor released"
	}
	where, end := "before it is assigned again", lost.Again
	if lost.Return != nil {
		where, end = "on the way to a return", lost.Return
	}
	if line := c.pass.Fset.Position(end.Pos()).Line; line != c.pass.Fset.Position(call.Pos()).Line {
		where = fmt.Sprintf("%s (line %d)", where, line)
	}
	c.p.Report(c.pass, analysis.Diagnostic{
		Pos: call.Pos(), End: call.End(),
		Message:        fmt.Sprintf("%s is %s %s%s", v.Name(), what, where, consequence(o)),
		SuggestedFixes: fixes,
		Related:        []analysis.RelatedInformation{{Pos: end.Pos(), Message: "here"}},
	})
}
