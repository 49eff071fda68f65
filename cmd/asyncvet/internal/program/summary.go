package program

import (
	"fmt"
	"go/ast"
	"go/types"
	"strings"

	"github.com/seed4712c49f/async/cmd/asyncvet/internal/api"
	"golang.org/x/tools/go/analysis"
)

// A Summary is what callers need to know about a function. As a fact it goes from
// package to package.
type Summary struct {
	Params []Mode       // what becomes of a handle, or a promise, that is passed
	Fresh  []Fresh      // the results that are handles which the caller owns
	Option *OptionsFact // what the option that it returns says
	Waits  string       // the wait by a context without a slot that it makes, or ""
	Blocks string       // what in it may block, or ""
}

// AFact makes a Summary a fact.
func (*Summary) AFact() {}

func (s *Summary) String() string {
	var parts []string
	for i, m := range s.Params {
		if m != Keeps {
			parts = append(parts, fmt.Sprintf("%d:%v", i, m))
		}
	}
	for _, f := range s.Fresh {
		parts = append(parts, fmt.Sprintf("fresh %d", f.Result))
	}
	if s.Option != nil {
		parts = append(parts, "option")
	}
	if s.Waits != "" {
		parts = append(parts, "waits by "+s.Waits)
	}
	if s.Blocks != "" {
		parts = append(parts, "blocks in "+s.Blocks)
	}
	return strings.Join(parts, " ")
}

func (s *Summary) empty() bool { return s.String() == "" }

// A Mode is what a function does with a handle, or a promise, that it is passed.
type Mode int

// The modes.
const (
	Keeps       Mode = iota // anything: it may store it, or be no function that is known
	OnlyLooks               // it waits or asks, and the handle is as it was
	SettlesIt               // it takes the result, or completes the promise, on every path
	ReleasesIt              // it releases the handle on every path
	SettlesSome             // it does so on some paths, and on others leaves it as it was
)

func (m Mode) String() string {
	return [...]string{"keeps", "looks", "settles", "releases", "settles on some paths"}[m]
}

func (m Mode) act() Act {
	switch m {
	case OnlyLooks:
		return Looks
	case SettlesIt:
		return Settles
	case ReleasesIt:
		return Releases
	case SettlesSome:
		return MayLeave
	}
	return PassedOn
}

// A Fresh is a result that is a handle which the caller owns.
type Fresh struct {
	Result  int
	Options OptionsFact // those that the call was begun with
}

// Summary returns what is known about a function, or nil.
func (p *Package) Summary(fn *types.Func) *Summary {
	if fn == nil {
		return nil
	}
	if s, ok := p.summaries[fn]; ok {
		return s
	}
	decl := p.decls[fn]
	if decl == nil || decl.Body == nil {
		return nil
	}
	p.summaries[fn] = nil // for one that calls itself
	s := &Summary{
		Params: p.modes(fn, decl),
		Fresh:  p.fresh(fn, decl),
		Option: p.optionOf(decl),
		Waits:  p.waitsAlone(decl),
		Blocks: p.blocks(decl),
	}
	p.summaries[fn] = s
	return s
}

// importSummaries takes over what is known about functions of other packages.
func (p *Package) importSummaries(pass *analysis.Pass) {
	for _, obj := range pass.TypesInfo.Uses {
		fn, ok := obj.(*types.Func)
		if !ok || fn.Pkg() == nil || fn.Pkg() == pass.Pkg || fn.Pkg().Path() == api.Path {
			continue
		}
		s := new(Summary)
		if fn = fn.Origin(); pass.ImportObjectFact(fn, s) {
			p.summaries[fn] = s
		}
	}
}

// summarize looks at every function of this package and exports what it finds. Of
// the library itself nothing is exported: package api knows it.
func (p *Package) summarize(pass *analysis.Pass) {
	if p.Pkg.Path() == api.Path {
		return
	}
	for fn := range p.decls {
		if s := p.Summary(fn); s != nil && !s.empty() {
			pass.ExportObjectFact(fn, s)
		}
	}
}

// modes returns what a function does with its parameters.
func (p *Package) modes(fn *types.Func, decl *ast.FuncDecl) []Mode {
	sig := fn.Signature()
	modes := make([]Mode, sig.Params().Len())
	for i := range modes {
		v := sig.Params().At(i)
		if sig.Variadic() && i == len(modes)-1 {
			continue
		}
		if api.IsHandle(v.Type()) || api.IsPromise(v.Type()) {
			modes[i] = p.Mode(decl, v)
		}
	}
	return modes
}

