// Package slotctx defines an analyzer that reports what keeps a slot of a scope
// taken while its function waits: see docs/vet.md.
package slotctx

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"

	"github.com/seed4712c49f/async/cmd/asyncvet/internal/api"
	"github.com/seed4712c49f/async/cmd/asyncvet/internal/program"
	"golang.org/x/tools/go/analysis"
)

const doc = `report waits that keep a slot of a scope taken

A function that runs under the limit of a scope lends its slot while the function
waits by a method of the library, with the function's own context or one made
from it. Functions that wait in any other way keep their slots. Where they wait
for calls of the same scope, all slots may be taken by functions that wait: a
deadlock.

Reported are, in a function of a call that is begun with a scope: waits by another
context, and receives from a Done of the library, also in a select that WaitAny
could stand for. Where the program says that the scope has a limit, also time.Sleep
and WaitFor, the Wait of a WaitGroup and a send to a channel without a buffer, which
are not the function's own.`

// Analyzer reports waits that keep a slot of a scope taken.
var Analyzer = &analysis.Analyzer{
	Name:     "slotctx",
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
	told := make(map[token.Pos]bool)
	names := make(map[ast.Node]string)
	for _, b := range p.Begins() {
		limit := p.LimitOf(b.Options)
		if limit == program.NoLimit {
			continue
		}
		for _, run := range p.Runs(b) {
			c := checker{pass: pass, p: p, limited: limit == program.Limited, told: told, names: names}
			c.function(run)
		}
	}
	return nil, nil
}

type checker struct {
	pass    *analysis.Pass
	p       *program.Package
	fn      ast.Node   // the function that a call runs
	ctx     *types.Var // its context, or nil
	limited bool       // the scope is known to have a limit
	told    map[token.Pos]bool
	names   map[ast.Node]string // the names that a mend gives to contexts of literals
}

// contextParam returns the parameter that is the function's context, or nil.
func contextParam(sig *types.Signature) *types.Var {
	if sig == nil || sig.Params().Len() == 0 || !api.IsContext(sig.Params().At(0).Type()) {
		return nil
	}
	return sig.Params().At(0)
}

// function looks at a function that a call runs.
func (c checker) function(run program.Run) {
	if run.Fn == nil {
		c.elsewhere(run)
		return
	}
	c.fn, c.ctx = run.Fn, contextParam(c.p.Signature(run.Fn))
	c.p.Inline(program.Body(run.Fn), c.node)
}

func (c checker) report(n ast.Node, message string, fixes []analysis.SuggestedFix) {
	if c.told[n.Pos()] {
		return
	}
	c.told[n.Pos()] = true
	c.p.Report(c.pass, analysis.Diagnostic{
		Pos: n.Pos(), End: n.End(),
		Message: message + ": the slot of the scope stays taken", SuggestedFixes: fixes,
	})
}

// elsewhere looks at a function of another package.
func (c checker) elsewhere(run program.Run) {
	if s := c.p.Summary(run.Obj); s != nil && s.Waits != "" {
		c.report(run.At, fmt.Sprintf("%s waits in %s by a context of its own", types.ExprString(run.At), s.Waits), nil)
	}
}

// node looks at one node of the function.
func (c checker) node(n ast.Node) bool {
	if c.p.Complete(n) {
		return true
	}
	switch n := n.(type) {
	case *ast.CallExpr:
		if _, ok := c.p.Parent(n).(*ast.GoStmt); !ok {
			c.call(n)
		}
	case *ast.UnaryExpr:
		if of := c.done(n.X); n.Op == token.ARROW && of != "" && !inSelect(c.p, n) {
			c.report(n, "unlike "+of+".Wait, a receive from "+types.ExprString(n.X)+" is no wait that the scope knows", nil)
		}
	case *ast.SelectStmt:
		c.selects(n)
	case *ast.SendStmt:
		if v := c.p.Var(n.Chan); c.limited && v != nil && c.foreignVar(v) && c.p.Unbuffered(n.Chan) && !inSelect(c.p, n) {
			c.report(n, "a send to "+types.ExprString(n.Chan)+", which has no buffer, is no wait that the scope knows", nil)
		}
	}
	return true
}

// call looks at a call that the function makes.
func (c checker) call(call *ast.CallExpr) {
	fn := api.Callee(c.p.Info, call)
	name := api.Name(fn)
	text := types.ExprString(call.Fun)
	switch api.WaitOf(name) {
	case api.ByIteration:
		if r, ok := c.p.Parent(call).(*ast.RangeStmt); !ok || r.X != call {
			return
		}
		fallthrough
	case api.ByContext:
		if len(call.Args) > 0 && c.foreign(call.Args[0]) {
			c.report(call, fmt.Sprintf("%s waits by %s, which is not the function's own context", text, types.ExprString(call.Args[0])), c.ownContext(call.Args[0]))
		}
		return
	case api.ByTimeout:
		if c.limited && (len(call.Args) != 1 || !c.p.Polls(call.Args[0])) {
			c.report(call, text+" has no context", nil)
		}
		return
	}
	switch {
	case api.FromPackage(fn, "time", "Sleep") && c.limited:
		c.report(call, "unlike async.Sleep, time.Sleep is no wait that the scope knows", nil)
	case api.FromPackage(fn, "sync", "WaitGroup.Wait") && c.limited:
		if v := c.p.Var(root(program.Receiver(call))); v != nil && c.foreignVar(v) {
			c.report(call, text+" is no wait that the scope knows", nil)
		}
	case name == "":
		if s := c.p.Summary(fn); s != nil && s.Waits != "" {
			c.report(call, fmt.Sprintf("%s waits in %s by a context of its own", text, s.Waits), nil)
			return
		}
		for i, wait := range c.p.WaitsBy(call) {
			if ctx := call.Args[i]; wait != "" && c.foreign(ctx) {
				c.report(call, fmt.Sprintf("%s waits in %s by %s, which is not the function's own context", text, wait, types.ExprString(ctx)), c.ownContext(ctx))
			}
		}
	}
}
