// Package afterrelease defines an analyzer that reports what is done with a handle
// that was released: see docs/vet.md.
package afterrelease

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"

	"github.com/seed4712c49f/async/cmd/asyncvet/internal/api"
	"github.com/seed4712c49f/async/cmd/asyncvet/internal/program"
	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/cfg"
)

const doc = `report the use of a handle after its Release

After Release, Await, Wait, Finish, Cancel and Begin return ErrReleased and do
nothing; Clone, Signal and AfterFunc panic. Such a use is reported where every
path to it has released the handle. A deferred Cancel that runs after the
deferred Release is reported, too: it cancels nothing. So is a handle that is
returned where its Release is deferred.

IsDone, IsSet and Done answer as before, and are not reported; nor is anything in
a function that names ErrReleased, which it then expects.`

// Analyzer reports the use of a handle after its Release.
var Analyzer = &analysis.Analyzer{
	Name:     "afterrelease",
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
			switch n.(type) {
			case *ast.FuncDecl, *ast.FuncLit:
				c.function(n)
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

// function looks at every handle that a function releases.
func (c checker) function(fn ast.Node) {
	if program.Body(fn) == nil || c.expects(fn) {
		return
	}
	var order []*types.Var
	released := make(map[*types.Var][]program.Use)
	c.p.Inline(program.Body(fn), func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if !ok {
			return true
		}
		v, ok := c.p.Info.Uses[id].(*types.Var)
		if !ok || v.IsField() || api.Kind(v.Type()) == "" || v.Parent() == c.pass.Pkg.Scope() {
			return true
		}
		if u := c.p.Use(id); u.Act == program.Releases && u.In == fn {
			if released[v] == nil {
				order = append(order, v)
			}
			released[v] = append(released[v], u)
		}
		return true
	})
	for _, v := range order {
		c.deferred(fn, v)
		c.returned(fn, v)
		if atOnce(released[v]) && !c.renewedElsewhere(fn, v) {
			c.flow(fn, v)
		}
	}
}

func atOnce(uses []program.Use) bool {
	for _, u := range uses {
		if !u.Later {
			return true
		}
	}
	return false
}

// renewedElsewhere reports whether a function literal within fn may give v another handle, at
// a time that the graph of fn does not tell.
func (c checker) renewedElsewhere(fn ast.Node, v *types.Var) bool {
	for _, u := range c.p.Uses(v, program.Body(fn)) {
		if u.In != fn && !program.Within(v, u.In) && (u.Act == program.Assigns || c.renews(u, v)) {
			return true
		}
	}
	return false
}

// renews reports whether a use may make what v holds another handle: by its address, or where
// it is a pointer, by an assignment to the object; of a slice, by an element.
func (c checker) renews(u program.Use, v *types.Var) bool {
	switch parent := c.p.Parent(u.Ident).(type) {
	case *ast.UnaryExpr:
		return u.Act == program.PassedOn
	case *ast.StarExpr:
		return true
	case *ast.IndexExpr:
		return parent.X == u.Ident
	case *ast.SliceExpr, *ast.CallExpr:
		return u.Act == program.PassedOn && api.Kind(v.Type()) == "Calls"
	}
	return false
}

// expects reports whether a function names ErrReleased.
func (c checker) expects(fn ast.Node) bool {
	found := false
	ast.Inspect(fn, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && id.Name == "ErrReleased" {
			found = true
		}
		return !found
	})
	return found
}

// flow reports the uses of v that every path reaches with v released. It is a
// forward analysis of the graph: released on entry of a block is what is released
// at the end of all blocks before it.
func (c checker) flow(fn ast.Node, v *types.Var) {
	g := c.p.Graph(fn)
	if g == nil {
		return
	}
	preds := make([][]*cfg.Block, len(g.Blocks)) // by the Index of a block
	out := make([]bool, len(g.Blocks))
	for _, b := range g.Blocks {
		out[b.Index] = true // until it is known better
		for _, next := range b.Succs {
			preds[next.Index] = append(preds[next.Index], b)
		}
	}
	entry := func(b *cfg.Block) bool {
		if b == g.Blocks[0] || len(preds[b.Index]) == 0 {
			return false
		}
		for _, before := range preds[b.Index] {
			if before.Live && !out[before.Index] {
				return false
			}
		}
		return true
	}
	for changed := true; changed; {
		changed = false
		for _, b := range g.Blocks {
			if now := c.block(fn, v, b, entry(b), nil); now != out[b.Index] {
				out[b.Index], changed = now, true
			}
		}
	}
	for _, b := range g.Blocks {
		if b.Live {
			c.block(fn, v, b, entry(b), c.use)
		}
	}
}

