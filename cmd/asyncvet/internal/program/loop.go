package program

// Loops: those that run at least once, and those in which a condition says whether there is
// another round.

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"slices"

	"golang.org/x/tools/go/cfg"
)

// runsOnce reports whether the way from b to next leads from outside into a loop whose body
// runs at least once.
func (p *Package) runsOnce(b, next *cfg.Block) bool {
	switch next.Kind {
	case cfg.KindForLoop:
		loop := next.Stmt.(*ast.ForStmt)
		v := p.first(loop, loop.Cond)
		return !inLoop(b, loop, loop.Body) && v != nil && v.Kind() == constant.Bool && constant.BoolVal(v)
	case cfg.KindRangeLoop:
		loop := next.Stmt.(*ast.RangeStmt)
		return !inLoop(b, loop, loop.Body) && p.hasSome(loop.X)
	}
	return false
}

// inLoop reports whether a block is one of a loop.
func inLoop(b *cfg.Block, loop ast.Stmt, body *ast.BlockStmt) bool {
	return b.Stmt != nil && (b.Stmt == loop || Holds(body, b.Stmt))
}

// hasSome reports whether what a loop ranges over is written down, and is not empty.
func (p *Package) hasSome(e ast.Expr) bool {
	tv := p.Info.Types[e]
	if tv.Value != nil {
		switch tv.Value.Kind() {
		case constant.Int:
			return constant.Sign(tv.Value) > 0
		case constant.String:
			return constant.StringVal(tv.Value) != ""
		}
		return false
	}
	t := tv.Type.Underlying()
	if ptr, ok := t.(*types.Pointer); ok {
		t = ptr.Elem().Underlying()
	}
	if array, ok := t.(*types.Array); ok {
		return array.Len() > 0
	}
	lit, ok := p.Value(e).(*ast.CompositeLit)
	return ok && len(lit.Elts) > 0
}

// first returns the value of an expression when the first round of a loop begins, or nil where
// the program does not say that.
func (p *Package) first(loop *ast.ForStmt, e ast.Expr) constant.Value {
	e = ast.Unparen(e)
	if v := p.Info.Types[e].Value; v != nil {
		return v
	}
	switch e := e.(type) {
	case *ast.Ident:
		return p.firstOf(loop, p.Var(e))
	case *ast.UnaryExpr:
		if v := p.first(loop, e.X); e.Op == token.NOT && v != nil {
			return constant.UnaryOp(token.NOT, v, 0)
		}
	case *ast.BinaryExpr:
		x, y := p.first(loop, e.X), p.first(loop, e.Y)
		switch {
		case x == nil || y == nil:
		case e.Op == token.LAND, e.Op == token.LOR, e.Op == token.ADD, e.Op == token.SUB:
			return constant.BinaryOp(x, e.Op, y)
		case slices.Contains([]token.Token{token.EQL, token.NEQ, token.LSS, token.LEQ, token.GTR, token.GEQ}, e.Op):
			return constant.MakeBool(constant.Compare(x, e.Op, y))
		}
	}
	return nil
}

// firstOf returns the value of a variable there: what is assigned to the variable last before
// the loop, in the head of the loop or in the list of statements that has the loop.
func (p *Package) firstOf(loop *ast.ForStmt, v *types.Var) constant.Value {
	if v == nil || !p.assignedBy(v, p.Function(loop)) {
		return nil
	}
	if loop.Init != nil && p.changes(loop.Init, v) {
		return p.constantIn(loop.Init, v)
	}
	stmt, list := p.Statement(loop)
	for _, s := range slices.Backward(list[:max(0, slices.Index(list, stmt))]) {
		if p.changes(s, v) {
			return p.constantIn(s, v)
		}
	}
	return nil
}

// assignedBy reports whether nobody else than a function assigns v, and nobody has its address.
func (p *Package) assignedBy(v *types.Var, fn ast.Node) bool {
	return Within(v, fn) && !slices.ContainsFunc(p.idents[v], func(id *ast.Ident) bool {
		u, ok := p.Parent(id).(*ast.UnaryExpr)
		return (ok && u.Op == token.AND) || (p.Function(id) != fn && p.changes(id, v))
	})
}

