package slotctx

// Contexts: which one has nothing to do with the function's own, and the mend.

import (
	"go/ast"
	"go/token"
	"go/types"

	"github.com/seed4712c49f/async/cmd/asyncvet/internal/api"
	"github.com/seed4712c49f/async/cmd/asyncvet/internal/program"
	"golang.org/x/tools/go/analysis"
)

// root returns the first name of a chain of selectors.
func root(e ast.Expr) ast.Expr {
	for {
		switch x := ast.Unparen(e).(type) {
		case *ast.SelectorExpr:
			e = x.X
		case *ast.UnaryExpr:
			e = x.X
		default:
			return x
		}
	}
}

// foreignVar reports whether a variable is not the function's own: it captures it,
// or it is a method and the variable its receiver.
func (c checker) foreignVar(v *types.Var) bool {
	if v.IsField() {
		return true
	}
	if sig := c.p.Signature(c.fn); sig != nil && sig.Recv() == v {
		return true
	}
	return !program.Within(v, c.fn)
}

// foreign reports whether a context is certain to have nothing to do with the
// function's own.
func (c checker) foreign(ctx ast.Expr) bool {
	if c.p.IsRoot(ctx) {
		return true
	}
	made := c.p.Contexts(ctx)
	ctx = made[len(made)-1]
	switch e := ast.Unparen(ctx).(type) {
	case *ast.Ident, *ast.SelectorExpr:
		v := c.p.Var(e)
		if v == nil || v == c.ctx || c.assignedHere(v) {
			return false
		}
		first := c.p.Var(root(e))
		return first != nil && first != c.ctx && c.foreignVar(first)
	case *ast.CallExpr: // a request's Context(), say, of a request from outside
		fn := api.Callee(c.p.Info, e)
		if fn == nil || fn.Name() != "Context" || len(e.Args) != 0 || program.Receiver(e) == nil {
			return false
		}
		first := c.p.Var(root(program.Receiver(e)))
		return first != nil && !first.IsField() && !program.Within(first, c.fn)
	}
	return false
}

// assignedHere reports whether the function assigns a variable.
func (c checker) assignedHere(v *types.Var) bool {
	for _, u := range c.p.Uses(v, c.fn) {
		if u.Act == program.Assigns {
			return true
		}
		if sel, ok := c.p.Parent(u.Ident).(*ast.SelectorExpr); ok {
			if s, ok := c.p.Parent(sel).(*ast.AssignStmt); ok {
				for _, l := range s.Lhs {
					if l == sel {
						return true
					}
				}
			}
		}
	}
	return false
}

// ownContext is the mend: the function's own context in the place of another, by
// its name; or where it has none, by that of the other, if that is a name.
func (c checker) ownContext(ctx ast.Expr) []analysis.SuggestedFix {
	if c.ctx != nil && c.ctx.Name() != "" && c.ctx.Name() != "_" {
		if ctx = c.foreignPart(ctx); ctx == nil {
			return nil
		}
		scope := c.pass.Pkg.Scope().Innermost(ctx.Pos())
		if scope == nil {
			return nil
		}
		if _, obj := scope.LookupParent(c.ctx.Name(), ctx.Pos()); obj != c.ctx {
			return nil
		}
		return fix(ctx.Pos(), ctx.End(), c.ctx.Name())
	}
	id, ok := ast.Unparen(ctx).(*ast.Ident)
	lit, isLit := c.fn.(*ast.FuncLit)
	if !ok || !isLit || lit.Type.Params.NumFields() == 0 || !c.mayShadow(id, lit) {
		return nil
	}
	first := lit.Type.Params.List[0]
	switch len(first.Names) {
	case 0:
		if lit.Type.Params.NumFields() == 1 {
			return fix(first.Pos(), first.Pos(), id.Name+" ")
		}
	case 1:
		return fix(first.Names[0].Pos(), first.Names[0].End(), id.Name)
	}
	return nil
}

// foreignPart returns the part of a context that the function's own has to stand for: that
// which another context is made from, where it is made in the function. It is nil where the
// variable of the other would be left without a use.
func (c checker) foreignPart(ctx ast.Expr) ast.Expr {
	made := c.p.Contexts(ctx)
	for i, part := range made {
		id, ok := ast.Unparen(part).(*ast.Ident)
		if !ok {
			continue
		}
		if v := c.p.Var(id); !program.Within(v, c.fn) {
			if !c.usedBeside(v, id) {
				return nil
			}
			return part
		}
		if i == len(made)-1 {
			return nil
		}
	}
	return made[len(made)-1]
}

// usedBeside reports whether a variable has another use than one, as the compiler wants one of
// each that a function declares.
func (c checker) usedBeside(v *types.Var, e *ast.Ident) bool {
	if v == nil {
		return false
	}
	if v.Parent() == c.pass.Pkg.Scope() || v.IsField() || c.isParameter(v) {
		return true
	}
	for _, id := range c.p.Idents(v) {
		if id != e && c.p.Use(id).Act != program.Assigns && !program.Holds(c.fn, id) {
			return true
		}
	}
	return false
}

// isParameter reports whether a variable is declared as one.
func (c checker) isParameter(v *types.Var) bool {
	for _, id := range c.p.Idents(v) {
		if _, ok := c.p.Parent(id).(*ast.Field); ok {
			return true
		}
	}
	return false
}

// mayShadow reports whether a parameter of a literal may have the name of a variable around it:
// whether that changes nothing but waits, and whether no other parameter was told to have
// another name.
func (c checker) mayShadow(id *ast.Ident, lit *ast.FuncLit) bool {
	v := c.p.Var(id)
	if v == nil || program.Within(v, lit) || !c.usedBeside(v, id) {
		return false
	}
	for _, u := range c.p.Uses(v, lit) {
		if u.In != ast.Node(lit) || c.inGo(u.Ident) {
			return false // what goes on when the function has returned
		}
	}
	if name, ok := c.names[lit]; ok && name != id.Name {
		return false
	}
	c.names[lit] = id.Name
	return true
}

// inGo reports whether n stands in a go statement of the function.
func (c checker) inGo(n ast.Node) bool {
	found := false
	c.p.Around(n, func(n ast.Node) bool {
		_, found = n.(*ast.GoStmt)
		return !found && n != c.fn
	})
	return found
}

func fix(pos, end token.Pos, text string) []analysis.SuggestedFix {
	return []analysis.SuggestedFix{{
		Message:   "Wait by the function's own context",
		TextEdits: []analysis.TextEdit{{Pos: pos, End: end, NewText: []byte(text)}},
	}}
}
