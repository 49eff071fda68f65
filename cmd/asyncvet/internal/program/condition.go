package program

// The conditions on a path: which branch of one cannot be taken, because of what is
// known where the path begins, or may be one that nothing takes. Search asks for each
// branch.

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"

	"github.com/seed4712c49f/async/cmd/asyncvet/internal/api"
	"golang.org/x/tools/go/cfg"
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

// pastSwitch reports whether the way from b to next is the one past all cases of a switch
// without a default, and whether it may be that no value takes it: the switch has two
// cases or more, one of them settles the variable, and one leads to where the way does.
// Two cases that release may be all that there are, and nothing here can count the values
// of an expression such as i % 2. Where every case leaves the function, what stands behind
// the switch is there for the values of no case.
func (s *Search) pastSwitch(b, next *cfg.Block) bool {
	if b.Kind != cfg.KindSwitchNextCase || next.Kind != cfg.KindSwitchDone {
		return false
	}
	var body *ast.BlockStmt
	switch stmt := next.Stmt.(type) {
	case *ast.SwitchStmt:
		body = stmt.Body
	case *ast.TypeSwitchStmt:
		body = stmt.Body
	}
	return body != nil && len(body.List) > 1 && s.settledIn(body) && s.leadsOut(next, b)
}

// settledIn reports whether a use within n settles the variable.
func (s *Search) settledIn(n ast.Node) bool {
	return slices.ContainsFunc(s.P.Uses(s.Var, n), s.Settles)
}

// leadsOut reports whether a live block other than except leads to a block.
func (s *Search) leadsOut(to, except *cfg.Block) bool {
	for _, b := range s.P.Graph(s.Func).Blocks {
		if b.Live && b != except && slices.Contains(b.Succs, to) {
			return true
		}
	}
	return false
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
