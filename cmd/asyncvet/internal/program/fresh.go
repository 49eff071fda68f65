package program

// Handles that a function makes: of a function of the library, and of one of the
// program whose results are the caller's to release.

import (
	"go/ast"
	"go/types"
	"slices"

	"github.com/seed4712c49f/async/cmd/asyncvet/internal/api"
)

// fresh returns the results of a function that are handles which the caller owns:
// every return returns a call that was begun here and is nobody else's, or nil.
func (p *Package) fresh(fn ast.Node) []Fresh {
	var all []Fresh
	results := p.Signature(fn).Results()
	for i := range results.Len() {
		if !api.IsHandle(results.At(i).Type()) {
			continue
		}
		if f, ok := p.freshResult(fn, i); ok {
			all = append(all, f)
		}
	}
	return all
}

func (p *Package) freshResult(fn ast.Node, i int) (Fresh, bool) {
	f := Fresh{Result: i}
	found, all := false, true
	ast.Inspect(Body(fn), func(n ast.Node) bool {
		if _, ok := n.(*ast.FuncLit); ok {
			return false
		}
		ret, ok := n.(*ast.ReturnStmt)
		if !ok {
			return true
		}
		e, result := ast.Expr(nil), i
		switch {
		case len(ret.Results) == 1:
			e = ret.Results[0]
		case i < len(ret.Results):
			e, result = ret.Results[i], 0
		}
		c := p.created(fn, e, result)
		switch {
		case e != nil && isNil(e):
			f.Nil = true
		case len(c) == 0:
			all = false
		}
		f.Nil = f.Nil || len(c) > 1 // where no branch begins one
		for _, c := range c {
			if api.Harmless(p.Called(c)) {
				continue
			}
			found = true
			f.Nil = f.Nil || p.mayBeNil(c, result)
			f.Options.add(p.Options(c).fact(p.Signature(fn)))
		}
		return true
	})
	return f, found && all
}

// mayBeNil reports whether a result of a call may be no handle.
func (p *Package) mayBeNil(call *ast.CallExpr, result int) bool {
	return slices.ContainsFunc(p.freshOf(call), func(f Fresh) bool { return f.Result == result && f.Nil })
}

// created returns the calls one of which made the handle e, or its result, or nil where e
// may be somebody else's, or somebody may release it later.
func (p *Package) created(fn ast.Node, e ast.Expr, result int) (made []*ast.CallExpr) {
	switch e := ast.Unparen(e).(type) {
	case *ast.CallExpr:
		if results, _ := p.Creates(e); slices.Contains(results, result) {
			return []*ast.CallExpr{e}
		}
	case *ast.Ident:
		v := p.Var(e)
		values, all := p.Values(v)
		if !all || !Within(v, fn) {
			return nil
		}
		for _, u := range p.Uses(v, fn) {
			if _, ok := p.Parent(u.Ident).(*ast.ReturnStmt); u.Act == PassedOn && !ok {
				return nil
			}
			if u.Act != Looks && p.Elsewhere(u, fn) {
				return nil
			}
		}
		for _, value := range values {
			call, _ := ast.Unparen(value).(*ast.CallExpr)
			if call == nil {
				return nil
			}
			if results, _ := p.Creates(call); !slices.Contains(results, p.resultOf(v, call)) {
				return nil
			}
			made = append(made, call)
		}
	}
	return made
}

// resultOf returns which result of a call is assigned to v.
func (p *Package) resultOf(v *types.Var, call *ast.CallExpr) int {
	switch s := p.Parent(call).(type) {
	case *ast.AssignStmt:
		for i, l := range s.Lhs {
			if p.Var(l) == v {
				return oneOf(len(s.Rhs), i)
			}
		}
	case *ast.ValueSpec:
		for i, name := range s.Names {
			if p.Var(name) == v {
				return oneOf(len(s.Values), i)
			}
		}
	}
	return -1
}

// oneOf returns i where one call has all the values, and 0 where each variable
// has a value of its own.
func oneOf(values, i int) int {
	if values == 1 {
		return i
	}
	return 0
}

// Creates returns which results of a call are handles that the caller owns, and which is an
// error that says that there are none, or -1. Where another result may say so, a bool perhaps,
// nothing is known about the call.
func (p *Package) Creates(call *ast.CallExpr) (results []int, err int) {
	if name := p.Begun(call); name != "" {
		if c, ok := api.CreationOf(name); ok {
			return []int{c.Result}, c.Error
		}
		return nil, -1
	}
	sig, _ := p.Info.TypeOf(call.Fun).(*types.Signature)
	if sig == nil {
		return nil, -1
	}
	err = errorOf(sig)
	for _, f := range p.freshOf(call) {
		if err >= 0 || !f.Nil || sig.Results().Len() == 1 {
			results = append(results, f.Result)
		}
	}
	return results, err
}

// freshOf returns the results of a function of the program that are handles which the caller
// owns: of one that is declared, or of a literal that a variable of this package stands for.
func (p *Package) freshOf(call *ast.CallExpr) []Fresh {
	if fn := api.Callee(p.Info, call); fn != nil {
		if s := p.Summary(fn); s != nil {
			return s.Fresh
		}
		return nil
	}
	lit, ok := p.Value(call.Fun).(*ast.FuncLit)
	if !ok || p.Function(call) == lit {
		return nil
	}
	return p.freshLit(lit)
}

// freshLit is fresh for a literal, which may call itself by its variable.
func (p *Package) freshLit(lit *ast.FuncLit) (all []Fresh) {
	recursive := false
	ast.Inspect(lit.Body, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok && api.Callee(p.Info, call) == nil {
			_, isLit := p.Value(call.Fun).(*ast.FuncLit)
			recursive = recursive || isLit
		}
		return !recursive
	})
	if recursive {
		return nil
	}
	return p.fresh(lit)
}

// errorOf returns the index of the last result where that is an error, or -1.
func errorOf(sig *types.Signature) int {
	n := sig.Results().Len() - 1
	if n >= 0 && types.Identical(sig.Results().At(n).Type(), types.Universe.Lookup("error").Type()) {
		return n
	}
	return -1
}
