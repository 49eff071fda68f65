package program

// The search for a path on which a handle or a promise is left as it is: as vet's
// lostcancel does it for cancel functions. unreleased, brokenpromise and
// lateresource use it, and the summaries of functions.

import (
	"go/ast"
	"go/token"
	"go/types"

	"github.com/seed4712c49f/async/cmd/asyncvet/internal/api"
	"golang.org/x/tools/go/cfg"
)

// A Search looks for a path through a function on which nothing settles what a
// variable holds: from where the variable gets it to a return, or to where the
// variable gets something else.
//
// Paths that cannot be are left out where the program says so: behind the error
// that says that there is nothing in the variable, behind a comparison of the
// variable with nil, and behind the other side of a condition that held where the
// variable got its value, or that the path has passed before; and past a loop that runs at
// least once. Unless Every is set, a path past all cases of a switch is left out, too, where it
// may be that there is none: see pastSwitch. So is what belongs to other rounds of a loop
// than those behind From, where the program may know that: see lastRound.
type Search struct {
	P       *Package
	Func    ast.Node // the function that the path leads through
	Var     *types.Var
	From    ast.Node                   // where the variable gets its value; nil where that is a parameter
	Err     *types.Var                 // the error beside it, or nil
	Settles func(u Use) bool           // whether a use ends the search on this path
	Every   bool                       // look at paths past all cases of a switch, too
	Over    func(ast.Expr) bool        // whether nothing is left to do where a context, or a call, is at its end; or nil
	Leaves  func(*ast.ReturnStmt) bool // whether a return settles the variable by what it returns; or nil
	known   map[string]bool            // conditions that hold at From
	visited map[visit]struct{}         // where the search was

	repeated map[string][]*types.Var // see Package.repeated
}

type visit struct {
	block *cfg.Block
	state string
}

// A Lost is the end of a path.
type Lost struct {
	Return *ast.ReturnStmt // nil where the variable is assigned again
	Again  ast.Node        // the assignment
}

// Find returns the end of such a path, or nil where there is none.
func (s *Search) Find() *Lost {
	g := s.P.Graph(s.Func)
	if g == nil || len(g.Blocks) == 0 {
		return nil
	}
	s.visited = make(map[visit]struct{})
	s.known = make(map[string]bool)
	s.repeated = s.P.conditionsOf(s.Func).repeated
	if s.Err != nil && !s.P.checked(s.Err, s.Func) {
		return nil
	}
	if s.From == nil {
		return s.block(g.Blocks[0], 0, state{})
	}
	if s.settledBefore() {
		return nil
	}
	s.P.conditions(s.From, s.known, s.changed)
	s.P.flags(s.From, s.Var, s.known)
	s.P.nils(s.From, s.Func, s.known)
	for _, b := range g.Blocks {
		for i, n := range b.Nodes {
			if n == s.From || (Holds(n, s.From) && s.P.Function(s.From) == s.Func) {
				return s.from(b, i)
			}
		}
	}
	return nil
}

// changed reports whether a condition is about what From changes.
func (s *Search) changed(cond ast.Expr) bool {
	return s.P.mentions(cond, s.Var) || s.P.mentions(cond, s.Err)
}

// settledBefore reports whether something that settles the variable was deferred before
// the variable gets its value: then every return does it. A function literal that was
// handed to somebody by then has the variable, too.
func (s *Search) settledBefore() bool {
	for _, u := range s.P.Uses(s.Var, s.Func) {
		if u.Ident.Pos() >= s.From.Pos() || u.Act == Begins || !s.Settles(u) {
			continue
		}
		deferred := false
		s.P.Around(u.Ident, func(n ast.Node) bool {
			_, deferred = n.(*ast.DeferStmt)
			return !deferred && n != s.Func
		})
		ofOldValue := u.Later && u.Call == nil && s.P.assigns(s.Var, s.From) // a method value
		if deferred || (s.P.Elsewhere(u, s.Func) && !ofOldValue) {
			return true
		}
	}
	return false
}

// from is the search from the node that has From in it.
func (s *Search) from(b *cfg.Block, i int) *Lost {
	for _, u := range s.P.Uses(s.Var, b.Nodes[i]) {
		if u.Ident.Pos() > s.From.Pos() && u.Act != Begins && s.Settles(u) {
			return nil
		}
	}
	if b.Nodes[i] == last(b) && len(b.Succs) == 2 {
		if begun, ok := refused(b.Nodes[i], s.From); ok {
			return s.enter(b.Succs[begun], state{err: true})
		}
	}
	return s.block(b, i+1, state{err: true})
}

// refused reports whether a condition is the comparison of a call's error with
// nil, and which successor is that of no error.
func refused(cond, call ast.Node) (succ int, ok bool) {
	e, ok := cond.(*ast.BinaryExpr)
	if !ok || ast.Unparen(e.X) != call || !isNil(e.Y) {
		return 0, false
	}
	switch e.Op {
	case token.NEQ:
		return 1, true
	case token.EQL:
		return 0, true
	}
	return 0, false
}

