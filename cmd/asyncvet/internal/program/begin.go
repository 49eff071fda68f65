package program

// Where calls are begun: what they run and return, with which options, and under
// which limit. The analyzers that are about a call's function and options begin here.

import (
	"go/ast"
	"go/constant"
	"go/types"
	"slices"

	"github.com/seed4712c49f/async/cmd/asyncvet/internal/api"
)

// A Begin is a place where calls are begun, or will be: a Go, a Begin, a
// NewPromise, a Group.Do.
type Begin struct {
	Call    *ast.CallExpr
	Name    string     // the function of the library
	Type    types.Type // of the result of the calls, or nil where they are of many types
	Func    ast.Expr   // what they run; nil for a promise, and where there are many: see Runs
	Options *Options
}

// Begins returns the places in this package where calls are begun.
func (p *Package) Begins() []Begin {
	var all []Begin
	for _, f := range p.Files {
		ast.Inspect(f, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				if b, ok := p.begin(call); ok {
					all = append(all, b)
				}
			}
			return true
		})
	}
	return all
}

func (p *Package) begin(call *ast.CallExpr) (Begin, bool) {
	b := Begin{Call: call, Name: p.Begun(call)}
	if b.Name == serveMethods || p.servingOf(call) != nil {
		return Begin{Call: call, Name: serveMethods, Options: p.Options(call)}, true
	}
	fn := -1
	switch b.Name {
	case "NewLazy":
		fn = 0
	case "Go", "Call.Begin":
		fn = 1
	case "GoEach", "Map", "Group.Do", "Group.Join", "asyncnats.Serve", "asyncnats.Work":
		fn = 2
	case "Hedge":
		fn = 3
	case "GoAll", "NewPromise", "Call.BeginPromise":
	case "asyncnats.Begin", "asyncnats.Invoke", "asyncnats.Submit", "asyncnats.Attach":
	default:
		return b, false
	}
	b.Type = p.resultType(b.Name, call)
	if b.Type == nil || (fn >= len(call.Args)) {
		return b, false
	}
	if fn >= 0 {
		b.Func = ast.Unparen(call.Args[fn])
	}
	b.Options = p.Options(call)
	return b, true
}

// funcs returns the functions that calls run, as expressions.
func (p *Package) funcs(b Begin) []ast.Expr {
	if b.Func != nil {
		return []ast.Expr{b.Func}
	}
	if b.Name == serveMethods {
		return p.handled(b.Call.Args)
	}
	if b.Name != "GoAll" || len(b.Call.Args) < 2 {
		return nil
	}
	list, ok := p.Value(b.Call.Args[1]).(*ast.CompositeLit)
	if !ok {
		return nil
	}
	var funcs []ast.Expr
	for _, e := range list.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			e = kv.Value
		}
		funcs = append(funcs, ast.Unparen(e))
	}
	return funcs
}

// resultType returns the type of the result of the calls that a call begins.
func (p *Package) resultType(name string, call *ast.CallExpr) types.Type {
	switch name {
	case "Call.Begin", "Call.BeginPromise", "Group.Do", "Group.Join":
		sig, _ := p.Info.TypeOf(call.Fun).(*types.Signature)
		fn, _ := p.Info.Uses[selected(call)].(*types.Func)
		if sig == nil || fn == nil || fn.Signature().Recv() == nil {
			return nil
		}
		return api.Elem(fn.Signature().Recv().Type())
	case "Hedge":
		if t, ok := p.Info.TypeOf(call).(*types.Tuple); ok && t.Len() == 2 {
			return t.At(0).Type()
		}
		return nil
	case "Map", "asyncnats.Serve", "asyncnats.Work":
		return p.mapped(call)
	case "asyncnats.Submit":
		if t, ok := p.Info.TypeOf(call).(*types.Tuple); ok && t.Len() == 3 {
			return api.Elem(t.At(0).Type())
		}
		return nil
	case "NewPromise":
		if t, ok := p.Info.TypeOf(call).(*types.Tuple); ok && t.Len() == 2 {
			return api.Elem(t.At(1).Type())
		}
		return nil
	}
	return api.Elem(p.Info.TypeOf(call))
}

// mapped returns the type of the results of a Map, or of what is served: the first result of
// its function.
func (p *Package) mapped(call *ast.CallExpr) types.Type {
	if len(call.Args) < 3 {
		return nil
	}
	sig, _ := p.Info.TypeOf(call.Args[2]).Underlying().(*types.Signature)
	if sig == nil || sig.Results().Len() != 2 {
		return nil
	}
	return sig.Results().At(0).Type()
}

