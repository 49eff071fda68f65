package program

// What is served: the functions that run for requests of other processes, by package asyncnats,
// and the methods that code written by asyncgen serves. The calls in which they run are begun
// out of sight, with the Scope and the Options that a server is told.

import (
	"go/ast"
	"go/types"
	"slices"

	"github.com/seed4712c49f/async/cmd/asyncvet/internal/api"
)

// serveMethods is what serves an interface. It is given the methods as results of handle.
const (
	serveMethods = "asyncnats.ServeMethods"
	handle       = "asyncnats.Handle"
)

// A Serving is what a function hands to [asyncnats.ServeMethods].
type Serving struct {
	Options int      // the parameter with the options
	Server  int      // the parameter whose methods are served
	Methods []string // their names
}

// A Run is a function that calls run.
type Run struct {
	At  ast.Expr    // where the program names it
	Fn  ast.Node    // its declaration or its literal, where that is in this package
	Obj *types.Func // what it is, where it has a name
}

// Runs returns the functions that calls run: of a GoAll, and of an interface that is served,
// those that the program writes down.
func (p *Package) Runs(b Begin) []Run {
	if s := p.servingOf(b.Call); s != nil {
		return p.methods(b.Call.Args[s.Server], s.Methods)
	}
	var runs []Run
	for _, e := range p.funcs(b) {
		fn, obj := p.FuncOf(e)
		runs = append(runs, Run{e, fn, obj})
	}
	return runs
}

// handled returns the functions of the methods among some arguments.
func (p *Package) handled(args []ast.Expr) (funcs []ast.Expr) {
	for _, e := range args {
		if call, ok := p.Value(e).(*ast.CallExpr); ok && p.Begun(call) == handle && len(call.Args) == 2 {
			funcs = append(funcs, ast.Unparen(call.Args[1]))
		}
	}
	return funcs
}

// methods returns the methods of a value by their names, as far as the program says what it is.
func (p *Package) methods(of ast.Expr, names []string) []Run {
	var runs []Run
	t := p.Info.TypeOf(p.Value(of))
	for _, name := range names {
		obj, _, _ := types.LookupFieldOrMethod(t, true, p.Pkg, name)
		fn, ok := obj.(*types.Func)
		if !ok || isInterfaces(fn) {
			continue
		}
		run := Run{At: of, Obj: fn.Origin()}
		if decl := p.decls[run.Obj]; decl != nil && decl.Body != nil {
			run.Fn = decl
		}
		runs = append(runs, run)
	}
	return runs
}

// servingOf returns what the function of a call serves, or nil.
func (p *Package) servingOf(call *ast.CallExpr) *Serving {
	if call.Ellipsis.IsValid() {
		return nil
	}
	s := p.Summary(api.Callee(p.Info, call))
	if s == nil || s.Serves == nil || len(call.Args) <= max(s.Serves.Options, s.Serves.Server) {
		return nil
	}
	return s.Serves
}

// serves returns what a function serves of its parameters, or nil.
func (p *Package) serves(fn *types.Func, decl *ast.FuncDecl) (s *Serving) {
	params := slices.Collect(fn.Signature().Params().Variables())
	ast.Inspect(decl.Body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || p.Begun(call) != serveMethods || len(call.Args) < 5 {
			return true
		}
		options := slices.Index(params, p.Var(call.Args[3]))
		server, methods := p.served(call.Args[4:], params)
		if options >= 0 && server >= 0 {
			s = &Serving{options, server, methods}
		}
		return true
	})
	return s
}

// served returns which parameter it is whose methods the functions of some methods call, and
// the names of these.
func (p *Package) served(args []ast.Expr, params []*types.Var) (server int, names []string) {
	server = -1
	for _, fn := range p.handled(args) {
		ast.Inspect(fn, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || Receiver(call) == nil {
				return true
			}
			if i := slices.Index(params, p.Var(Receiver(call))); i >= 0 && types.IsInterface(params[i].Type()) {
				server = i
				names = append(names, selected(call).Name)
			}
			return true
		})
	}
	return server, names
}
