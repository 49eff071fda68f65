package program

// What is known where a path begins: the conditions under which its first statement stands,
// and the flags that are set beside it. A condition is known by its text.

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
)

// conditions collects what must be true at n: the conditions of the ifs and the cases around
// it, but for those that n changes.
func (p *Package) conditions(n ast.Node, known map[string]bool, changed func(ast.Expr) bool) {
	set := func(cond ast.Expr, value bool) {
		if !changed(cond) {
			enter(known, cond, value)
		}
	}
	inner := n
	p.Around(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl, *ast.FuncLit:
			return false
		case *ast.IfStmt:
			switch inner {
			case n.Body:
				holds(n.Cond, true, set)
			case n.Else:
				holds(n.Cond, false, set)
			}
		case *ast.CaseClause:
			if s, ok := p.parents[p.parents[n]].(*ast.SwitchStmt); ok {
				inClause(s, n, set)
			}
		}
		inner = n
		return true
	})
}

// inClause sets what must be true in a case of a switch: the condition of the case, and of
// none before it, or of none at all where it is the default.
func inClause(s *ast.SwitchStmt, in *ast.CaseClause, set func(ast.Expr, bool)) {
	for _, stmt := range s.Body.List {
		clause := stmt.(*ast.CaseClause)
		if clause == in && in.List != nil {
			break
		}
		for _, e := range clause.List {
			holds(inCase(s, e), false, set)
		}
	}
	if len(in.List) == 1 {
		holds(inCase(s, in.List[0]), true, set)
	}
}

// flags enters the constants that variables are set to beside n, where a branch gives v its
// value and notes that it did: the variables say so later.
func (p *Package) flags(n ast.Node, v *types.Var, known map[string]bool) {
	stmt, list := p.Statement(n)
	if stmt == nil {
		return
	}
	block := p.parents[stmt]
	if Within(v, block) {
		return
	}
	for _, s := range list {
		a, ok := s.(*ast.AssignStmt)
		if !ok || a.Tok != token.ASSIGN || len(a.Lhs) != len(a.Rhs) {
			continue
		}
		for i, l := range a.Lhs {
			flag, value := p.Var(l), p.Info.Types[a.Rhs[i]].Value
			if flag != nil && !Within(flag, block) && value != nil && value.Kind() == constant.Bool {
				enter(known, l, constant.BoolVal(value))
			}
		}
	}
}

// holds sets the value of a condition, and of those that follow from it.
func holds(cond ast.Expr, value bool, set func(ast.Expr, bool)) {
	cond = ast.Unparen(cond)
	switch e := cond.(type) {
	case *ast.UnaryExpr:
		if e.Op == token.NOT {
			holds(e.X, !value, set)
			return
		}
	case *ast.BinaryExpr:
		if (e.Op == token.LAND && value) || (e.Op == token.LOR && !value) {
			holds(e.X, value, set)
			holds(e.Y, value, set)
			return
		}
	}
	set(cond, value)
}

// enter enters the value of a condition by its text, and lookUp finds it there.
func enter(known map[string]bool, cond ast.Expr, value bool) {
	key, is := keyOf(cond)
	known[key] = value == is
}

func lookUp(known map[string]bool, cond ast.Expr) (value, ok bool) {
	key, is := keyOf(cond)
	value, ok = known[key]
	return value == is, ok
}

// keyOf returns the text of a condition, or of its contrary: a != b is known by a == b.
func keyOf(cond ast.Expr) (key string, is bool) {
	cond = ast.Unparen(cond)
	if e, ok := cond.(*ast.BinaryExpr); ok && e.Op == token.NEQ {
		return text(&ast.BinaryExpr{X: e.X, Op: token.EQL, Y: e.Y}), false
	}
	return text(cond), true
}

func text(e ast.Expr) string { return types.ExprString(e) }
