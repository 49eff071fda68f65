package program

// What may block a goroutine: for the functions of OnSignal, and for the summaries of
// what these call.

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"

	"github.com/seed4712c49f/async/cmd/asyncvet/internal/api"
	"golang.org/x/tools/go/cfg"
)

// blocks returns what in a function is sure to be able to block, or "". In a package that has
// nothing to do with the library, that stands on every path: a logger, say, may sleep where
// something is wrong with its file.
func (p *Package) blocks(decl *ast.FuncDecl) string {
	found := p.blockingIn(decl.Body)
	if found == "" || p.reaches {
		return found
	}
	g := p.Graph(decl)
	if g == nil || len(g.Blocks) == 0 || !p.comesToBlock(g.Blocks[0], make(map[*cfg.Block]bool)) {
		return ""
	}
	return found
}

// blockingIn returns the first thing within a node that may block, or "".
func (p *Package) blockingIn(n ast.Node) (found string) {
	p.Inline(n, func(n ast.Node) bool {
		if found == "" {
			found = p.Blocking(n)
		}
		return found == ""
	})
	return found
}

// comesToBlock reports whether every path from a block to a return comes to something that may
// block.
func (p *Package) comesToBlock(b *cfg.Block, seen map[*cfg.Block]bool) bool {
	if seen[b] {
		return true
	}
	seen[b] = true
	for _, n := range b.Nodes {
		if p.blockingIn(n) != "" {
			return true
		}
		if _, ok := n.(*ast.ReturnStmt); ok {
			return false
		}
	}
	for _, next := range b.Succs {
		if !p.comesToBlock(next, seen) {
			return false
		}
	}
	return true
}

// Blocking returns what it is about a node that may block the goroutine, or "".
// It knows the waits of the library, time.Sleep, the waits of package sync,
// channels of which the program says that they have no buffer, and functions that
// do such a thing. To wait for what is complete by then is no wait.
func (p *Package) Blocking(n ast.Node) string {
	if p.Complete(n) {
		return ""
	}
	switch n := n.(type) {
	case *ast.CallExpr:
		if _, ok := p.Parent(n).(*ast.GoStmt); !ok {
			return p.blockingCall(n)
		}
	case *ast.SendStmt:
		if p.Unbuffered(n.Chan) && !p.optional(n) {
			return "a send to " + text(n.Chan)
		}
	case *ast.UnaryExpr:
		if n.Op == token.ARROW && p.Completion(n.X) && !p.optional(n) {
			return "a receive from " + text(n.X)
		}
	}
	return ""
}

func (p *Package) blockingCall(call *ast.CallExpr) string {
	fn := api.Callee(p.Info, call)
	name := api.Name(fn)
	switch api.WaitOf(name) {
	case api.ByContext:
		return name
	case api.ByTimeout:
		if len(call.Args) == 1 && !p.Polls(call.Args[0]) {
			return name
		}
		return ""
	case api.ByIteration:
		if r, ok := p.Parent(call).(*ast.RangeStmt); ok && r.X == call {
			return name
		}
		return ""
	}
	switch {
	case api.FromPackage(fn, "time", "Sleep"):
		return "time.Sleep"
	case api.FromPackage(fn, "sync", "WaitGroup.Wait"), api.FromPackage(fn, "sync", "Cond.Wait"):
		return text(call.Fun)
	}
	if s := p.Summary(fn); name == "" && s != nil && s.Blocks != "" {
		return fn.Name() + " (by " + s.Blocks + ")"
	}
	return ""
}

// Polls reports whether a duration is a constant that is not positive: a poll.
func (p *Package) Polls(e ast.Expr) bool {
	v := p.Info.Types[e].Value
	return v != nil && constant.Sign(v) <= 0
}

// Unbuffered reports whether a channel is known to have no buffer: everything that
// its variable is ever assigned is made without.
func (p *Package) Unbuffered(ch ast.Expr) bool {
	values, all := p.Values(p.Var(ch))
	for _, e := range values {
		call, ok := ast.Unparen(e).(*ast.CallExpr)
		if !ok {
			return false
		}
		id, ok := ast.Unparen(call.Fun).(*ast.Ident)
		if _, builtin := p.Info.Uses[id].(*types.Builtin); !ok || !builtin || id.Name != "make" {
			return false
		}
		if len(call.Args) == 2 && !p.Polls(call.Args[1]) {
			return false
		}
	}
	return all && len(values) > 0
}

// Completion reports whether a channel is one that is closed at an end: the Done of
// something of the library, or of a context.
func (p *Package) Completion(ch ast.Expr) bool {
	call, ok := p.Value(ch).(*ast.CallExpr)
	if !ok {
		return false
	}
	fn := api.Callee(p.Info, call)
	switch api.Name(fn) {
	case "Call.Done", "Event.Done", "Signal.Done":
		return true
	}
	return api.FromPackage(fn, "context", "Context.Done") || api.FromPackage(fn, "time", "After")
}

// optional reports whether a send or a receive is one of several cases of a
// select: others may be ready in its place.
func (p *Package) optional(n ast.Node) bool {
	found := false
	p.Around(n, func(n ast.Node) bool {
		switch n.(type) {
		case *ast.CommClause:
			found = true
			return false
		case *ast.BlockStmt, *ast.FuncLit, *ast.FuncDecl, *ast.CaseClause:
			return false
		}
		return true
	})
	return found && p.isComm(n)
}

// isComm reports whether n is in the head of a case of a select, and not in its
// body.
func (p *Package) isComm(n ast.Node) bool {
	head := false
	p.Around(n, func(around ast.Node) bool {
		if cc, ok := around.(*ast.CommClause); ok {
			head = cc.Comm != nil && Holds(cc.Comm, n)
			return false
		}
		return true
	})
	return head
}
