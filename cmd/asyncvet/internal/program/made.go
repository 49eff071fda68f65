package program

// Values that a function makes, and that nobody else has: those that have to be closed where
// nobody takes them. lateresource and brokenpromise ask for them.

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"

	"github.com/seed4712c49f/async/cmd/asyncvet/internal/api"
)

// deep is how many functions are looked into, one called by the other.
const deep = 4

// Made reports whether an expression in a function is a value that was not there before, and
// that nobody else has: no nil, no field, no parameter, nothing that is stored as well.
func (p *Package) Made(e ast.Expr, fn ast.Node) bool { return p.made(e, fn, deep) }

// Gives reports whether a function may return something that it made, as its first result.
func (p *Package) Gives(fn ast.Node) bool { return p.gives(fn, deep) }

func (p *Package) gives(fn ast.Node, depth int) bool {
	gives := false
	p.Inline(Body(fn), func(n ast.Node) bool {
		ret, ok := n.(*ast.ReturnStmt)
		if !ok || p.Function(ret) != fn {
			return true
		}
		if len(ret.Results) > 0 {
			gives = gives || p.made(ret.Results[0], fn, depth)
		} else if sig := p.Signature(fn); sig != nil && sig.Results().Len() > 0 {
			gives = gives || p.madeVar(sig.Results().At(0), fn, depth)
		}
		return true
	})
	return gives
}

func (p *Package) made(e ast.Expr, fn ast.Node, depth int) bool {
	if depth == 0 {
		return true
	}
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		v := p.Var(e)
		return v != nil && Within(v, fn) && p.madeVar(v, fn, depth)
	case *ast.SelectorExpr, *ast.IndexExpr, *ast.StarExpr:
		return false
	case *ast.TypeAssertExpr:
		return p.made(e.X, fn, depth)
	case *ast.UnaryExpr:
		if lit, ok := ast.Unparen(e.X).(*ast.CompositeLit); ok && IsResponse(p.Info.TypeOf(e)) {
			return p.madeBody(lit, fn, depth)
		}
		return e.Op != token.ARROW
	case *ast.CallExpr:
		return p.madeBy(e, fn, depth)
	}
	return true
}

// madeVar reports whether everything that a variable of a function gets is made there, and is
// not stored as well.
func (p *Package) madeVar(v *types.Var, fn ast.Node, depth int) bool {
	return !p.isParameter(v, fn) && p.getsMade(v, fn, depth) && !p.stored(v, fn, depth)
}

// getsMade reports whether everything that a variable of a function gets is made there.
func (p *Package) getsMade(v *types.Var, fn ast.Node, depth int) bool {
	values, _ := p.Values(v)
	for _, e := range values {
		if !isNil(e) && !p.made(e, fn, depth-1) {
			return false
		}
	}
	return !p.isRanged(v)
}

// isRanged reports whether a variable is one of a range statement.
func (p *Package) isRanged(v *types.Var) bool {
	return slices.ContainsFunc(p.idents[v], func(id *ast.Ident) bool {
		r, ok := p.parents[id].(*ast.RangeStmt)
		return ok && (r.Key == id || r.Value == id)
	})
}

// stored reports whether a function keeps what a variable holds, or may have somebody else keep
// it: in a field, in a map, in another value, in a channel, by a method of something that was
// there before.
func (p *Package) stored(v *types.Var, fn ast.Node, depth int) bool {
	return slices.ContainsFunc(p.within(v, fn), func(id *ast.Ident) bool {
		switch parent := p.Parent(id).(type) {
		case *ast.AssignStmt:
			return p.assignedOutside(id, parent, fn)
		case *ast.SendStmt:
			return parent.Value == id
		case *ast.KeyValueExpr, *ast.CompositeLit:
			return true
		case *ast.CallExpr:
			return p.storedBy(parent, id, fn, depth)
		}
		return false
	})
}

// assignedOutside reports whether a name is assigned to something else than a variable of the
// function.
func (p *Package) assignedOutside(id *ast.Ident, s *ast.AssignStmt, fn ast.Node) bool {
	i := slices.IndexFunc(s.Rhs, func(r ast.Expr) bool { return ast.Unparen(r) == id })
	if i < 0 || i >= len(s.Lhs) {
		return false
	}
	l, ok := ast.Unparen(s.Lhs[i]).(*ast.Ident)
	return !ok || (l.Name != "_" && !Within(p.Var(l), fn))
}

// storedBy reports whether a call may keep an argument.
func (p *Package) storedBy(call *ast.CallExpr, id *ast.Ident, fn ast.Node, depth int) bool {
	i := argument(call, id)
	if i < 0 {
		return false
	}
	if b, ok := ast.Unparen(call.Fun).(*ast.Ident); ok && b.Name == "append" {
		return true
	}
	callee := api.Callee(p.Info, call)
	if decl := p.decls[callee]; decl != nil && decl.Body != nil && i < callee.Signature().Params().Len() {
		return depth > 0 && p.stored(callee.Signature().Params().At(i), decl, depth-1)
	}
	if callee == nil || callee.Signature().Recv() == nil || Receiver(call) == nil {
		return false
	}
	if api.Name(callee) != "" {
		return false // a Complete, which is asked for
	}
	first := p.Var(root(Receiver(call)))
	return first != nil && (!Within(first, fn) || p.isParameter(first, fn))
}

// isParameter reports whether a variable is the receiver or a parameter of a function.
func (p *Package) isParameter(v *types.Var, fn ast.Node) bool {
	sig := p.Signature(fn)
	return sig != nil && (sig.Recv() == v || slices.Contains(slices.Collect(sig.Params().Variables()), v))
}

// root returns the first name of a chain of selectors.
func root(e ast.Expr) ast.Expr {
	for {
		sel, ok := ast.Unparen(e).(*ast.SelectorExpr)
		if !ok {
			return e
		}
		e = sel.X
	}
}

// madeBody reports whether the body of a response that a function writes down has to be closed.
func (p *Package) madeBody(lit *ast.CompositeLit, fn ast.Node, depth int) bool {
	for _, elt := range lit.Elts {
		kv, ok := elt.(*ast.KeyValueExpr)
		if !ok {
			return true
		}
		if key, ok := kv.Key.(*ast.Ident); !ok || key.Name != "Body" {
			continue
		}
		if v := p.Var(kv.Value); v != nil && Within(v, fn) && !v.IsField() {
			return p.getsMade(v, fn, depth) // the response has it
		}
		return p.made(kv.Value, fn, depth)
	}
	return false
}

// madeBy reports whether a call may make what it returns.
func (p *Package) madeBy(call *ast.CallExpr, fn ast.Node, depth int) bool {
	if p.Info.Types[call.Fun].IsType() && len(call.Args) == 1 {
		return p.made(call.Args[0], fn, depth)
	}
	callee := api.Callee(p.Info, call)
	if api.FromPackage(callee, "io", "NopCloser") {
		return false
	}
	if decl := p.decls[callee]; decl != nil && decl.Body != nil && callee.Signature().Results().Len() > 0 {
		return p.gives(decl, depth-1)
	}
	return true
}
