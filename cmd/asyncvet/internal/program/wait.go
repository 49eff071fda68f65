package program

// What a function's own goroutine runs, and the waits in it that find no slot: for
// slotctx.

import (
	"go/ast"
	"go/types"

	"github.com/seed4712c49f/async/cmd/asyncvet/internal/api"
)

// Inline calls f with the nodes of a function that its own goroutine runs: the
// bodies of function literals are left out, but for those that are called or
// deferred where they stand. Where f returns false, what is inside is left out.
func (p *Package) Inline(body ast.Node, f func(ast.Node) bool) {
	ast.Inspect(body, func(n ast.Node) bool {
		if lit, ok := n.(*ast.FuncLit); ok && n != body {
			call, ok := p.Parent(lit).(*ast.CallExpr)
			if !ok || ast.Unparen(call.Fun) != lit {
				return false
			}
			if _, ok := p.Parent(call).(*ast.GoStmt); ok {
				return false
			}
		}
		return n != nil && f(n)
	})
}

// waitsAlone returns the wait by a context without a slot that a function makes
// in its body, itself or by way of another function, or "".
func (p *Package) waitsAlone(decl *ast.FuncDecl) string {
	found := ""
	p.Inline(decl.Body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || found != "" {
			return found == ""
		}
		if _, ok := p.Parent(call).(*ast.GoStmt); ok {
			return true // its arguments are evaluated here, the call is made elsewhere
		}
		fn := api.Callee(p.Info, call)
		name := api.Name(fn)
		switch {
		case api.WaitOf(name) == api.ByContext && len(call.Args) > 0 && p.IsRoot(call.Args[0]) && !p.Complete(call):
			found = name
		case name == "":
			if s := p.Summary(fn); s != nil {
				found = s.Waits
			}
		}
		return true
	})
	return found
}

// waitsBy returns for each parameter of a function the wait that the function makes with it as
// the context, itself or by way of another function, or "".
func (p *Package) waitsBy(fn *types.Func, decl *ast.FuncDecl) []string {
	params := fn.Signature().Params()
	by := make([]string, params.Len())
	p.Inline(decl.Body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if _, ok := p.Parent(call).(*ast.GoStmt); ok {
			return true
		}
		for i, wait := range p.WaitsBy(call) {
			for j := range by {
				if wait != "" && by[j] == "" && p.Var(call.Args[i]) == params.At(j) && !p.Complete(call) && p.onlyGiven(params.At(j)) {
					by[j] = wait
				}
			}
		}
		return true
	})
	return by
}

// onlyGiven reports whether nothing is assigned to a parameter.
func (p *Package) onlyGiven(v *types.Var) bool {
	values, _ := p.Values(v)
	return len(values) == 0
}

// WaitsBy returns for each argument of a call the wait that is made with it as the context, or
// "": of the library, or of a function of the program.
func (p *Package) WaitsBy(call *ast.CallExpr) []string {
	fn := api.Callee(p.Info, call)
	if name := api.Name(fn); name != "" {
		if api.WaitOf(name) == api.ByContext && len(call.Args) > 0 {
			return []string{name}
		}
		return nil
	}
	if s := p.Summary(fn); s != nil && !fn.Signature().Variadic() && len(s.By) == len(call.Args) {
		return s.By
	}
	return nil
}

// IsRoot reports whether a context is that of nobody: context.Background or
// context.TODO, or one made from it.
func (p *Package) IsRoot(ctx ast.Expr) bool {
	made := p.Contexts(ctx)
	call, ok := p.Value(made[len(made)-1]).(*ast.CallExpr)
	if !ok {
		return false
	}
	fn := api.Callee(p.Info, call)
	return api.FromPackage(fn, "context", "Background") || api.FromPackage(fn, "context", "TODO")
}

// chain is how many contexts are followed that are made one from the other, which may go round in
// a circle.
const chain = 16

// Contexts returns a context, the one that package context makes it from, and so on.
func (p *Package) Contexts(ctx ast.Expr) []ast.Expr {
	made := []ast.Expr{ctx}
	for len(made) < chain {
		call, ok := p.Value(made[len(made)-1]).(*ast.CallExpr)
		if !ok || len(call.Args) == 0 || !isContextExpr(p.Info, call.Args[0]) {
			break
		}
		if fn := api.Callee(p.Info, call); fn == nil || fn.Pkg() == nil || fn.Pkg().Path() != "context" {
			break
		}
		made = append(made, call.Args[0])
	}
	return made
}

func isContextExpr(info *types.Info, e ast.Expr) bool {
	t := info.TypeOf(e)
	return t != nil && api.IsContext(t)
}
