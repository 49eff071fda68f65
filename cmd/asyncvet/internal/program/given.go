package program

// Options that a function is given, and hands to the call that it begins: by a parameter, or by a
// field of its receiver, which what made the receiver was given. Where the function is called,
// they are followed further.

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"

	"github.com/seed4712c49f/async/cmd/asyncvet/internal/api"
)

// byReceiver stands for the receiver in the place of the number of a parameter.
const byReceiver = -1

// unknown enters that there may be options which cannot be told. Of the values of a field that is
// entered already.
func (r resolver) unknown() { r.o.more = r.o.more || !r.field }

// isGiven reports whether a variable holds options that its function is given, and enters that.
func (r resolver) isGiven(e ast.Expr, v *types.Var) bool {
	if r.field {
		return true
	}
	if v.IsField() {
		sel, ok := ast.Unparen(e).(*ast.SelectorExpr)
		if !ok || !r.p.setByLiterals(v) {
			return false
		}
		v = r.p.Var(sel.X)
	}
	if v == nil || v.IsField() || !r.p.isParameterOnce(v) {
		return false
	}
	r.o.given = append(r.o.given, v)
	return true
}

// isParameterOnce reports whether a variable is a parameter, or a receiver, that gets nothing else
// but what is known.
func (p *Package) isParameterOnce(v *types.Var) bool {
	unknown := 0
	for _, e := range p.values[v.Origin()] {
		if e == nil {
			unknown++
		}
	}
	return unknown == 1 && slices.ContainsFunc(p.idents[v], func(id *ast.Ident) bool {
		_, ok := p.parents[id].(*ast.Field)
		return ok
	})
}

// setByLiterals reports whether a field gets its value where an object is made, and nowhere else.
func (p *Package) setByLiterals(v *types.Var) bool {
	return !slices.ContainsFunc(p.idents[v], func(id *ast.Ident) bool {
		sel, ok := p.parents[id].(*ast.SelectorExpr)
		if !ok || sel.Sel != id {
			return false
		}
		switch parent := p.Parent(sel).(type) {
		case *ast.AssignStmt:
			return slices.Contains(parent.Lhs, ast.Expr(sel))
		case *ast.UnaryExpr:
			return parent.Op == token.AND
		}
		return false
	})
}

// ranged returns what a variable is the element of, in a loop that gives it all of its values.
func (p *Package) ranged(v *types.Var) ast.Expr {
	if len(p.values[v]) != 1 || p.values[v][0] != nil {
		return nil
	}
	for _, id := range p.idents[v] {
		if loop, ok := p.parents[id].(*ast.RangeStmt); ok && loop.Value == id {
			return loop.X
		}
	}
	return nil
}

// told adds what is known about the options of another function's call, or of those that it
// returns. What it is given is followed in the call.
func (r resolver) told(f OptionsFact, call *ast.CallExpr) {
	r.merge(f, call)
	for _, i := range f.Given {
		if i == byReceiver {
			r.receiver(call)
		} else {
			r.parameter(call, i)
		}
	}
}

// parameter adds what a call gives by one of its parameters.
func (r resolver) parameter(call *ast.CallExpr, i int) {
	sig, _ := r.p.Info.TypeOf(call.Fun).(*types.Signature)
	switch {
	case sig == nil || i >= sig.Params().Len() || (i >= len(call.Args) && !sig.Variadic()):
		r.unknown()
	case sig.Variadic() && i == sig.Params().Len()-1:
		r.arguments(call, i)
	case areOptions(sig.Params().At(i).Type()):
		r.slice(call.Args[i])
	default:
		r.option(call.Args[i])
	}
}

// receiver adds the options that the receiver of a call was made with.
func (r resolver) receiver(call *ast.CallExpr) {
	fn, on := api.Callee(r.p.Info, call), Receiver(call)
	if on == nil || !isMethodOf(fn, r.p.Info.TypeOf(on)) {
		r.unknown()
		return
	}
	made, _ := r.p.Value(on).(*ast.CallExpr)
	if made == nil {
		r.unknown()
		return
	}
	s := r.p.Summary(api.Callee(r.p.Info, made))
	if s == nil || s.Makes == nil {
		r.unknown()
		return
	}
	r.told(*s.Makes, made)
}

// isMethodOf reports whether a function is a method of a type itself, and of no embedded one.
func isMethodOf(fn *types.Func, t types.Type) bool {
	base := func(t types.Type) *types.Named {
		if p, ok := types.Unalias(t).(*types.Pointer); ok {
			t = p.Elem()
		}
		n, _ := types.Unalias(t).(*types.Named)
		return n
	}
	if fn == nil || fn.Signature().Recv() == nil {
		return false
	}
	of, n := base(fn.Signature().Recv().Type()), base(t)
	return of != nil && n != nil && of.Obj() == n.Obj()
}

// makes returns the options in what a function returns, which it writes down, or nil where that
// is anything else.
func (p *Package) makes(fn *types.Func, decl *ast.FuncDecl) *OptionsFact {
	results := fn.Signature().Results()
	if results.Len() == 0 || api.Kind(results.At(0).Type()) != "" {
		return nil
	}
	o := &Options{}
	r := resolver{p: p, o: o, seen: make(map[types.Object]bool)}
	found := 0
	ast.Inspect(decl.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.ReturnStmt:
			if found++; len(n.Results) == 0 || !r.held(n.Results[0]) {
				o.more = true
			}
		}
		return !o.more
	})
	if found != 1 || len(o.given) == 0 {
		return nil
	}
	f := o.fact(p.Signature(decl))
	if f.More {
		return nil
	}
	return &f
}

// held adds the options in a literal of a struct, and reports whether it is one.
func (r resolver) held(e ast.Expr) bool {
	e = ast.Unparen(e)
	if u, ok := e.(*ast.UnaryExpr); ok && u.Op == token.AND {
		e = ast.Unparen(u.X)
	}
	lit, ok := e.(*ast.CompositeLit)
	if !ok {
		return false
	}
	for _, elt := range lit.Elts {
		kv, ok := elt.(*ast.KeyValueExpr)
		if !ok {
			return false
		}
		switch t := r.p.Info.TypeOf(kv.Value); {
		case t == nil:
			return false
		case areOptions(t):
			r.slice(kv.Value)
		case api.Kind(t) == "Option", api.Kind(t) == "Scope":
			r.option(kv.Value)
		}
	}
	return true
}
