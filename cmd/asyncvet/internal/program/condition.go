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

// impossible reports whether the way from b to next cannot be taken on this path; branch says
// that it is the one on which the condition at the end of b is true.
func (s *Search) impossible(b, next *cfg.Block, branch bool, st state) bool {
	if s.otherType(next, st) {
		return true
	}
	cond := s.P.condition(last(b))
	if cond == nil {
		return false
	}
	value, known := s.truth(cond, st)
	return known && value != branch
}

// condition returns the condition that the node at the end of a block is, or nil: in a switch
// with a tag, the comparison of the tag with the case.
func (p *Package) condition(n ast.Node) ast.Expr {
	e, ok := n.(ast.Expr)
	if !ok {
		return nil
	}
	clause, ok := p.parents[e].(*ast.CaseClause)
	if !ok {
		return e
	}
	if s, ok := p.parents[p.parents[clause]].(*ast.SwitchStmt); ok {
		return inCase(s, e)
	}
	return nil
}

// inCase returns the condition of one of the expressions of a case.
func inCase(s *ast.SwitchStmt, e ast.Expr) ast.Expr {
	if s.Tag == nil {
		return e
	}
	return &ast.BinaryExpr{X: s.Tag, Op: token.EQL, Y: e}
}

// otherType reports whether a way in a type switch over the error is one that nil does not
// take.
func (s *Search) otherType(next *cfg.Block, st state) bool {
	clause, ok := next.Stmt.(*ast.CaseClause)
	if !ok || !st.err || s.Err == nil {
		return false
	}
	types, ok := s.P.parents[s.P.parents[clause]].(*ast.TypeSwitchStmt)
	if !ok || s.P.Var(asserted(types)) != s.Err {
		return false
	}
	ofNil := slices.ContainsFunc(clause.List, isNil)
	switch next.Kind {
	case cfg.KindSwitchCaseBody:
		return !ofNil
	case cfg.KindSwitchNextCase:
		return ofNil
	}
	return false
}

// asserted returns what a type switch looks at.
func asserted(s *ast.TypeSwitchStmt) ast.Expr {
	var e ast.Expr
	switch a := s.Assign.(type) {
	case *ast.ExprStmt:
		e = a.X
	case *ast.AssignStmt:
		e = a.Rhs[0]
	}
	if t, ok := ast.Unparen(e).(*ast.TypeAssertExpr); ok {
		return t.X
	}
	return e
}

// truth returns the value of a condition on this path, where that is known.
func (s *Search) truth(cond ast.Expr, st state) (value, known bool) {
	cond = ast.Unparen(cond)
	if value, ok := s.P.lookUp(s.known, cond); ok {
		return value, true
	}
	if value, ok := s.P.lookUp(st.held, cond); ok {
		return value, true
	}
	if s.Err != nil && st.err {
		if is, ok := s.P.saysNil(cond, s.Err); ok {
			return is, true
		}
	}
	if is, ok := s.P.saysNil(cond, s.Var); ok {
		return !is, true
	}
	if is, ok := s.saysOver(cond); ok {
		return !is, true
	}
	switch e := cond.(type) {
	case *ast.Ident:
		if v := s.P.Value(e); v != e && s.From != nil && v.Pos() > s.From.Pos() {
			return s.truth(v, st)
		}
	case *ast.UnaryExpr:
		if e.Op == token.NOT {
			value, known = s.truth(e.X, st)
			return !value, known
		}
	case *ast.BinaryExpr:
		if e.Op != token.LAND && e.Op != token.LOR {
			break
		}
		left, leftKnown := s.truth(e.X, st)
		right, rightKnown := s.truth(e.Y, st)
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
	if v == nil {
		return false, false
	}
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
	case *ast.TypeAssertExpr:
		if p.Var(e.X) == v && !api.IsHandle(v.Type()) {
			return false, true
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
	for _, id := range p.within(err, fn) {
		switch parent := p.Parent(id).(type) {
		case *ast.BinaryExpr:
			if isNil(parent.X) || isNil(parent.Y) {
				compared = true
			} else {
				elsewhere = true
			}
		case *ast.CallExpr:
			if p.underComparison(id, err) {
				continue
			}
			if elsewhere = true; p.assignedFrom(parent) {
				return false // another variable says whether there is an error
			}
		case *ast.AssignStmt, *ast.ValueSpec, *ast.KeyValueExpr, *ast.CompositeLit:
			if p.use(id).Act == PassedOn && !p.underComparison(id, err) {
				return false
			}
		}
	}
	return compared || !elsewhere
}

// assignedFrom reports whether what a call returns is assigned.
func (p *Package) assignedFrom(call *ast.CallExpr) bool {
	switch p.Parent(call).(type) {
	case *ast.AssignStmt, *ast.ValueSpec:
		return true
	}
	return false
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