func last(b *cfg.Block) ast.Node {
	if len(b.Nodes) == 0 {
		return nil
	}
	return b.Nodes[len(b.Nodes)-1]
}

func (s *Search) enter(b *cfg.Block, st state) *Lost {
	v := visit{b, st.String()}
	if _, ok := s.visited[v]; ok {
		return nil
	}
	s.visited[v] = struct{}{}
	if s.endsIn(b) {
		return nil
	}
	return s.block(b, 0, st)
}

// block is the search from a node of a block on.
func (s *Search) block(b *cfg.Block, i int, st state) *Lost {
	for _, n := range b.Nodes[min(i, len(b.Nodes)):] {
		over, lost := s.node(n)
		if over {
			return lost
		}
		st = s.after(n, st)
	}
	first := st.first
	st.first = false
	for i, next := range b.Succs {
		if (first && i > 0) || s.lastRound(b, next) {
			continue
		}
		after := st
		if len(b.Succs) == 2 && b.Kind != cfg.KindRangeLoop {
			if s.impossible(b, next, i == 0, st) {
				continue
			}
			after = s.passed(b, i == 0, st)
		}
		if !s.Every && s.pastSwitch(b, next) {
			continue
		}
		after.first = s.P.runsOnce(b, next)
		if lost := s.enter(next, after); lost != nil {
			return lost
		}
	}
	return nil
}

// node looks at what one node does; over says that the path ends here.
func (s *Search) node(n ast.Node) (over bool, lost *Lost) {
	again := false
	for _, u := range s.P.Uses(s.Var, n) {
		switch {
		case s.Settles(u):
			return true, nil
		case u.Act == Assigns && u.In == s.Func:
			again = true
		}
	}
	if ret, ok := n.(*ast.ReturnStmt); ok {
		if ret.Results == nil && s.isResult() || s.Leaves != nil && s.Leaves(ret) {
			return true, nil
		}
		return true, &Lost{Return: ret}
	}
	if again && !s.isRangeVar(n) {
		if s.perhapsOnce(n) || s.otherRound(n) {
			return true, nil
		}
		return true, &Lost{Again: n}
	}
	return s.P.endsTest(n) || s.endsAt(n), nil
}

// perhapsOnce reports whether n is where the path begins, under a condition in a loop: the
// condition may be one of the first time.
func (s *Search) perhapsOnce(n ast.Node) bool {
	if s.From == nil || !Holds(n, s.From) {
		return false
	}
	found, inner := false, n
	s.P.Around(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.IfStmt:
			found = inner != n.Init && !Within(s.Var, n)
		case *ast.CaseClause:
			found = !Within(s.Var, n)
		case *ast.ForStmt, *ast.RangeStmt, *ast.FuncDecl, *ast.FuncLit:
			return false
		}
		inner = n
		return !found
	})
	return found
}

// isRangeVar reports whether n is the variable of a range statement: the graph
// has it before the loop, too.
func (s *Search) isRangeVar(n ast.Node) bool {
	r, ok := s.P.Parent(n).(*ast.RangeStmt)
	return ok && (r.Key == n || r.Value == n)
}

// isResult reports whether the variable is a named result of the function.
func (s *Search) isResult() bool {
	sig := s.P.Signature(s.Func)
	if sig == nil {
		return false
	}
	for v := range sig.Results().Variables() {
		if v == s.Var {
			return true
		}
	}
	return false
}

// assigns reports whether n assigns v.
func (p *Package) assigns(v *types.Var, n ast.Node) bool {
	for _, u := range p.Uses(v, n) {
		if u.Act == Assigns {
			return true
		}
	}
	return false
}

// isInterfaces reports whether a function is a method of an interface.
func isInterfaces(fn *types.Func) bool {
	recv := fn.Signature().Recv()
	return recv != nil && types.IsInterface(recv.Type())
}

// ends reports whether a function never returns, which may be by way of testing.TB.
func (p *Package) ends(decl *ast.FuncDecl) bool {
	search := Search{P: p, Func: decl}
	return search.Find() == nil
}

// endsTest reports whether n ends a test by way of testing.TB, whose methods the
// graph does not know, itself or by a function.
func (p *Package) endsTest(n ast.Node) bool {
	s, ok := n.(*ast.ExprStmt)
	if !ok {
		return false
	}
	call, ok := s.X.(*ast.CallExpr)
	if !ok {
		return false
	}
	fn := api.Callee(p.Info, call)
	if s := p.Summary(fn); s != nil && s.Ends {
		return true
	}
	if fn == nil || fn.Pkg() == nil {
		return false
	}
	if fn.Pkg().Path() != "testing" {
		return fn.Name() == "FailNow" && isInterfaces(fn) // what others make of testing.TB
	}
	switch fn.Name() {
	case "Fatal", "Fatalf", "FailNow", "Skip", "Skipf", "SkipNow":
		return true
	}
	return false
}
