package program

// The index of the package: the node around each node, where each variable stands,
// and what it is assigned. All else in this package looks things up here.

import (
	"cmp"
	"go/ast"
	"go/token"
	"go/types"
	"slices"

	"github.com/seed4712c49f/async/cmd/asyncvet/internal/api"
)

// index enters what stands in a file: parents, variables, values, declarations.
func (p *Package) index(f *ast.File) {
	var stack []ast.Node
	ast.Inspect(f, func(n ast.Node) bool {
		if n == nil {
			stack = stack[:len(stack)-1]
			return true
		}
		if len(stack) > 0 {
			p.parents[n] = stack[len(stack)-1]
		}
		stack = append(stack, n)
		p.enter(n)
		return true
	})
}

// sort sorts where each variable stands.
func (p *Package) sort() {
	for _, idents := range p.idents {
		slices.SortFunc(idents, func(a, b *ast.Ident) int { return cmp.Compare(a.Pos(), b.Pos()) })
	}
}

func (p *Package) enter(n ast.Node) {
	switch n := n.(type) {
	case *ast.Ident:
		if v, ok := p.Info.ObjectOf(n).(*types.Var); ok {
			p.idents[v.Origin()] = append(p.idents[v.Origin()], n)
		}
	case *ast.FuncDecl:
		if fn, ok := p.Info.Defs[n.Name].(*types.Func); ok {
			p.decls[fn] = n
			p.order = append(p.order, fn)
		}
	case *ast.AssignStmt:
		p.assigned(n.Lhs, n.Rhs)
	case *ast.ValueSpec:
		lhs := make([]ast.Expr, len(n.Names))
		for i, name := range n.Names {
			lhs[i] = name
		}
		p.assigned(lhs, n.Values)
	case *ast.RangeStmt:
		p.assign(n.Key, nil)
		p.assign(n.Value, nil)
	case *ast.CompositeLit:
		p.literal(n)
	case *ast.CallExpr:
		p.copied(n)
	case *ast.Field:
		for _, name := range n.Names {
			if v, ok := p.Info.Defs[name].(*types.Var); ok && !v.IsField() {
				p.values[v] = append(p.values[v], nil) // a parameter, or a result
			}
		}
	case *ast.UnaryExpr:
		if n.Op == token.AND {
			if v := p.Var(n.X); v != nil && !api.IsObject(v.Type()) && api.Kind(v.Type()) == "" {
				p.values[v] = append(p.values[v], nil) // set by its address, perhaps
			}
		}
	}
}

// assigned enters an assignment. Of a call with several results each variable has
// that call as its value.
func (p *Package) assigned(lhs, rhs []ast.Expr) {
	for i, l := range lhs {
		switch {
		case len(rhs) == len(lhs):
			p.assign(l, rhs[i])
		case len(rhs) == 1:
			p.assign(l, rhs[0])
		}
	}
}

func (p *Package) assign(l, value ast.Expr) {
	if l == nil {
		return
	}
	if sel, ok := ast.Unparen(l).(*ast.SelectorExpr); ok && sel.Sel.Name == "Options" && api.Kind(p.Info.TypeOf(sel.X)) == "Group" {
		if v := p.Var(sel.X); v != nil {
			p.groups[v] = append(p.groups[v], value)
		}
		return
	}
	if element, ok := ast.Unparen(l).(*ast.IndexExpr); ok {
		if v := p.Var(element.X); v != nil && areOptions(v.Type()) {
			p.elements[v] = append(p.elements[v], value)
		}
	}
	if v := p.Var(l); v != nil {
		p.values[v] = append(p.values[v], value)
	}
}

// areOptions reports whether a type is one of several options.
func areOptions(t types.Type) bool {
	switch t := t.Underlying().(type) {
	case *types.Slice:
		return api.Kind(t.Elem()) == "Option"
	case *types.Array:
		return api.Kind(t.Elem()) == "Option"
	}
	return false
}

// copied enters that a copy assigns to a slice what is not known.
func (p *Package) copied(call *ast.CallExpr) {
	id, ok := ast.Unparen(call.Fun).(*ast.Ident)
	if _, builtin := p.Info.Uses[id].(*types.Builtin); !ok || !builtin || id.Name != "copy" {
		return
	}
	to := ast.Unparen(call.Args[0])
	if part, ok := to.(*ast.SliceExpr); ok {
		to = part.X
	}
	if v := p.Var(to); v != nil {
		p.values[v] = append(p.values[v], nil)
	}
}

// literal enters what a composite literal assigns to fields.
func (p *Package) literal(lit *ast.CompositeLit) {
	t := p.Info.TypeOf(lit)
	if t == nil {
		return
	}
	if ptr, ok := t.Underlying().(*types.Pointer); ok {
		t = ptr.Elem()
	}
	st, ok := t.Underlying().(*types.Struct)
	if !ok {
		return
	}
	for i, e := range lit.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			if key, ok := kv.Key.(*ast.Ident); ok {
				if v, ok := p.Info.ObjectOf(key).(*types.Var); ok {
					p.values[v.Origin()] = append(p.values[v.Origin()], kv.Value)
				}
			}
		} else if i < st.NumFields() {
			v := st.Field(i).Origin()
			p.values[v] = append(p.values[v], e)
		}
	}
}

// Values returns everything that a variable is assigned, and whether that is all:
// no parameter, no variable that another package can assign to.
func (p *Package) Values(v *types.Var) (values []ast.Expr, all bool) {
	if v == nil || v.Pkg() != p.Pkg {
		return nil, false
	}
	local := v.Parent() != nil && v.Parent() != p.Pkg.Scope()
	all = local || !v.Exported()
	for _, e := range p.values[v.Origin()] {
		if e == nil {
			all = false
			continue
		}
		values = append(values, e)
	}
	return values, all
}

// Value follows a name, or a field, to the one value that it is ever assigned. It
// returns e where there is none, or more than one, or where the value is made from itself.
func (p *Package) Value(e ast.Expr) ast.Expr {
	for range 8 {
		e = ast.Unparen(e)
		switch e.(type) {
		case *ast.Ident, *ast.SelectorExpr:
		default:
			return e
		}
		v := p.Var(e)
		values, all := p.Values(v)
		if !all || len(values) != 1 || p.madeFrom(values[0], v) {
			return e
		}
		e = values[0]
	}
	return e
}

// madeFrom reports whether an expression names v.
func (p *Package) madeFrom(e ast.Expr, v *types.Var) bool {
	found := false
	ast.Inspect(e, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.Ident:
			of, ok := p.Info.ObjectOf(n).(*types.Var)
			found = found || ok && of.Origin() == v
		}
		return !found
	})
	return found
}
