package program

// How an option is followed from where a call is begun to where the option is made.
// Package.Options and the summaries of functions use it.

import (
	"go/ast"
	"go/types"

	"github.com/seed4712c49f/async/cmd/asyncvet/internal/api"
)

// A resolver follows expressions to the options that they are.
type resolver struct {
	p     *Package
	o     *Options
	seen  map[types.Object]bool
	maybe bool // what is followed is one of several values of a variable
	field bool // what is followed is the value of a field
}

func (r resolver) arguments(call *ast.CallExpr, from int) {
	for i, a := range call.Args {
		switch {
		case i < from:
		case call.Ellipsis.IsValid() && i == len(call.Args)-1:
			r.slice(a)
		default:
			r.option(a)
		}
	}
}

// given adds the options that a function of the program is given, which may be those of the
// call that it begins.
func (r resolver) given(fn *types.Func, call *ast.CallExpr) {
	sig := fn.Signature()
	if r.o.All || !sig.Variadic() {
		return
	}
	last := sig.Params().Len() - 1
	if s, ok := sig.Params().At(last).Type().(*types.Slice); ok && api.Kind(s.Elem()) == "Option" {
		r.arguments(call, last)
		r.o.All = false
	}
}

// option adds what one option is.
func (r resolver) option(e ast.Expr) {
	e = ast.Unparen(e)
	if api.Kind(r.p.Info.TypeOf(e)) == "Scope" {
		r.o.Scopes = append(r.o.Scopes, e)
		return
	}
	switch e := e.(type) {
	case *ast.CallExpr:
		r.made(e)
	case *ast.Ident, *ast.SelectorExpr:
		r.variable(e, resolver.option)
	default:
		r.o.All = false
	}
}

// made adds an option that a call returns.
func (r resolver) made(call *ast.CallExpr) {
	fn := api.Callee(r.p.Info, call)
	switch api.LongName(fn) {
	case "Discard", "asyncnats.Discard":
		d := Discard{At: call, Maybe: r.maybe, Field: r.field}
		if sig, ok := r.p.Info.TypeOf(call.Fun).(*types.Signature); ok && sig.Params().Len() == 1 {
			if f, ok := sig.Params().At(0).Type().Underlying().(*types.Signature); ok && f.Params().Len() == 2 {
				d.Type = f.Params().At(0).Type()
				d.Name = NameOf(d.Type)
			}
		}
		r.o.Discards = append(r.o.Discards, d)
	case "OnSignal":
		if len(call.Args) == 1 {
			r.o.OnSignal = append(r.o.OnSignal, call.Args[0])
		}
	case "Streaming":
		r.o.Streaming = true
	case "CancelOnAbandon":
		r.o.Abandon = true
		r.special("CancelOnAbandon", call)
	case "InGroup":
		r.o.InGroup = true
	case "Name":
	case "AtOnce", "InOrder", "NameEach", "WaitForRoom":
		r.special(api.Name(fn), call)
	case "asyncnats.ID", "asyncnats.Key":
		r.special(fn.Name(), call)
	default:
		if s := r.p.Summary(fn); s != nil && s.Option != nil {
			r.o.merge(*s.Option, call, r.maybe, r.field)
			if s.Option.Special != "" {
				r.special(s.Option.Special, call)
			}
			return
		}
		r.o.All = false
	}
}

// special adds an option that only some functions take, where the call is sure to get it.
func (r resolver) special(name string, call *ast.CallExpr) {
	if r.maybe {
		return
	}
	s := Special{At: call, Name: name}
	if sig, ok := r.p.Info.TypeOf(call.Fun).(*types.Signature); ok && r.p.Called(call) == "NameEach" && sig.Params().Len() == 1 {
		if f, ok := sig.Params().At(0).Type().Underlying().(*types.Signature); ok && f.Params().Len() == 1 {
			s.In = f.Params().At(0).Type()
		}
	}
	r.o.Some = append(r.o.Some, s)
}

// slice adds the options of a slice.
func (r resolver) slice(e ast.Expr) {
	switch e := ast.Unparen(e).(type) {
	case *ast.CompositeLit:
		for _, elt := range e.Elts {
			r.option(elt)
		}
	case *ast.CallExpr:
		b, ok := ast.Unparen(e.Fun).(*ast.Ident)
		if _, builtin := r.p.Info.Uses[b].(*types.Builtin); !ok || !builtin || b.Name != "append" {
			r.o.All = false
			return
		}
		r.slice(e.Args[0])
		r.arguments(e, 1)
	case *ast.Ident, *ast.SelectorExpr:
		if !isNil(e) {
			r.variable(e, resolver.slice)
			r.elements(e)
		}
	default:
		r.o.All = false
	}
}

