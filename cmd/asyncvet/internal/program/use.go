package program

// What one use of a variable does to the handle or the promise in it. The searches
// for paths, and the analyzers, ask for each use.

import (
	"go/ast"
	"go/token"
	"go/types"

	"github.com/seed4712c49f/async/cmd/asyncvet/internal/api"
)

// An Act is what one use of a variable does to the handle, or the promise, that it
// holds.
type Act int

// The acts.
const (
	Looks    Act = iota // waits, asks, compares: the handle is as it was
	Assigns             // gives the variable another value
	Begins              // begins the object's next call
	Cancels             // cancels the call
	Settles             // takes the result, or completes the promise
	Releases            // gives up the handle
	MayLeave            // hands the promise to a function that completes it on some paths only
	PassedOn            // hands it to somebody else: it is returned, stored, sent, passed
)

// A Use is one place where a variable stands.
type Use struct {
	Ident *ast.Ident
	Act   Act
	Name  string        // the method of the library, or of the package where the function is
	Call  *ast.CallExpr // the call of that, or nil
	Later bool          // the call is deferred, or made by another goroutine
	Func  *types.Func   // the function of the program that the variable is passed to, or nil
	In    ast.Node      // the function that the use is in: a literal where the variable is captured
}

// Uses returns the uses of a variable within n.
func (p *Package) Uses(v types.Object, n ast.Node) []Use {
	var uses []Use
	for _, id := range p.within(v, n) {
		uses = append(uses, p.Use(id))
	}
	return uses
}

// Use says what the use of a variable at id does.
func (p *Package) Use(id *ast.Ident) Use {
	if u, ok := p.uses[id]; ok {
		return u
	}
	return p.lookAt(id)
}

// useAll looks at each use of what is of the library, once for all analyzers, which run at the
// same time.
func (p *Package) useAll() {
	uses := make(map[*ast.Ident]Use)
	for v, idents := range p.idents {
		if api.Kind(v.Type()) == "" {
			continue
		}
		for _, id := range idents {
			uses[id] = p.lookAt(id)
		}
	}
	p.uses = uses
}

func (p *Package) lookAt(id *ast.Ident) Use {
	u := p.use(id)
	u.Ident = id
	u.In = p.Function(id)
	if u.Act == Looks && p.captured(id, u.In) {
		u.Act = PassedOn
	}
	if u.Call != nil {
		switch p.Parent(u.Call).(type) {
		case *ast.DeferStmt, *ast.GoStmt:
			u.Later = true
		}
	}
	return u
}

// captured reports whether a variable is used by a function literal that lives on:
// one that is neither called nor deferred where it stands, nor begun by go.
func (p *Package) captured(id *ast.Ident, fn ast.Node) bool {
	v := p.Info.ObjectOf(id)
	for {
		lit, ok := fn.(*ast.FuncLit)
		if !ok || Within(v, lit) {
			return false
		}
		call, ok := p.Parent(lit).(*ast.CallExpr)
		if !ok || ast.Unparen(call.Fun) != lit {
			return true
		}
		fn = p.Function(lit)
	}
}

// Elsewhere reports whether a use in a function happens at a time of its own: in a function
// literal that lives on or that go runs, in the call of a go statement, or by a method value.
func (p *Package) Elsewhere(u Use, fn ast.Node) bool {
	if u.Later {
		if _, deferred := p.Parent(u.Call).(*ast.DeferStmt); u.Call == nil || !deferred {
			return true
		}
	}
	for in := u.In; in != fn; in = p.Function(in) {
		lit, ok := in.(*ast.FuncLit)
		if !ok {
			return true
		}
		call, ok := p.Parent(lit).(*ast.CallExpr)
		if !ok || ast.Unparen(call.Fun) != lit {
			return true
		}
		if _, ok := p.Parent(call).(*ast.GoStmt); ok {
			return true
		}
	}
	return false
}

