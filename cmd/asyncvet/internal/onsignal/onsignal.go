// Package onsignal defines an analyzer that reports what may block in a function
// for OnSignal: see docs/vet.md.
package onsignal

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"github.com/seed4712c49f/async/cmd/asyncvet/internal/api"
	"github.com/seed4712c49f/async/cmd/asyncvet/internal/program"
	"golang.org/x/tools/go/analysis"
)

const doc = `report what may block in an OnSignal function

An OnSignal function runs on the stack of the completer: of the caller of Complete
or Cancel, and of Begin where the context has ended. Where the function blocks,
the completer blocks. Reported are waits, time.Sleep, receives from Done, sends to
channels without a buffer, and locks that the caller of Begin holds. A function
for AfterFunc has a goroutine of its own, and may block.`

// Analyzer reports what may block in an OnSignal function.
var Analyzer = &analysis.Analyzer{
	Name:     "onsignal",
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
	c := checker{pass, p, make(map[token.Pos]bool)}
	for _, b := range p.Begins() {
		for _, f := range b.Options.OnSignal {
			c.function(b, f)
		}
	}
	return nil, nil
}

type checker struct {
	pass *analysis.Pass
	p    *program.Package
	told map[token.Pos]bool // what was reported, for another call with the same option
}

func (c checker) function(b program.Begin, f ast.Expr) {
	fn, name := c.p.FuncOf(f)
	if fn == nil {
		if s := c.p.Summary(name); s != nil && s.Blocks != "" {
			c.report(f, fmt.Sprintf("%s may block the completer in %s", types.ExprString(f), s.Blocks))
		}
		return
	}
	held := c.held(b.Call)
	if name != nil {
		c.method(f, name, held)
	}
	c.p.Inline(program.Body(fn), func(n ast.Node) bool {
		if what := c.p.Blocking(n); what != "" && !c.complete(b, n) && !c.onlyReads(b, n, deep) {
			c.report(n, what+" may block the completer")
			return false
		}
		if call, ok := n.(*ast.CallExpr); ok && name == nil {
			if mu := locks(c.p, call); mu != "" && held[mu] > reads(c.p, call) {
				c.report(n, mu+" is held where the call is begun, and to lock it here may block the completer")
			}
			c.method(call.Fun, api.Callee(c.p.Info, call), held)
		}
		return true
	})
}

// method looks at the locks that a method of this package takes by its receiver:
// what the receiver is called here stands before the dot of f.
func (c checker) method(f ast.Expr, fn *types.Func, held map[string]int) {
	decl := c.p.Decl(fn)
	sel, ok := ast.Unparen(f).(*ast.SelectorExpr)
	if decl == nil || decl.Body == nil || decl.Recv == nil || !ok || len(decl.Recv.List[0].Names) == 0 {
		return
	}
	inside, here := decl.Recv.List[0].Names[0].Name, types.ExprString(sel.X)
	c.p.Inline(decl.Body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if field, ok := strings.CutPrefix(locks(c.p, call), inside+"."); ok && held[here+"."+field] > reads(c.p, call) {
			c.report(f, fmt.Sprintf("%s locks %s.%s, which is held where the call is begun, and may block the completer", types.ExprString(f), here, field))
		}
		return true
	})
}

func (c checker) report(n ast.Node, what string) {
	if c.told[n.Pos()] {
		return
	}
	c.told[n.Pos()] = true
	c.p.Report(c.pass, analysis.Diagnostic{
		Pos: n.Pos(), End: n.End(),
		Message: what + ": an OnSignal function runs on the completer's stack",
	})
}

// complete reports whether a wait is one for the very call that the function is
// told of: that is complete.
func (c checker) complete(b program.Begin, n ast.Node) bool {
	if u, ok := n.(*ast.UnaryExpr); ok {
		n = c.p.Value(u.X)
	}
	call, ok := n.(*ast.CallExpr)
	if !ok {
		return false
	}
	switch name := c.p.Called(call); name {
	case "WaitAny", "WaitAll":
		return slices.ContainsFunc(call.Args[1:], func(a ast.Expr) bool { return c.isCall(b, a) })
	}
	on := program.Receiver(call)
	return on != nil && c.isCall(b, on)
}

