package program

// How an option is followed from where a call is begun to where the option is made.
// Package.Options and the summaries of functions use it.

import (
	"go/ast"
	"go/types"
	"slices"

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

// perhaps adds the options that a function of the program is given and that may be those of the
// call which it begins, where it cannot be told what becomes of them.
func (r resolver) perhaps(f OptionsFact, fn *types.Func, call *ast.CallExpr) {
	if !f.More || fn == nil || !fn.Signature().Variadic() {
		return
	}
	last := fn.Signature().Params().Len() - 1
	if !slices.Contains(f.Given, last) && areOptions(fn.Signature().Params().At(last).Type()) {
		r.arguments(call, last)
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
		r.unknown()
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
			r.told(*s.Option, call)
			if s.Option.Special != "" {
				r.special(s.Option.Special, call)
			}
			return
		}
		r.unknown()
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
		r.sliceBy(e)
	case *ast.SliceExpr:
		if !r.p.isWhole(e) {
			r.unknown()
			return
		}
		r.slice(e.X)
	case *ast.Ident, *ast.SelectorExpr:
		if !isNil(e) {
			r.variable(e, resolver.slice)
			r.elements(e)
		}
	default:
		r.unknown()
	}
}

// sliceBy adds the options of a slice that a call returns.
func (r resolver) sliceBy(call *ast.CallExpr) {
	fn := api.Callee(r.p.Info, call)
	id, _ := ast.Unparen(call.Fun).(*ast.Ident)
	builtin, _ := r.p.Info.Uses[id].(*types.Builtin)
	switch {
	case builtin != nil && builtin.Name() == "append":
		r.slice(call.Args[0])
		r.arguments(call, 1)
	case builtin != nil && builtin.Name() == "make": // what is put into it is entered elsewhere
	case r.p.Info.Types[call.Fun].IsType(), api.FromPackage(fn, "slices", "Clone"):
		r.slice(call.Args[0])
	default:
		if s := r.p.Summary(fn); s != nil && s.Option != nil {
			r.told(*s.Option, call)
			return
		}
		r.unknown()
	}
}

// isWhole reports whether a part of a slice is all of it: x[:], or x[:len(x):len(x)].
func (p *Package) isWhole(e *ast.SliceExpr) bool {
	if e.Low != nil {
		return false
	}
	return e.High == nil || text(e.High) == "len("+text(e.X)+")" && p.isLen(e.High)
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
		r.unknown()
		return
	}
	if r.seen[v] {
		return
	}
	r.seen[v] = true
	if all := r.p.ranged(v); all != nil {
		r.maybe = true
		r.slice(all)
		return
	}
	values, all := r.p.Values(v)
	if !r.isGiven(e, v) && (v.IsField() || !all || len(values) == 0) {
		r.unknown() // of a field: that of another object, perhaps
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
	if i >= len(call.Args) {
		r.unknown()
		return
	}
	lit, ok := r.p.Value(call.Args[i]).(*ast.CompositeLit)
	if !ok {
		r.unknown()
		return
	}
	for _, elt := range lit.Elts {
		kv, ok := elt.(*ast.KeyValueExpr)
		if !ok {
			r.unknown()
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
		r.unknown()
		return
	}
	values, all := r.p.Values(v)
	if !all {
		r.unknown()
	}
	r.maybe = !all || Generic(v.Type()) || len(values)+len(r.p.groups[v]) > 1
	for _, value := range values {
		lit, ok := ast.Unparen(value).(*ast.CompositeLit)
		if u, isAddr := ast.Unparen(value).(*ast.UnaryExpr); isAddr {
			lit, ok = u.X.(*ast.CompositeLit)
		}
		if !ok {
			r.unknown()
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

// optionOf returns what the option that a function returns says, or the options of the slice, or
// nil where it returns nothing of the kind.
func (p *Package) optionOf(decl *ast.FuncDecl) *OptionsFact {
	sig := p.Signature(decl)
	if sig == nil || sig.Results().Len() != 1 {
		return nil
	}
	follow := resolver.option
	if t := sig.Results().At(0).Type(); areOptions(t) {
		follow = resolver.slice
	} else if api.Kind(t) != "Option" {
		return nil
	}
	var f OptionsFact
	ast.Inspect(decl.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.ReturnStmt:
			o := &Options{more: len(n.Results) != 1}
			if !o.more {
				follow(resolver{p: p, o: o, seen: make(map[types.Object]bool)}, n.Results[0])
			}
			f.add(o.fact(sig))
		}
		return true
	})
	if !f.merged {
		return nil
	}
	return &f
}
