package program

// What one path of a search knows: which conditions held on it. A condition that stands in a
// function twice has the same value both times, unless something changes it in between.

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"maps"
	"slices"
	"strings"

	"golang.org/x/tools/go/cfg"
)

// A state is what is known on one path.
type state struct {
	err   bool            // the error is the one beside the value, still
	first bool            // the path comes to a loop from outside, whose body runs at least once
	held  map[string]bool // the values of conditions that the path has passed, by their keys
}

// String is the state as a key.
func (st state) String() string {
	var b strings.Builder
	fmt.Fprint(&b, st.err, st.first)
	for _, key := range slices.Sorted(maps.Keys(st.held)) {
		fmt.Fprintf(&b, ";%s=%t", key, st.held[key])
	}
	return b.String()
}

// passed returns what is known behind a branch of the condition at the end of b.
func (s *Search) passed(b *cfg.Block, branch bool, st state) state {
	cond := s.P.condition(last(b))
	if cond == nil || len(s.repeated) == 0 {
		return st
	}
	held := maps.Clone(st.held)
	holds(cond, branch, func(cond ast.Expr, value bool) {
		if held == nil {
			held = make(map[string]bool)
		}
		s.P.note(held, cond, value)
	})
	maps.DeleteFunc(held, func(key string, _ bool) bool { return s.repeated[key] == nil })
	st.held = held
	return st
}

// after returns what is known behind a node, which may change something.
func (s *Search) after(n ast.Node, st state) state {
	if s.Err != nil && s.P.assigns(s.Err, n) {
		st.err = false
	}
	for key := range st.held {
		if s.P.changesAny(n, s.repeated[key]) {
			st.held = maps.Clone(st.held)
			delete(st.held, key)
		}
	}
	return st
}

// changesAny reports whether n changes one of the variables of a condition: also a field of one,
// perhaps, where n calls a method of it, or hands it to a function.
func (p *Package) changesAny(n ast.Node, vars []*types.Var) bool {
	fields := slices.ContainsFunc(vars, (*types.Var).IsField)
	return slices.ContainsFunc(vars, func(v *types.Var) bool { return p.changes(n, v) || (fields && p.handsOn(n, v)) })
}

// handsOn reports whether n calls a method of v, or passes v to a function.
func (p *Package) handsOn(n ast.Node, v *types.Var) bool {
	if v.IsField() {
		return false
	}
	return slices.ContainsFunc(p.within(v, n), func(id *ast.Ident) bool {
		e, parent := ast.Expr(id), p.Parent(id)
		if sel, ok := parent.(*ast.SelectorExpr); ok && sel.X == id {
			e, parent = sel, p.Parent(sel)
		}
		call, ok := parent.(*ast.CallExpr)
		return ok && (ast.Unparen(call.Fun) == e || argument(call, id) >= 0)
	})
}

// changes reports whether n assigns v, or takes its address.
func (p *Package) changes(n ast.Node, v *types.Var) bool {
	return slices.ContainsFunc(p.within(v, n), func(id *ast.Ident) bool {
		e, parent := ast.Expr(id), p.Parent(id)
		if sel, ok := parent.(*ast.SelectorExpr); ok && sel.Sel == id {
			e, parent = sel, p.Parent(sel)
		}
		switch parent := parent.(type) {
		case *ast.AssignStmt:
			return slices.ContainsFunc(parent.Lhs, func(l ast.Expr) bool { return ast.Unparen(l) == e })
		case *ast.RangeStmt:
			return parent.Key == e || parent.Value == e
		case *ast.UnaryExpr:
			return parent.Op == token.AND
		case *ast.IncDecStmt:
			return true
		case *ast.ValueSpec:
			return p.Info.Defs[id] != nil
		}
		return false
	})
}

// most is how many conditions a search keeps in mind: the paths that it can tell apart grow
// with the power of two of that.
const most = 6

// A conditionals is what there is to know about the conditions of a function, whoever asks.
type conditionals struct {
	repeated map[string][]*types.Var // see Package.repeated
	nils     []*ast.BinaryExpr       // those of a variable with nil
}

// conditionsOf returns what there is to know about the conditions of a function, which is looked
// for once.
func (p *Package) conditionsOf(fn ast.Node) *conditionals {
	known, ok := p.conds.Load(fn)
	if !ok {
		known, _ = p.conds.LoadOrStore(fn, &conditionals{p.repeated(fn), p.nilTests(fn)})
	}
	return known.(*conditionals)
}

// repeated returns the conditions that stand in a function more than once, by their keys, and
// the variables that they are about. Those that call something may change by that.
func (p *Package) repeated(fn ast.Node) map[string][]*types.Var {
	count := make(map[string]int)
	found := make(map[string][]*types.Var)
	set := func(cond ast.Expr, _ bool) {
		key := p.keyOf(cond)
		vars, plain := p.variables(cond)
		if count[key]++; count[key] == 2 && plain && len(found) < most {
			found[key] = vars
		}
	}
	ast.Inspect(Body(fn), func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.IfStmt:
			each(n.Cond, set)
		case *ast.SwitchStmt:
			for _, clause := range n.Body.List {
				for _, e := range clause.(*ast.CaseClause).List {
					each(inCase(n, e), set)
				}
			}
		}
		return true
	})
	return found
}

// each calls set with the parts of a condition.
func each(cond ast.Expr, set func(ast.Expr, bool)) {
	if e, ok := ast.Unparen(cond).(*ast.BinaryExpr); ok && (e.Op == token.LAND || e.Op == token.LOR) {
		each(e.X, set)
		each(e.Y, set)
		return
	}
	holds(cond, true, set)
}

// variables returns the variables that an expression names, and whether it has nothing else
// than names, constants and lengths.
func (p *Package) variables(e ast.Expr) (vars []*types.Var, plain bool) {
	plain = true
	ast.Inspect(e, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Ident:
			if v, ok := p.Info.ObjectOf(n).(*types.Var); ok {
				vars = append(vars, v.Origin())
			}
		case *ast.CallExpr:
			plain = plain && p.isLen(n)
		case nil, *ast.SelectorExpr, *ast.BasicLit, *ast.BinaryExpr, *ast.ParenExpr:
		case *ast.UnaryExpr:
			plain = plain && n.Op != token.ARROW
		default:
			plain = false
		}
		return plain
	})
	return vars, plain && len(vars) > 0
}

// mentions reports whether an expression names v.
func (p *Package) mentions(e ast.Expr, v *types.Var) bool {
	found := false
	ast.Inspect(e, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		found = found || v != nil && ok && p.Info.ObjectOf(id) == v
		return !found
	})
	return found
}
