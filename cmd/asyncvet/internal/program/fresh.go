package program

// Handles that a function makes: of a function of the library, and of one of the
// program whose results are the caller's to release.

import (
	"go/ast"
	"go/types"

	"github.com/seed4712c49f/async/cmd/asyncvet/internal/api"
)

// fresh returns the results of a function that are handles which the caller owns:
// every return returns a call that was begun here and is nobody else's, or nil.
func (p *Package) fresh(fn *types.Func, decl *ast.FuncDecl) []Fresh {
	var all []Fresh
	results := fn.Signature().Results()
	for i := range results.Len() {
		if !api.IsHandle(results.At(i).Type()) {
			continue
		}
		if f, ok := p.freshResult(decl, i); ok {
			all = append(all, f)
		}
	}
	return all
}

func (p *Package) freshResult(decl *ast.FuncDecl, i int) (Fresh, bool) {
	f := Fresh{Result: i}
	found, all := false, true
	ast.Inspect(decl.Body, func(n ast.Node) bool {
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
		c := p.created(decl, e, result)
		switch {
		case e != nil && isNil(e):
			f.Nil = true
		case c == nil:
			all = false
		case api.Harmless(p.Called(c)):
		default:
			found = true
			f.Nil = f.Nil || p.mayBeNil(c)
			f.Options.add(p.Options(c).fact())
		}
		return true
	})
	return f, found && all
}

// mayBeNil reports whether a call may return no handle.
func (p *Package) mayBeNil(call *ast.CallExpr) bool {
	s := p.Summary(api.Callee(p.Info, call))
	return s != nil && len(s.Fresh) > 0 && s.Fresh[0].Nil
}

// created returns the call that made the handle e, or its result, or nil where e
// may be somebody else's, or somebody may release it later.
func (p *Package) created(fn ast.Node, e ast.Expr, result int) *ast.CallExpr {
	switch e := ast.Unparen(e).(type) {
	case *ast.CallExpr:
		if r, _, ok := p.Creates(e); ok && r == result {
			return e
		}
	case *ast.Ident:
		v := p.Var(e)
		values, all := p.Values(v)
		if !all || len(values) != 1 || !Within(v, fn) {
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
		call, _ := ast.Unparen(values[0]).(*ast.CallExpr)
		if call == nil {
			return nil
		}
		if r, _, ok := p.Creates(call); ok && r == p.resultOf(v, call) {
			return call
		}
	}
	return nil
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

// Creates returns which result of a call is a handle that the caller owns, and which is an
// error that says that there is none, or -1. Where another result may say so, a bool perhaps,
// nothing is known about the call.
func (p *Package) Creates(call *ast.CallExpr) (result, err int, ok bool) {
	fn := api.Callee(p.Info, call)
	if name := api.Name(fn); name != "" {
		c, ok := api.CreationOf(name)
		return c.Result, c.Error, ok
	}
	s := p.Summary(fn)
	if s == nil || len(s.Fresh) == 0 {
		return 0, 0, false
	}
	err = errorOf(fn.Signature())
	return s.Fresh[0].Result, err, err >= 0 || !s.Fresh[0].Nil || fn.Signature().Results().Len() == 1
}

// errorOf returns the index of the last result where that is an error, or -1.
func errorOf(sig *types.Signature) int {
	n := sig.Results().Len() - 1
	if n >= 0 && types.Identical(sig.Results().At(n).Type(), types.Universe.Lookup("error").Type()) {
		return n
	}
	return -1
}