// deep is how many functions are looked into, one called by the other.
const deep = 4

// onlyReads reports whether a call is one of a function of this package that waits for nothing
// else than the very call that is complete.
func (c checker) onlyReads(b program.Begin, n ast.Node, depth int) bool {
	call, ok := n.(*ast.CallExpr)
	if !ok || depth == 0 {
		return false
	}
	decl := c.p.Decl(api.Callee(c.pass.TypesInfo, call))
	if decl == nil || decl.Body == nil {
		return false
	}
	reads := true
	c.p.Inline(decl.Body, func(n ast.Node) bool {
		reads = reads && (c.p.Blocking(n) == "" || c.complete(b, n) || c.onlyReads(b, n, depth-1))
		return reads
	})
	return reads
}

// isCall reports whether an expression is the call that is begun.
func (c checker) isCall(b program.Begin, e ast.Expr) bool {
	if api.EffectOf(b.Name) == api.Begins {
		return c.same(program.Receiver(b.Call), e)
	}
	s, ok := c.p.Parent(b.Call).(*ast.AssignStmt)
	return ok && slices.ContainsFunc(s.Lhs, func(l ast.Expr) bool { return c.same(l, e) })
}

// same reports whether two expressions are the same by their text, or are the same field: of
// the same object, perhaps, which each method calls by a name of its own.
func (c checker) same(a, b ast.Expr) bool {
	if types.ExprString(a) == types.ExprString(b) {
		return true
	}
	v := c.p.Var(a)
	return v != nil && v.IsField() && v == c.p.Var(b)
}

// held returns the mutexes that are locked in a function before a call, and not
// unlocked in between, by their text: 1 for those that are locked to read, and 2 for the others.
func (c checker) held(call *ast.CallExpr) map[string]int {
	held := make(map[string]int)
	fn := c.p.Function(call)
	if fn == nil {
		return held
	}
	ast.Inspect(program.Body(fn), func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.CallExpr:
			if n.Pos() >= call.Pos() {
				return false
			}
			if mu := locks(c.p, n); mu != "" && c.onTheWay(n, call) {
				held[mu] = 2 - reads(c.p, n)
			}
			if _, deferred := c.p.Parent(n).(*ast.DeferStmt); !deferred {
				if mu := unlocks(c.p, n); mu != "" {
					delete(held, mu)
				}
			}
		}
		return true
	})
	return held
}

// onTheWay reports whether what stands in the list of a statement before another leads there: a
// call in a branch that is over does not.
func (c checker) onTheWay(before, call *ast.CallExpr) bool {
	stmt, _ := c.p.Statement(before)
	return stmt != nil && program.Holds(c.p.Parent(stmt), call)
}

func locks(p *program.Package, call *ast.CallExpr) string {
	return mutex(p, call, "Mutex.Lock", "RWMutex.Lock", "RWMutex.RLock")
}

// reads returns 1 for a call that locks a mutex to read, beside others that do, and else 0.
func reads(p *program.Package, call *ast.CallExpr) int {
	if mutex(p, call, "RWMutex.RLock") != "" {
		return 1
	}
	return 0
}

func unlocks(p *program.Package, call *ast.CallExpr) string {
	return mutex(p, call, "Mutex.Unlock", "RWMutex.Unlock", "RWMutex.RUnlock")
}

// mutex returns the text of the mutex on which a call calls one of the methods, or
// "".
func mutex(p *program.Package, call *ast.CallExpr, methods ...string) string {
	fn := api.Callee(p.Info, call)
	for _, m := range methods {
		if api.FromPackage(fn, "sync", m) {
			return types.ExprString(program.Receiver(call))
		}
	}
	return ""
}
