package program

// What callers need to know about a function, of this package or another: as facts
// it comes with the package that declares it.

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
	By     []string     // the wait that it makes by each of its parameters, or ""
	Blocks string       // what in it may block, or ""
	Ends   bool         // it never returns
	Makes  *OptionsFact // the options in what it makes, all of which can be told, or nil
	Serves *Serving     // whose methods it serves to other processes, or nil
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
	if s.Makes != nil {
		parts = append(parts, "makes what has options")
	}
	if s.Waits != "" {
		parts = append(parts, "waits by "+s.Waits)
	}
	for i, by := range s.By {
		if by != "" {
			parts = append(parts, fmt.Sprintf("%d is the context of %s", i, by))
		}
	}
	if s.Blocks != "" {
		parts = append(parts, "blocks in "+s.Blocks)
	}
	if s.Serves != nil {
		parts = append(parts, fmt.Sprintf("serves %v of %d", s.Serves.Methods, s.Serves.Server))
	}
	if s.Ends {
		parts = append(parts, "never returns")
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
	Nil     bool        // there may be none
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
	s := &Summary{Blocks: p.blocks(decl), Ends: p.ends(decl)}
	if p.reaches {
		s.Params = p.modes(fn, decl)
		s.Fresh = p.fresh(decl)
		s.Option = p.optionOf(decl)
		s.Waits = p.waitsAlone(decl)
		s.By = p.waitsBy(fn, decl)
		s.Makes = p.makes(fn, decl)
		s.Serves = p.serves(fn, decl)
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
	for _, fn := range p.order {
		if s := p.Summary(fn); s != nil && !s.empty() && p.Pkg.Path() != api.Path {
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
		case Releases:
			if p.Elsewhere(u, fn) || (u.In != fn && p.Mode(u.In, v) != ReleasesIt) {
				return Keeps // some time
			}
			settled = true
		case Settles:
			settled = true
		}
	}
	if !settled {
		return OnlyLooks
	}
	search := Search{P: p, Func: fn, Var: v, Every: true}
	search.Settles = func(u Use) bool { return u.Act == Releases }
	if search.Find() == nil {
		return ReleasesIt
	}
	search.Settles = func(u Use) bool { return u.Act == Settles || u.Act == Releases }
	if search.Find() == nil {
		return SettlesIt
	}
	search.Every = false // past a switch there may be a case for each value
	if api.IsPromise(v.Type()) {
		search.Over = func(ast.Expr) bool { return true } // the context may be that of the call
	}
	if search.Find() == nil {
		return Keeps
	}
	return SettlesSome
}