func (p *Package) use(id *ast.Ident) Use {
	switch parent := p.Parent(id).(type) {
	case *ast.SelectorExpr:
		return p.selected(parent)
	case *ast.CallExpr:
		return p.passed(id, parent)
	case *ast.BinaryExpr:
		if parent.Op == token.EQL || parent.Op == token.NEQ {
			return Use{Act: Looks}
		}
	case *ast.AssignStmt:
		return assignedAt(id, parent)
	case *ast.ValueSpec:
		if p.Info.Defs[id] != nil {
			return Use{Act: Assigns}
		}
	case *ast.RangeStmt:
		if parent.Key == id || parent.Value == id {
			return Use{Act: Assigns}
		}
	case *ast.UnaryExpr:
		if call, ok := p.Parent(parent).(*ast.CallExpr); ok && parent.Op == token.AND && api.EffectOf(p.Called(call)) == api.Borrows {
			return Use{Act: Looks, Name: p.Called(call), Call: call}
		}
	case *ast.Field:
		return Use{Act: Assigns}
	}
	return Use{Act: PassedOn}
}

func assignedAt(id *ast.Ident, s *ast.AssignStmt) Use {
	for _, l := range s.Lhs {
		if ast.Unparen(l) == id {
			return Use{Act: Assigns}
		}
	}
	for i, r := range s.Rhs {
		if ast.Unparen(r) == id && i < len(s.Lhs) {
			if l, ok := s.Lhs[i].(*ast.Ident); ok && l.Name == "_" {
				return Use{Act: Looks}
			}
		}
	}
	return Use{Act: PassedOn}
}

// selected is the use of a variable before a dot.
func (p *Package) selected(sel *ast.SelectorExpr) Use {
	fn, _ := p.Info.Uses[sel.Sel].(*types.Func)
	if fn == nil {
		return Use{Act: PassedOn}
	}
	name := api.Name(fn.Origin())
	u := Use{Act: actOf(api.EffectOf(name)), Name: name}
	if call, ok := p.Parent(sel).(*ast.CallExpr); ok && ast.Unparen(call.Fun) == sel {
		u.Call = call
		return u
	}
	switch u.Act { // a method value: it will be called, or was not meant to be
	case Settles, Releases, Cancels:
		u.Later = true
		return u
	}
	return Use{Act: PassedOn}
}

func actOf(e api.Effect) Act {
	switch e {
	case api.Borrows:
		return Looks
	case api.Begins:
		return Begins
	case api.Cancels:
		return Cancels
	case api.Settles:
		return Settles
	case api.Releases:
		return Releases
	}
	return PassedOn
}

// passed is the use of a variable as an argument, or as the function, of a call.
func (p *Package) passed(id *ast.Ident, call *ast.CallExpr) Use {
	i := argument(call, id)
	if i < 0 {
		return Use{Act: PassedOn}
	}
	if b, ok := ast.Unparen(call.Fun).(*ast.Ident); ok {
		if _, ok := p.Info.Uses[b].(*types.Builtin); ok && (b.Name == "len" || b.Name == "cap") {
			return Use{Act: Looks}
		}
	}
	fn := api.Callee(p.Info, call)
	if name := api.Name(fn); name != "" {
		if api.EffectOf(name) == api.Borrows && fn.Signature().Recv() == nil {
			return Use{Act: Looks, Name: name, Call: call}
		}
		return Use{Act: PassedOn, Name: name, Call: call}
	}
	if shows(fn) {
		return Use{Act: Looks, Call: call}
	}
	s := p.Summary(fn)
	if s == nil || i >= len(s.Params) {
		return Use{Act: PassedOn, Call: call}
	}
	return Use{Act: s.Params[i].act(), Name: fn.Name(), Call: call, Func: fn}
}

// shows reports whether a function only writes down what its arguments are.
func shows(fn *types.Func) bool {
	if fn == nil || fn.Pkg() == nil {
		return false
	}
	switch fn.Pkg().Path() {
	case "fmt":
		return fn.Name() != "Errorf" && fn.Signature().Recv() == nil // an error may hold what it wraps
	case "log", "log/slog":
		return fn.Signature().Results().Len() == 0
	case "testing":
		switch fn.Name() {
		case "Log", "Logf", "Error", "Errorf", "Fatal", "Fatalf", "Skip", "Skipf":
			return true
		}
	}
	return false
}

func argument(call *ast.CallExpr, id *ast.Ident) int {
	for i, a := range call.Args {
		if ast.Unparen(a) == id {
			return i
		}
	}
	return -1
}
