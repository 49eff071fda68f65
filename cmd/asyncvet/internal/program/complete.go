package program

// What is complete by the time at which a function waits for it: such a wait lasts no time, by
// whatever context it is, and wherever it stands. slotctx and onsignal ask for it, and the
// summaries.

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"

	"github.com/seed4712c49f/async/cmd/asyncvet/internal/api"
	"golang.org/x/tools/go/cfg"
)

// Complete reports whether a wait is for something that is complete on every path to it.
func (p *Package) Complete(wait ast.Node) bool {
	call, ok := wait.(*ast.CallExpr)
	if u, isUnary := wait.(*ast.UnaryExpr); isUnary {
		call, ok = p.Value(u.X).(*ast.CallExpr)
	}
	if !ok {
		return false
	}
	for _, member := range p.waitsFor(call) {
		is := p.isComplete(member, wait)
		if p.Called(call) != "WaitAny" {
			return is && len(p.waitsFor(call)) == 1
		}
		if is {
			return true // the wait is for any of them
		}
	}
	return false
}

// waitsFor returns what a function of the library waits for, or of which it returns the Done.
func (p *Package) waitsFor(call *ast.CallExpr) []ast.Expr {
	name := p.Called(call)
	switch name {
	case "WaitAny", "WaitAll", "FirstError":
		if call.Ellipsis.IsValid() || len(call.Args) == 0 {
			return nil
		}
		return call.Args[1:]
	case "Call.Done", "Signal.Done", "Event.Done", "Call.Finish":
		return []ast.Expr{Receiver(call)}
	case "Set.Next", "Set.All", "Group.Do", "Lazy.Get", "Scope.Shutdown":
		return nil
	}
	if on := Receiver(call); api.WaitOf(name) != api.NoWait && on != nil && api.Kind(p.Info.TypeOf(on)) != "" {
		return []ast.Expr{on}
	}
	return nil
}

func (p *Package) isComplete(e ast.Expr, at ast.Node) bool {
	switch e := ast.Unparen(e).(type) {
	case *ast.UnaryExpr:
		return e.Op == token.AND && p.isComplete(e.X, at)
	case *ast.IndexExpr:
		return p.cameOut(p.Var(e.Index))
	case *ast.CallExpr:
		return p.Called(e) == "Ready"
	case *ast.Ident, *ast.SelectorExpr:
		ready, ok := p.Value(e).(*ast.CallExpr)
		if v := p.Var(e); p.cameOut(v) || (ok && p.Called(ready) == "Ready") {
			return v != nil
		}
		f := completion{p: p, of: e, text: text(e), fn: p.Function(at)}
		return f.at(at)
	}
	return false
}

// cameOut reports whether a variable is the key of what came out of a set: of what is complete.
func (p *Package) cameOut(v *types.Var) bool {
	if v == nil || v.IsField() {
		return false
	}
	values, all := p.Values(v)
	came := func(e ast.Expr, names ...string) bool {
		call, ok := ast.Unparen(e).(*ast.CallExpr)
		return ok && slices.Contains(names, p.Called(call))
	}
	for _, e := range values {
		if !came(e, "Set.Next", "Set.TryNext") {
			return false
		}
	}
	if all {
		return len(values) > 0
	}
	return slices.ContainsFunc(p.idents[v], func(id *ast.Ident) bool {
		loop, ok := p.parents[id].(*ast.RangeStmt)
		return ok && loop.Key == id && came(loop.X, "Set.All")
	})
}

// A completion follows through a function whether something is complete: a forward analysis of
// the graph, in which complete on entry of a block is what is complete on all ways to it.
type completion struct {
	p    *Package
	of   ast.Expr
	text string
	fn   ast.Node
}

// An overKey is a function, and what is complete there: its text, and the variable that the text
// begins with.
type overKey struct {
	fn   ast.Node
	v    *types.Var
	text string
}

// at reports whether it is complete where the function comes to a node.
func (f completion) at(node ast.Node) bool {
	g := f.p.Graph(f.fn)
	if g == nil || len(g.Blocks) == 0 {
		return false
	}
	key := overKey{f.fn, f.p.Var(root(f.of)), f.text}
	known, ok := f.p.over.Load(key)
	if !ok {
		known, _ = f.p.over.LoadOrStore(key, f.entries(g))
	}
	in := known.(map[*cfg.Block]bool)
	here := func(n ast.Node) bool { return Holds(n, node) && !f.isHead(n, node) }
	for _, b := range g.Blocks {
		i := slices.IndexFunc(b.Nodes, here)
		if i < 0 {
			continue
		}
		is := in[b]
		for _, n := range b.Nodes[:i] {
			is = f.after(n, is)
		}
		return is
	}
	return false
}

// isHead reports whether a node is a case of a select, and another its head: what the select
// receives from stands before all of its cases, too.
func (f completion) isHead(n, node ast.Node) bool {
	_, ok := f.p.parents[n].(*ast.CommClause)
	return ok && n == node
}

