package program

// The search for a path on which a handle or a promise is left as it is: as vet's
// lostcancel does it for cancel functions. unreleased, brokenpromise and
// lateresource use it, and the summaries of functions.

import (
	"go/ast"
	"go/token"
	"go/types"
	"maps"

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
// variable got its value. Unless Every is set, a path past all cases of a switch is left
// out, too, where it may be that there is none: see pastSwitch.
type Search struct {
	P       *Package
	Func    ast.Node // the function that the path leads through
	Var     *types.Var
	From    ast.Node           // where the variable gets its value; nil where that is a parameter
	Err     *types.Var         // the error beside it, or nil
	Settles func(u Use) bool   // whether a use ends the search on this path
	Every   bool               // look at paths past all cases of a switch, too
	Assume  map[string]bool    // conditions that hold on the path, by their text; or nil
	known   map[string]bool    // conditions that hold at From
	visited map[visit]struct{} // where the search was
}

type visit struct {
	block *cfg.Block
	err   bool // the error is the one beside the value, still
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
	maps.Copy(s.known, s.Assume)
	if s.Err != nil && !s.P.checked(s.Err, s.Func) {
		return nil
	}
	if s.From == nil {
		return s.block(g.Blocks[0], 0, false)
	}
	if s.deferredBefore() {
		return nil
	}
	s.P.conditions(s.From, s.known)
	for _, b := range g.Blocks {
		for i, n := range b.Nodes {
			if n == s.From || (Holds(n, s.From) && s.P.Function(s.From) == s.Func) {
				return s.from(b, i)
			}
		}
	}
	return nil
}

// deferredBefore reports whether something that settles the variable was deferred
// before the variable gets its value: then every return does it.
func (s *Search) deferredBefore() bool {
	for _, u := range s.P.Uses(s.Var, s.Func) {
		if u.Ident.Pos() >= s.From.Pos() || u.Act == Begins || !s.Settles(u) {
			continue
		}
		deferred := false
		s.P.Around(u.Ident, func(n ast.Node) bool {
			_, deferred = n.(*ast.DeferStmt)
			return !deferred && n != s.Func
		})
		if deferred {
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
			return s.enter(b.Succs[begun], true)
		}
	}
	return s.block(b, i+1, true)
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

func (s *Search) enter(b *cfg.Block, err bool) *Lost {
	v := visit{b, err}
	if _, ok := s.visited[v]; ok {
		return nil
	}
	s.visited[v] = struct{}{}
	return s.block(b, 0, err)
}

// block is the search from a node of a block on.
func (s *Search) block(b *cfg.Block, i int, err bool) *Lost {
	for _, n := range b.Nodes[min(i, len(b.Nodes)):] {
		over, lost := s.node(n)
		if over {
			return lost
		}
		if s.Err != nil && s.P.assigns(s.Err, n) {
			err = false
		}
	}
	for i, next := range b.Succs {
		if len(b.Succs) == 2 && b.Kind != cfg.KindRangeLoop && s.impossible(last(b), i == 0, err) {
			continue
		}
		if !s.Every && s.pastSwitch(b, next) {
			continue
		}
		if lost := s.enter(next, err); lost != nil {
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
		if ret.Results == nil && s.isResult() {
			return true, nil
		}
		return true, &Lost{Return: ret}
	}
	if again && !s.isRangeVar(n) {
		return true, &Lost{Again: n}
	}
	return s.P.endsTest(n), nil
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

// endsTest reports whether n ends a test by way of testing.TB, whose methods the
// graph does not know.
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
	if fn == nil || fn.Pkg() == nil || fn.Pkg().Path() != "testing" {
		return false
	}
	switch fn.Name() {
	case "Fatal", "Fatalf", "FailNow", "Skip", "Skipf", "SkipNow":
		return true
	}
	return false
}
