package program

import (
	"go/ast"
	"go/types"

	"github.com/seed4712c49f/async/cmd/asyncvet/internal/api"
)

// Options are those that a call is begun with, as far as they can be followed:
// through variables, through append, through functions that return one.
type Options struct {
	All       bool // there are no others
	Scopes    []ast.Expr
	Discards  []Discard
	OnSignal  []ast.Expr // the functions
	Streaming bool
	Abandon   bool
	InGroup   bool
	told      bool // an OnSignal of a function that is known by a fact
	owned     bool // a scope that is known by a fact
}

// A Discard is one of the Discard options of a call.
type Discard struct {
	At   ast.Node
	Type types.Type // of the result that the function takes, or nil
	Name string     // the type with its import path
}

// HasScope reports whether there is a scope among the options.
func (o *Options) HasScope() bool { return o.owned || len(o.Scopes) > 0 }

// Tells reports whether there is an OnSignal among the options.
func (o *Options) Tells() bool { return o.told || len(o.OnSignal) > 0 }

// An OptionsFact is what of some options is told to other packages.
type OptionsFact struct {
	All, Scope, Discard, OnSignal, Streaming, Abandon, InGroup bool
	DiscardType                                                string // "" where that cannot be told
	merged                                                     bool   // others were added
}

func (o *Options) fact() OptionsFact {
	f := OptionsFact{
		All: o.All, Scope: o.HasScope(), Discard: len(o.Discards) > 0, OnSignal: o.Tells(),
		Streaming: o.Streaming, Abandon: o.Abandon, InGroup: o.InGroup,
	}
	for _, d := range o.Discards {
		if d.Type == nil || !generic(d.Type) {
			f.DiscardType = d.Name
		}
	}
	return f
}

// add has f be what is true of both.
func (f *OptionsFact) add(g OptionsFact) {
	if !f.merged {
		*f = g
		f.merged = true
		return
	}
	f.All = f.All && g.All
	f.Scope = f.Scope || g.Scope
	f.Discard = f.Discard || g.Discard
	f.OnSignal = f.OnSignal || g.OnSignal
	f.Streaming = f.Streaming || g.Streaming
	f.Abandon = f.Abandon || g.Abandon
	f.InGroup = f.InGroup || g.InGroup
	if f.DiscardType != g.DiscardType {
		f.DiscardType = ""
	}
}

// merge adds what a fact says.
func (o *Options) merge(f OptionsFact, at ast.Node) {
	o.All = o.All && f.All
	o.owned = o.owned || f.Scope
	o.told = o.told || f.OnSignal
	o.Streaming = o.Streaming || f.Streaming
	o.Abandon = o.Abandon || f.Abandon
	o.InGroup = o.InGroup || f.InGroup
	if f.Discard {
		o.Discards = append(o.Discards, Discard{At: at, Name: f.DiscardType})
	}
}

// Options returns the options of a call that begins something.
func (p *Package) Options(call *ast.CallExpr) *Options {
	o := &Options{All: true}
	r := resolver{p, o, make(map[types.Object]bool)}
	fn := api.Callee(p.Info, call)
	switch name := api.Name(fn); name {
	case "":
		if s := p.Summary(fn); s != nil && len(s.Fresh) > 0 {
			o.merge(s.Fresh[0].Options, call)
		} else {
			o.All = false
		}
	case "Group.Do", "Group.Join":
		r.group(Receiver(call))
	case "GoAll", "Ready":
	default:
		i, ok := optionIndex(name)
		if !ok {
			o.All = false // a Clone has those of its call
			break
		}
		r.arguments(call, i)
	}
	return o
}

// optionIndex returns which argument of a function of the library is its first
// option.
func optionIndex(name string) (int, bool) {
	switch name {
	case "NewPromise", "NewLazy", "Call.BeginPromise":
		return 1, true
	case "Go", "Call.Begin":
		return 2, true
	case "GoEach":
		return 3, true
	case "Hedge":
		return 4, true
	}
	return 0, false
}

// A resolver follows expressions to the options that they are.
type resolver struct {
	p    *Package
	o    *Options
	seen map[types.Object]bool
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
		r.variable(e, r.option)
	default:
		r.o.All = false
	}
}

// made adds an option that a call returns.
func (r resolver) made(call *ast.CallExpr) {
	fn := api.Callee(r.p.Info, call)
	switch api.Name(fn) {
	case "Discard":
		d := Discard{At: call}
		if sig, ok := r.p.Info.TypeOf(call.Fun).(*types.Signature); ok && sig.Params().Len() == 1 {
			if f, ok := sig.Params().At(0).Type().Underlying().(*types.Signature); ok && f.Params().Len() == 2 {
				d.Type = f.Params().At(0).Type()
				d.Name = types.TypeString(d.Type, nil)
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
	case "InGroup":
		r.o.InGroup = true
	case "Name":
	default:
		if s := r.p.Summary(fn); s != nil && s.Option != nil {
			r.o.merge(*s.Option, call)
			return
		}
		r.o.All = false
	}
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
			r.variable(e, r.slice)
		}
	default:
		r.o.All = false
	}
}

// variable adds everything that a variable is assigned.
func (r resolver) variable(e ast.Expr, each func(ast.Expr)) {
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
	for _, value := range values {
		each(value)
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
				resolver{p, o, make(map[types.Object]bool)}.option(n.Results[0])
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

// generic reports whether a type depends on a type parameter.
func generic(t types.Type) bool {
	found := false
	var look func(t types.Type)
	seen := make(map[types.Type]bool)
	look = func(t types.Type) {
		if found || t == nil || seen[t] {
			return
		}
		seen[t] = true
		switch t := types.Unalias(t).(type) {
		case *types.TypeParam:
			found = true
		case *types.Pointer:
			look(t.Elem())
		case *types.Slice:
			look(t.Elem())
		case *types.Array:
			look(t.Elem())
		case *types.Chan:
			look(t.Elem())
		case *types.Map:
			look(t.Key())
			look(t.Elem())
		case *types.Signature:
			look(t.Params())
			look(t.Results())
		case *types.Tuple:
			for v := range t.Variables() {
				look(v.Type())
			}
		case *types.Struct:
			for f := range t.Fields() {
				look(f.Type())
			}
		case *types.Named:
			for a := range t.TypeArgs().Types() {
				look(a)
			}
		}
	}
	look(t)
	return found
}

// Generic reports whether a type depends on a type parameter.
func Generic(t types.Type) bool { return generic(t) }
