package program

// What is known where a path begins: the conditions under which its first statement stands,
// and the flags that are set beside it. A condition is known by its text, in which a comparison
// has one of its forms.

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// conditions collects what must be true at n: the conditions of the ifs and the cases around
// it, but for those that n changes.
func (p *Package) conditions(n ast.Node, known map[string]bool, changed func(ast.Expr) bool) {
	set := func(cond ast.Expr, value bool) {
		if !changed(cond) {
			p.note(known, cond, value)
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
				p.note(known, l, constant.BoolVal(value))
			}
		}
	}
}

// nils enters the variables that are nil at n: those that are declared without a value, and that
// the function assigns in other branches than the one that n is in.
func (p *Package) nils(n, fn ast.Node, known map[string]bool) {
	for _, e := range p.conditionsOf(fn).nils {
		if p.isUnset(p.Var(e.X), n, fn) {
			p.note(known, e, true)
		}
	}
}

// nilTests returns the comparisons with nil of variables that a function declares without a value.
func (p *Package) nilTests(fn ast.Node) (tests []*ast.BinaryExpr) {
	ast.Inspect(Body(fn), func(cond ast.Node) bool {
		if e, ok := cond.(*ast.BinaryExpr); ok {
			e, _, ok := p.normal(e)
			if ok && e.Op == token.EQL && isNil(e.Y) && p.isUndefined(p.Var(e.X), fn) {
				tests = append(tests, e)
			}
		}
		return true
	})
	return tests
}

// isUndefined reports whether a function declares a variable without a value, and nobody else
// assigns it.
func (p *Package) isUndefined(v *types.Var, fn ast.Node) bool {
	return v != nil && !v.IsField() && p.assignedBy(v, fn) && slices.ContainsFunc(p.within(v, fn), p.isBare)
}

// isBare reports whether a name stands where its variable is declared without a value.
func (p *Package) isBare(id *ast.Ident) bool {
	spec, ok := p.Parent(id).(*ast.ValueSpec)
	return ok && len(spec.Values) == 0
}

// isUnset reports whether a variable that is declared without a value is not assigned on the way to
// n, nor behind n.
func (p *Package) isUnset(v *types.Var, n, fn ast.Node) bool {
	return !slices.ContainsFunc(p.within(v, fn), func(id *ast.Ident) bool {
		return p.changes(id, v) && !p.isBare(id) && !p.apart(id, n)
	})
}

// apart reports whether two nodes are in different branches of the same statement, which no loop
// comes to twice.
func (p *Package) apart(a, b ast.Node) bool {
	var of, branch ast.Node
	inner := a
	p.Around(a, func(around ast.Node) bool {
		switch around.(type) {
		case *ast.ForStmt, *ast.RangeStmt:
			if Holds(around, b) {
				of = nil
				return false
			}
		case *ast.FuncDecl, *ast.FuncLit:
			return false
		}
		if of == nil && Holds(around, b) {
			of, branch = around, inner
		}
		inner = around
		return true
	})
	switch of := of.(type) {
	case *ast.IfStmt:
		return branch == of.Body && of.Else != nil && Holds(of.Else, b) || branch == of.Else && Holds(of.Body, b)
	case *ast.BlockStmt: // of a switch, or of a select
		switch branch.(type) {
		case *ast.CaseClause, *ast.CommClause:
			return true
		}
	}
	return false
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

// note enters the value of a condition by its key, and those of others that follow from it:
// what is equal is not less, and what is less is not equal.
func (p *Package) note(known map[string]bool, cond ast.Expr, value bool) {
	e, is, ok := p.normal(cond)
	if !ok {
		known[text(ast.Unparen(cond))] = value
		return
	}
	known[p.textOf(e.X, e.Op, e.Y)] = value == is
	if value != is {
		return
	}
	switch e.Op {
	case token.EQL:
		known[p.textOf(e.X, token.LSS, e.Y)] = false
		known[p.textOf(e.Y, token.LSS, e.X)] = false
	case token.LSS:
		known[p.textOf(e.Y, token.LSS, e.X)] = false
		known[p.textOf(e.X, token.EQL, e.Y)] = false
		known[p.textOf(e.Y, token.EQL, e.X)] = false
	}
}

// lookUp returns the value of a condition, where that is known.
func (p *Package) lookUp(known map[string]bool, cond ast.Expr) (value, ok bool) {
	e, is, ok := p.normal(cond)
	if !ok {
		value, ok = known[text(ast.Unparen(cond))]
		return value, ok
	}
	if value, ok = known[p.textOf(e.X, e.Op, e.Y)]; ok {
		return value == is, true
	}
	if e.Op != token.EQL || p.Info.Types[e.Y].Value == nil {
		return false, false
	}
	other := p.textOf(e.X, token.EQL, nil) + constantMark
	for key, value := range known {
		if value && strings.HasPrefix(key, other) {
			return !is, true // it is equal to another constant
		}
	}
	return false, false
}

// keyOf returns the key of a condition, which is that of its contrary, too.
func (p *Package) keyOf(cond ast.Expr) string {
	if e, _, ok := p.normal(cond); ok {
		return p.textOf(e.X, e.Op, e.Y)
	}
	return text(ast.Unparen(cond))
}

// normal returns a comparison as one by == with a constant on its right side, or by <; is says
// that it is the same, and not the contrary: a != b is known by a == b, and a >= b by a < b.
func (p *Package) normal(cond ast.Expr) (e *ast.BinaryExpr, is, ok bool) {
	e, ok = ast.Unparen(cond).(*ast.BinaryExpr)
	if !ok {
		return nil, false, false
	}
	x, y := e.X, e.Y
	is = e.Op == token.EQL || e.Op == token.LSS || e.Op == token.GTR
	switch e.Op {
	case token.EQL, token.NEQ:
		if tv := p.Info.Types[x]; tv.Value != nil || tv.IsNil() {
			x, y = y, x
		}
		return &ast.BinaryExpr{X: x, Op: token.EQL, Y: y}, is, true
	case token.GTR, token.LEQ:
		x, y = y, x
	case token.LSS, token.GEQ:
	default:
		return nil, false, false
	}
	if p.isLen(y) && isZero(x) { // no length is less than zero
		return &ast.BinaryExpr{X: y, Op: token.EQL, Y: x}, !is, true
	}
	return &ast.BinaryExpr{X: x, Op: token.LSS, Y: y}, is, true
}

// constantMark begins the text of a constant in a key: whatever its name, it is known by its
// value.
const constantMark = "#"

// textOf returns the text of a comparison, without y of its beginning.
func (p *Package) textOf(x ast.Expr, op token.Token, y ast.Expr) string {
	operand := func(e ast.Expr) string {
		if v := p.Info.Types[e].Value; v != nil {
			return constantMark + v.ExactString()
		}
		return text(ast.Unparen(e))
	}
	start := operand(x) + " " + op.String() + " "
	if y == nil {
		return start
	}
	return start + operand(y)
}

func isZero(e ast.Expr) bool {
	lit, ok := ast.Unparen(e).(*ast.BasicLit)
	return ok && lit.Value == "0"
}

// isLen reports whether an expression is the length of something, or its capacity.
func (p *Package) isLen(e ast.Expr) bool {
	call, ok := ast.Unparen(e).(*ast.CallExpr)
	if !ok {
		return false
	}
	id, ok := ast.Unparen(call.Fun).(*ast.Ident)
	if !ok || (id.Name != "len" && id.Name != "cap") {
		return false
	}
	_, builtin := p.Info.Uses[id].(*types.Builtin)
	return builtin
}

func text(e ast.Expr) string { return types.ExprString(e) }