// InputType returns the type of the inputs of a Map or a GoEach: the second parameter of
// its function.
func (p *Package) InputType(b Begin) types.Type {
	sig, _ := p.Info.TypeOf(b.Func).Underlying().(*types.Signature)
	if sig == nil || sig.Params().Len() != 2 {
		return nil
	}
	return sig.Params().At(1).Type()
}

func selected(call *ast.CallExpr) *ast.Ident {
	if sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr); ok {
		return sel.Sel
	}
	return nil
}

// A Limit is what is known about the limit of a scope.
type Limit int

// What may be known.
const (
	UnknownLimit Limit = iota
	NoLimit
	Limited
)

// LimitOf returns what is known about the limit of the scopes among some options.
func (p *Package) LimitOf(o *Options) Limit {
	if !o.HasScope() {
		return NoLimit
	}
	if len(o.Scopes) == 0 {
		return UnknownLimit
	}
	return p.limit(o.Scopes[len(o.Scopes)-1])
}

func (p *Package) limit(scope ast.Expr) Limit {
	call, ok := p.Value(scope).(*ast.CallExpr)
	if !ok {
		return UnknownLimit
	}
	fn := api.Callee(p.Info, call)
	switch {
	case api.Name(fn) == "NewScope" && len(call.Args) == 1:
		return p.limitOption(call.Args[0])
	case api.FromPackage(fn, api.TestPath, "NewScope") && len(call.Args) == 1:
		return NoLimit
	case api.FromPackage(fn, api.TestPath, "NewScope") && len(call.Args) == 2:
		return p.limitOption(call.Args[1])
	}
	return UnknownLimit
}

// limitOption returns what a ScopeOptions says.
func (p *Package) limitOption(e ast.Expr) Limit {
	lit, ok := p.Value(e).(*ast.CompositeLit)
	if !ok || p.setsLimit(p.Var(e)) {
		return UnknownLimit
	}
	for _, elt := range lit.Elts {
		kv, ok := elt.(*ast.KeyValueExpr)
		if !ok {
			return UnknownLimit
		}
		if key, ok := kv.Key.(*ast.Ident); ok && key.Name == "Limit" {
			return p.number(kv.Value)
		}
	}
	return NoLimit
}

// setsLimit reports whether a field Limit of a variable is assigned by itself.
func (p *Package) setsLimit(v *types.Var) bool {
	return v != nil && slices.ContainsFunc(p.idents[v], func(id *ast.Ident) bool {
		sel, ok := p.Parent(id).(*ast.SelectorExpr)
		if !ok || sel.Sel.Name != "Limit" {
			return false
		}
		s, ok := p.Parent(sel).(*ast.AssignStmt)
		return ok && slices.Contains(s.Lhs, ast.Expr(sel))
	})
}

// number returns which limit a number is. What is no constant is one, as the program says; but
// a variable that gets a constant without a limit may be none.
func (p *Package) number(e ast.Expr) Limit {
	if v := p.Info.Types[e].Value; v != nil {
		if constant.Sign(v) > 0 {
			return Limited
		}
		return NoLimit
	}
	values, all := p.Values(p.Var(e))
	some := slices.ContainsFunc(values, func(e ast.Expr) bool { return p.Info.Types[e].Value == nil || p.number(e) != NoLimit })
	none := slices.ContainsFunc(values, func(e ast.Expr) bool { return p.Info.Types[e].Value != nil && p.number(e) == NoLimit })
	switch {
	case none && all && !some:
		return NoLimit
	case none:
		return UnknownLimit
	}
	return Limited
}

// FuncOf returns the function that an expression of a function type is: its
// declaration or its literal, where that is in this package, and its object, where
// it has one.
func (p *Package) FuncOf(e ast.Expr) (fn ast.Node, obj *types.Func) {
	switch e := p.Value(e).(type) {
	case *ast.FuncLit:
		return e, nil
	case *ast.Ident:
		obj, _ = p.Info.Uses[e].(*types.Func)
	case *ast.SelectorExpr:
		obj, _ = p.Info.Uses[e.Sel].(*types.Func)
	case *ast.IndexExpr:
		return p.FuncOf(e.X)
	case *ast.IndexListExpr:
		return p.FuncOf(e.X)
	}
	if obj == nil {
		return nil, nil
	}
	obj = obj.Origin()
	if decl := p.decls[obj]; decl != nil && decl.Body != nil {
		return decl, obj
	}
	return nil, obj
}
