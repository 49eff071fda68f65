package program

// The conditions on a path: which branch of one cannot be taken, because of what is
// known where the path begins. Search asks for each branch.

import (
	"go/ast"
	"go/token"
	"go/types"

	"github.com/seed4712c49f/async/cmd/asyncvet/internal/api"
)

// impossible reports whether the branch of a condition cannot be taken on this
// path.
func (s *Search) impossible(cond ast.Node, branch, err bool) bool {
	e, ok := cond.(ast.Expr)
	if !ok {
		return false
	}
	value, known := s.truth(e, err)
	return known && value != branch
}

// truth returns the value of a condition on this path, where that is known; err says
// that the error is still the one beside the value.
func (s *Search) truth(cond ast.Expr, err bool) (value, known bool) {
	cond = ast.Unparen(cond)
	if held, ok := s.known[text(cond)]; ok {
		return held, true
	}
	if s.Err != nil && err {
		if is, ok := s.P.saysNil(cond, s.Err); ok {
			return is, true
		}
	}
	if is, ok := s.P.saysNil(cond, s.Var); ok {
		return !is, true
	}
	switch e := cond.(type) {
	case *ast.UnaryExpr:
		if e.Op == token.NOT {
			value, known = s.truth(e.X, err)
			return !value, known
		}
	case *ast.BinaryExpr:
		if e.Op != token.LAND && e.Op != token.LOR {
			break
		}
		left, leftKnown := s.truth(e.X, err)
		right, rightKnown := s.truth(e.Y, err)
		decides := e.Op == token.LOR // one side that is so decides
		if (leftKnown && left == decides) || (rightKnown && right == decides) {
			return decides, true
		}
		return !decides, leftKnown && rightKnown
	}
	return false, false
}

// saysNil reports whether a condition asks if v is nil, and whether it is where
// the condition is true.
func (p *Package) saysNil(cond ast.Expr, v *types.Var) (isNilWhenTrue, ok bool) {
	switch e := ast.Unparen(cond).(type) {
	case *ast.BinaryExpr:
		if (p.Var(e.X) == v && isNil(e.Y)) || (p.Var(e.Y) == v && isNil(e.X)) {
			return e.Op == token.EQL, e.Op == token.EQL || e.Op == token.NEQ
		}
		if e.Op == token.EQL && (p.Var(e.X) == v || p.Var(e.Y) == v) && !api.IsHandle(v.Type()) {
			return false, true // a sentinel, say
		}
		if e.Op == token.NEQ && (p.Var(e.X) == v || p.Var(e.Y) == v) && !api.IsHandle(v.Type()) {
			return true, true
		}
	case *ast.CallExpr: // errors.Is and its like
		for _, a := range e.Args {
			if p.Var(a) == v && !api.IsHandle(v.Type()) {
				return false, true
			}
		}
	}
	return false, false
}

func isNil(e ast.Expr) bool {
	id, ok := ast.Unparen(e).(*ast.Ident)
	return ok && id.Name == "nil"
}

// checked reports whether all that a function does with an error is to compare it
// with nil, and to use it where it is not: whether the paths on which there is an
// error can be told from the others.
func (p *Package) checked(err *types.Var, fn ast.Node) bool {
	compared, elsewhere := false, false
	for _, id := range p.idents[err] {
		if !Holds(fn, id) {
			continue
		}
		switch parent := p.Parent(id).(type) {
		case *ast.BinaryExpr:
			if isNil(parent.X) || isNil(parent.Y) {
				compared = true
			} else {
				elsewhere = true
			}
		case *ast.CallExpr:
			elsewhere = elsewhere || !p.underComparison(id, err)
		}
	}
	return compared || !elsewhere
}

// underComparison reports whether n is in an if that compares err with nil.
func (p *Package) underComparison(n ast.Node, err *types.Var) bool {
	found := false
	p.Around(n, func(n ast.Node) bool {
		if s, ok := n.(*ast.IfStmt); ok {
			_, found = p.saysNil(s.Cond, err)
		}
		return !found
	})
	return found
}

// conditions collects what must be true at n: the conditions of the if statements
// around it, by their text.
func (p *Package) conditions(n ast.Node, known map[string]bool) {
	inner := n
	p.Around(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl, *ast.FuncLit:
			return false
		case *ast.IfStmt:
			switch inner {
			case n.Body:
				holds(n.Cond, true, known)
			case n.Else:
				holds(n.Cond, false, known)
			}
		}
		inner = n
		return true
	})
}

// holds enters that a condition is true, or false, and what follows from it.
func holds(cond ast.Expr, value bool, known map[string]bool) {
	cond = ast.Unparen(cond)
	switch e := cond.(type) {
	case *ast.UnaryExpr:
		if e.Op == token.NOT {
			holds(e.X, !value, known)
		}
	case *ast.BinaryExpr:
		if (e.Op == token.LAND && value) || (e.Op == token.LOR && !value) {
			holds(e.X, value, known)
			holds(e.Y, value, known)
			return
		}
		known[text(cond)] = value
		return
	}
	known[text(cond)] = value
}

func text(e ast.Expr) string { return types.ExprString(e) }