// entries returns for each block whether it is complete on all ways there.
func (f completion) entries(g *cfg.CFG) map[*cfg.Block]bool {
	in := make(map[*cfg.Block]bool)
	for _, b := range g.Blocks {
		in[b] = b != g.Blocks[0] || f.before()
	}
	for changed := true; changed; {
		changed = false
		for _, b := range g.Blocks {
			if !b.Live {
				continue
			}
			out := in[b]
			for _, n := range b.Nodes {
				out = f.after(n, out)
			}
			for i, next := range b.Succs {
				if in[next] && !out && !f.by(b, next, i == 0) {
					in[next], changed = false, true
				}
			}
		}
	}
	return in
}

// before reports whether it is complete when the function begins: a literal that is called
// where it stands.
func (f completion) before() bool {
	call, ok := f.p.Parent(f.fn).(*ast.CallExpr)
	if lit, isLit := f.fn.(*ast.FuncLit); !ok || !isLit || ast.Unparen(call.Fun) != lit {
		return false
	}
	switch f.p.Parent(call).(type) {
	case *ast.GoStmt, *ast.DeferStmt:
		return false
	}
	f.fn = f.p.Function(call)
	return f.at(call)
}

// after returns whether it is complete behind a node.
func (f completion) after(n ast.Node, is bool) bool {
	switch n.(type) {
	case *ast.DeferStmt, *ast.GoStmt:
		return is
	}
	if v := f.p.Var(f.of); v == nil || f.p.changes(n, v) || f.changesRoot(n) {
		return false
	}
	f.p.Inline(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			is = f.called(n, is)
		case *ast.UnaryExpr:
			_, inSelect := f.p.parents[f.p.parents[n]].(*ast.CommClause)
			is = is || (!inSelect && f.receives(n))
		}
		return true
	})
	return is
}

// changesRoot reports whether a node changes what a field belongs to.
func (f completion) changesRoot(n ast.Node) bool {
	v := f.p.Var(root(f.of))
	return v != nil && f.p.changes(n, v)
}

// called returns whether it is complete behind a call.
func (f completion) called(call *ast.CallExpr, is bool) bool {
	switch f.p.Called(call) {
	case "Call.Cancel", "Call.CancelWait", "Calls.Cancel", "Event.Set":
		return is || f.names(Receiver(call))
	case "Call.Begin", "Call.BeginPromise":
		return is && !f.names(Receiver(call))
	case "Promise.Complete", "Promise.CompleteOrDiscard", "Promise.Break":
		return is || f.isClient(Receiver(call))
	}
	return is
}

// names reports whether an expression is the one that is followed.
func (f completion) names(e ast.Expr) bool {
	return e != nil && text(ast.Unparen(e)) == f.text && f.p.Var(root(e)) == f.p.Var(root(f.of))
}

// isClient reports whether it is the call of a promise.
func (f completion) isClient(promise ast.Expr) bool {
	made, ok := f.p.Value(f.of).(*ast.CallExpr)
	return ok && promise != nil && f.p.Called(made) == "NewPromise" && f.p.Value(promise) == made
}

// receives reports whether an expression receives from its Done.
func (f completion) receives(u *ast.UnaryExpr) bool {
	if u == nil || u.Op != token.ARROW {
		return false
	}
	call, ok := f.p.Value(u.X).(*ast.CallExpr)
	return ok && f.p.Completion(call) && f.names(Receiver(call))
}

// by reports whether the way from one block to another is that of something complete.
func (f completion) by(b, next *cfg.Block, branch bool) bool {
	if clause, ok := next.Stmt.(*ast.CommClause); ok && next.Kind == cfg.KindSelectCaseBody {
		s, _ := clause.Comm.(*ast.ExprStmt)
		if s == nil {
			return false
		}
		u, _ := ast.Unparen(s.X).(*ast.UnaryExpr)
		return f.receives(u)
	}
	cond := f.p.condition(last(b))
	if cond == nil || len(b.Succs) != 2 {
		return false
	}
	is := false
	holds(cond, branch, func(cond ast.Expr, value bool) { is = is || f.says(cond, value) })
	return is
}

// says reports whether a condition says that it is complete: its own, or that the error of a
// wait is nil.
func (f completion) says(cond ast.Expr, value bool) bool {
	if call, ok := cond.(*ast.CallExpr); ok {
		switch f.p.Called(call) {
		case "Call.IsDone", "Event.IsSet", "Signal.IsSet":
			return value && f.names(Receiver(call))
		}
		return false
	}
	e, same, ok := f.p.normal(cond)
	if !ok || e.Op != token.EQL || !isNil(e.Y) || value != same {
		return false
	}
	wait := f.p.from(e.X)
	return wait != nil && slices.ContainsFunc(f.p.waitsFor(wait), f.names)
}

// from returns the call that an error is from: the error itself, or what was assigned to it
// last, as the lines stand.
func (p *Package) from(err ast.Expr) *ast.CallExpr {
	if call, ok := ast.Unparen(err).(*ast.CallExpr); ok {
		return call
	}
	v := p.Var(err)
	if v == nil {
		return nil
	}
	var found ast.Expr
	for _, e := range p.values[v.Origin()] {
		if e != nil && e.Pos() < err.Pos() && (found == nil || e.Pos() > found.Pos()) {
			found = e
		}
	}
	call, _ := ast.Unparen(found).(*ast.CallExpr)
	return call
}