// elements adds what is assigned to elements of a slice, one or another of which may be that at
// the time of the call.
func (r resolver) elements(e ast.Expr) {
	r.maybe = true
	for _, value := range r.p.elements[r.p.Var(e)] {
		r.option(value)
	}
}

// variable adds everything that a variable is assigned.
func (r resolver) variable(e ast.Expr, each func(resolver, ast.Expr)) {
	v := r.p.Var(e)
	if v == nil {
		r.o.All = false
		return
	}
	if r.seen[v] {
		return
	}
	r.seen[v] = true
	values, all := r.p.Values(v)
	r.o.All = r.o.All && all && (v.IsField() || len(values) > 0)
	if v.IsField() {
		r.o.All = false // of another object, perhaps
	}
	unsure := r.maybe || v.IsField() || !all || r.several(values, v)
	for _, value := range values {
		one := r
		one.maybe = unsure || r.adds(value, v)
		one.field = r.field || v.IsField()
		each(one, value)
	}
}

// several reports whether a variable gets more than one value, but for those that add to the
// first.
func (r resolver) several(values []ast.Expr, v *types.Var) bool {
	n := 0
	for _, e := range values {
		if !r.adds(e, v) {
			n++
		}
	}
	return n > 1
}

// adds reports whether a value of a variable is the variable with more behind it.
func (r resolver) adds(e ast.Expr, v *types.Var) bool {
	call, ok := ast.Unparen(e).(*ast.CallExpr)
	if !ok || len(call.Args) == 0 || r.p.Var(call.Args[0]) != v {
		return false
	}
	id, ok := ast.Unparen(call.Fun).(*ast.Ident)
	return ok && id.Name == "append"
}

// serving adds the options of the calls that an argument is for: a ServeOptions or a WorkOptions.
func (r resolver) serving(call *ast.CallExpr, i int) {
	if r.o.All = i < len(call.Args); !r.o.All {
		return
	}
	lit, ok := r.p.Value(call.Args[i]).(*ast.CompositeLit)
	if r.o.All = ok; !ok {
		return
	}
	for _, elt := range lit.Elts {
		kv, ok := elt.(*ast.KeyValueExpr)
		if !ok {
			r.o.All = false
			return
		}
		switch key, _ := kv.Key.(*ast.Ident); key.Name {
		case "Scope":
			r.option(kv.Value)
		case "Options":
			r.slice(kv.Value)
		}
	}
}

// group adds the Options of a Group.
func (r resolver) group(e ast.Expr) {
	v := r.p.Var(e)
	if v == nil {
		r.o.All = false
		return
	}
	values, all := r.p.Values(v)
	r.o.All = all
	r.maybe = !all || Generic(v.Type()) || len(values)+len(r.p.groups[v]) > 1
	for _, value := range values {
		lit, ok := ast.Unparen(value).(*ast.CompositeLit)
		if u, isAddr := ast.Unparen(value).(*ast.UnaryExpr); isAddr {
			lit, ok = u.X.(*ast.CompositeLit)
		}
		if !ok {
			r.o.All = false
			continue
		}
		for _, elt := range lit.Elts {
			if kv, ok := elt.(*ast.KeyValueExpr); ok {
				r.slice(kv.Value)
			}
		}
	}
	for _, value := range r.p.groups[v] {
		r.slice(value)
	}
}

// optionOf returns what the option that a function returns says, or nil where
// that is no option, or cannot be told.
func (p *Package) optionOf(decl *ast.FuncDecl) *OptionsFact {
	sig := p.Signature(decl)
	if sig == nil || sig.Results().Len() != 1 || api.Kind(sig.Results().At(0).Type()) != "Option" {
		return nil
	}
	var f OptionsFact
	ast.Inspect(decl.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.ReturnStmt:
			o := &Options{All: true}
			if len(n.Results) == 1 {
				resolver{p: p, o: o, seen: make(map[types.Object]bool)}.option(n.Results[0])
			} else {
				o.All = false
			}
			f.add(o.fact())
		}
		return true
	})
	if !f.merged {
		return nil
	}
	return &f
}