// constantIn returns the constant that a statement assigns to v, or nil.
func (p *Package) constantIn(s ast.Stmt, v *types.Var) constant.Value {
	switch s := s.(type) {
	case *ast.AssignStmt:
		for i, l := range s.Lhs {
			if p.Var(l) == v && len(s.Lhs) == len(s.Rhs) && (s.Tok == token.ASSIGN || s.Tok == token.DEFINE) {
				return p.Info.Types[s.Rhs[i]].Value
			}
		}
	case *ast.DeclStmt:
		return p.declared(s.Decl.(*ast.GenDecl), v)
	}
	return nil
}

// declared returns the constant that v is declared with, or nil.
func (p *Package) declared(d *ast.GenDecl, v *types.Var) constant.Value {
	for _, spec := range d.Specs {
		spec, ok := spec.(*ast.ValueSpec)
		if !ok {
			continue
		}
		for i, name := range spec.Names {
			switch {
			case p.Var(name) != v:
			case len(spec.Values) == len(spec.Names):
				return p.Info.Types[spec.Values[i]].Value
			case len(spec.Values) == 0:
				return zero(v.Type())
			}
		}
	}
	return nil
}

// zero returns the zero value of a boolean or an integer, or nil.
func zero(t types.Type) constant.Value {
	b, ok := t.Underlying().(*types.Basic)
	switch {
	case !ok:
		return nil
	case b.Info()&types.IsBoolean != 0:
		return constant.MakeBool(false)
	case b.Info()&types.IsInteger != 0:
		return constant.MakeInt64(0)
	}
	return nil
}

// lastRound reports whether the way from b to next leaves a loop that From is in, where the
// program may know that there is another round: From stands under a condition about what
// counts the rounds, and a round settles the variable.
func (s *Search) lastRound(b, next *cfg.Block) bool {
	if s.From == nil || (next.Kind != cfg.KindForDone && next.Kind != cfg.KindRangeDone) {
		return false
	}
	body := s.rounds(b.Stmt)
	return body != nil && s.settledIn(body) && s.byRound(s.From, b.Stmt)
}

// otherRound reports whether a node that assigns the variable again may do so in other rounds
// of a loop than those that come behind From: whether both stand in the loop, and the node
// under a condition about what counts the rounds.
func (s *Search) otherRound(n ast.Node) bool {
	found := false
	if s.From != nil {
		s.P.Around(n, func(loop ast.Node) bool {
			found = found || (s.rounds(loop) != nil && s.byRound(n, loop))
			return loop != s.Func && !found
		})
	}
	return found
}

// rounds returns the body of a loop, where From is in it, and the variable is not.
func (s *Search) rounds(loop ast.Node) *ast.BlockStmt {
	var body *ast.BlockStmt
	switch loop := loop.(type) {
	case *ast.ForStmt:
		body = loop.Body
	case *ast.RangeStmt:
		body = loop.Body
	}
	if body == nil || !Holds(body, s.From) || Within(s.Var, body) {
		return nil
	}
	return body
}

// byRound reports whether a node in a loop stands under a condition that names what counts the
// rounds: a variable of the condition of the loop, or the key of what it ranges over.
func (s *Search) byRound(n, loop ast.Node) bool {
	var counts []*types.Var
	switch loop := loop.(type) {
	case *ast.ForStmt:
		if loop.Cond != nil {
			counts, _ = s.P.variables(loop.Cond)
		}
	case *ast.RangeStmt:
		counts = []*types.Var{s.P.Var(loop.Key)}
	}
	found := false
	s.P.Around(n, func(around ast.Node) bool {
		if is, ok := around.(*ast.IfStmt); ok {
			found = found || slices.ContainsFunc(counts, func(v *types.Var) bool { return s.P.mentions(is.Cond, v) })
		}
		return around != loop && !found
	})
	return found
}