// Mode returns what a function does with one of its parameters, or with a
// variable that it captures.
func (p *Package) Mode(fn ast.Node, v *types.Var) Mode {
	settled := false
	for _, u := range p.Uses(v, Body(fn)) {
		switch u.Act {
		case PassedOn, Assigns, MayLeave, Cancels, Begins:
			return Keeps
		case Settles, Releases:
			settled = true
		}
	}
	if !settled {
		return OnlyLooks
	}
	search := Search{P: p, Func: fn, Var: v}
	search.Settles = func(u Use) bool { return u.Act == Releases && u.In == fn }
	if search.Find() == nil {
		return ReleasesIt
	}
	search.Settles = func(u Use) bool { return u.Act == Settles || u.Act == Releases }
	if search.Find() == nil {
		return SettlesIt
	}
	return SettlesSome
}

// fresh returns the results of a function that are handles which the caller owns:
// every return returns a call that was begun here and is nobody else's, or nil.
func (p *Package) fresh(fn *types.Func, decl *ast.FuncDecl) []Fresh {
	var all []Fresh
	results := fn.Signature().Results()
	for i := range results.Len() {
		if !api.IsHandle(results.At(i).Type()) {
			continue
		}
		if f, ok := p.freshResult(decl, i); ok {
			all = append(all, f)
		}
	}
	return all
}

func (p *Package) freshResult(decl *ast.FuncDecl, i int) (Fresh, bool) {
	f := Fresh{Result: i}
	found, all := false, true
	ast.Inspect(decl.Body, func(n ast.Node) bool {
		if _, ok := n.(*ast.FuncLit); ok {
			return false
		}
		ret, ok := n.(*ast.ReturnStmt)
		if !ok {
			return true
		}
		e, result := ast.Expr(nil), i
		switch {
		case len(ret.Results) == 1:
			e = ret.Results[0]
		case i < len(ret.Results):
			e, result = ret.Results[i], 0
		}
		c := p.created(decl, e, result)
		switch {
		case e != nil && isNil(e):
		case c == nil:
			all = false
		default:
			found = true
			f.Options.add(p.Options(c).fact())
		}
		return true
	})
	return f, found && all
}

// created returns the call that made the handle e, or its result, or nil where e
// may be somebody else's.
func (p *Package) created(fn ast.Node, e ast.Expr, result int) *ast.CallExpr {
	switch e := ast.Unparen(e).(type) {
	case *ast.CallExpr:
		if r, _, ok := p.Creates(e); ok && r == result {
			return e
		}
	case *ast.Ident:
		v := p.Var(e)
		values, all := p.Values(v)
		if !all || len(values) != 1 || !Within(v, fn) {
			return nil
		}
		for _, u := range p.Uses(v, fn) {
			if _, ok := p.Parent(u.Ident).(*ast.ReturnStmt); u.Act == PassedOn && !ok {
				return nil
			}
		}
		call, _ := ast.Unparen(values[0]).(*ast.CallExpr)
		if call == nil {
			return nil
		}
		if r, _, ok := p.Creates(call); ok && r == p.resultOf(v, call) {
			return call
		}
	}
	return nil
}

// resultOf returns which result of a call is assigned to v.
func (p *Package) resultOf(v *types.Var, call *ast.CallExpr) int {
	switch s := p.Parent(call).(type) {
	case *ast.AssignStmt:
		for i, l := range s.Lhs {
			if p.Var(l) == v {
				return oneOf(len(s.Rhs), i)
			}
		}
	case *ast.ValueSpec:
		for i, name := range s.Names {
			if p.Var(name) == v {
				return oneOf(len(s.Values), i)
			}
		}
	}
	return -1
}

// oneOf returns i where one call has all the values, and 0 where each variable
// has a value of its own.
func oneOf(values, i int) int {
	if values == 1 {
		return i
	}
	return 0
}

// Creates returns which result of a call is a handle that the caller owns, and
// which says that there is none, or -1.
func (p *Package) Creates(call *ast.CallExpr) (result, err int, ok bool) {
	fn := api.Callee(p.Info, call)
	if name := api.Name(fn); name != "" {
		c, ok := api.CreationOf(name)
		return c.Result, c.Error, ok
	}
	s := p.Summary(fn)
	if s == nil || len(s.Fresh) == 0 {
		return 0, 0, false
	}
	return s.Fresh[0].Result, errorOf(fn.Signature()), true
}

// errorOf returns the index of the last result where that is an error, or -1.
func errorOf(sig *types.Signature) int {
	n := sig.Results().Len() - 1
	if n >= 0 && types.Identical(sig.Results().At(n).Type(), types.Universe.Lookup("error").Type()) {
		return n
	}
	return -1
}