// block follows v through a block and tells report, unless that is nil, of the uses
// after a Release. It returns whether v is released at the end.
func (c checker) block(fn ast.Node, v *types.Var, b *cfg.Block, released bool, report func(program.Use)) bool {
	for _, n := range b.Nodes {
		for _, u := range c.p.Uses(v, n) {
			if u.In != fn {
				continue
			}
			if released && report != nil {
				report(u)
			}
			switch {
			case u.Act == program.Assigns, c.renews(u, v):
				released = false
			case u.Act == program.Releases && !u.Later:
				released = true
			}
		}
	}
	return released
}

// use reports a use of a released handle, where that goes wrong.
func (c checker) use(u program.Use) {
	if what := wrong(u); what != "" {
		c.p.Report(c.pass, analysis.Diagnostic{Pos: u.Ident.Pos(), End: u.Ident.End(), Message: fmt.Sprintf("%s is released by now: %s %s", u.Ident.Name, u.Name, what)})
	}
}

func wrong(u program.Use) string {
	switch u.Name {
	case "Call.Clone", "Call.Signal", "Signal.Clone", "AfterFunc":
		return "panics"
	case "Call.Await", "Call.Finish", "Call.Wait", "Call.WaitFor", "Call.Cancel", "Call.CancelWait",
		"Call.Begin", "Call.BeginPromise", "Signal.Wait", "Signal.WaitFor":
		return "does nothing and returns ErrReleased"
	case "Calls.All", "Calls.Any", "Calls.Race", "Calls.Quorum", "Calls.Settle", "Calls.Each":
		return "finds every call complete with ErrReleased"
	case "Calls.Cancel":
		return "cancels nothing"
	}
	return ""
}

// deferred reports a deferred Cancel of v that runs after the deferred Release:
// the last to be deferred runs first.
func (c checker) deferred(fn ast.Node, v *types.Var) {
	var cancel *ast.DeferStmt
	var list []ast.Stmt
	for _, u := range c.p.Uses(v, program.Body(fn)) {
		if u.Act == program.Assigns {
			cancel = nil // of another handle
		}
		d, ok := c.p.Parent(u.Call).(*ast.DeferStmt)
		if u.Call == nil || !ok || u.In != fn {
			continue
		}
		_, around := c.p.Statement(d)
		switch {
		case u.Act == program.Cancels:
			cancel, list = d, around
		case u.Act == program.Releases && cancel != nil && sameList(list, around) && noWayOut(list, cancel, d):
			c.reportDeferred(v, cancel, d)
			return
		}
	}
}

// returned reports a return of v behind a deferred Release, which has released it by the time
// that the caller has it.
func (c checker) returned(fn ast.Node, v *types.Var) {
	var release *ast.DeferStmt
	for _, u := range c.p.Uses(v, program.Body(fn)) {
		if u.In != fn {
			continue
		}
		if d, ok := c.p.Parent(u.Call).(*ast.DeferStmt); ok && u.Call != nil && u.Act == program.Releases {
			release = d
		}
		if u.Act == program.Assigns {
			release = nil
		}
		if ret, ok := c.p.Parent(u.Ident).(*ast.ReturnStmt); ok && release != nil && program.Holds(c.p.Parent(release), ret) {
			c.p.Report(c.pass, analysis.Diagnostic{Pos: u.Ident.Pos(), End: u.Ident.End(), Message: fmt.Sprintf(
				"%s is returned, and the deferred Release of line %d has released it by then",
				v.Name(), c.pass.Fset.Position(release.Pos()).Line)})
		}
	}
}

func sameList(a, b []ast.Stmt) bool { return len(a) > 0 && len(b) > 0 && &a[0] == &b[0] }

// noWayOut reports whether no statement between two of a list can leave it.
func noWayOut(list []ast.Stmt, from, to ast.Stmt) bool {
	clear := true
	for _, s := range list {
		if s.Pos() <= from.Pos() || s.Pos() >= to.Pos() {
			continue
		}
		ast.Inspect(s, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ReturnStmt:
				clear = false
			case *ast.BranchStmt:
				clear = clear && n.Tok == token.FALLTHROUGH
			case *ast.FuncLit:
				return false
			}
			return clear
		})
	}
	return clear
}

func (c checker) reportDeferred(v *types.Var, cancel, release *ast.DeferStmt) {
	var fixes []analysis.SuggestedFix
	first, err := c.p.Source(release)
	second, err2 := c.p.Source(cancel)
	if err == nil && err2 == nil {
		fixes = []analysis.SuggestedFix{{
			Message: "Defer the Release first",
			TextEdits: []analysis.TextEdit{
				{Pos: cancel.Pos(), End: cancel.End(), NewText: []byte(first)},
				{Pos: release.Pos(), End: release.End(), NewText: []byte(second)},
			},
		}}
	}
	c.p.Report(c.pass, analysis.Diagnostic{
		Pos: cancel.Pos(), End: cancel.End(),
		Message: fmt.Sprintf("the deferred %s.Cancel runs after the Release of line %d, and cancels nothing: defer the Release first",
			v.Name(), c.pass.Fset.Position(release.Pos()).Line),
		SuggestedFixes: fixes,
	})
}
