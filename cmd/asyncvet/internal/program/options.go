package program

// The options that a call is begun with. The analyzers ask which there are, and
// whether there may be others.

import (
	"go/ast"
	"go/types"
	"slices"

	"github.com/seed4712c49f/async/cmd/asyncvet/internal/api"
)

// Options are those that a call is begun with, as far as they can be followed:
// through variables, through append, through functions that return one.
type Options struct {
	All       bool // there are no others
	Scopes    []ast.Expr
	Discards  []Discard
	OnSignal  []ast.Expr // the functions
	Streaming bool
	Abandon   bool
	InGroup   bool
	Promised  bool // there is no function, and so InGroup has no meaning
	Some      []Special
	more      bool         // there may be others, which cannot be told
	given     []*types.Var // parameters and receivers of functions that hold others
	told      bool         // an OnSignal of a function that is known by a fact
	owned     bool         // a scope that is known by a fact
}

// A Discard is one of the Discard options of a call.
type Discard struct {
	At    ast.Node
	Type  types.Type // of the result that the function takes, or nil
	Name  string     // the type with its import path: see NameOf
	Maybe bool       // a variable holds it on some paths only, perhaps
	Field bool       // a field holds it, which may hold none in another object
}

// A Special is one of the options that only some functions of the library take: AtOnce,
// InOrder, NameEach, WaitForRoom, CancelOnAbandon, and the ID and the Key of package asyncnats.
type Special struct {
	At   ast.Node
	Name string
	In   types.Type // the type of the inputs that a NameEach is for, or nil
}

// HasScope reports whether there is a scope among the options.
func (o *Options) HasScope() bool { return o.owned || len(o.Scopes) > 0 }

// Discarded reports whether there is a Discard among the options for certain, at least on some
// path.
func (o *Options) Discarded() bool {
	return slices.ContainsFunc(o.Discards, func(d Discard) bool { return !d.Field })
}

// Tells reports whether there is an OnSignal among the options.
func (o *Options) Tells() bool { return o.told || len(o.OnSignal) > 0 }

// An OptionsFact is what of some options is told to other packages.
type OptionsFact struct {
	Scope, Discard, OnSignal, Streaming, Abandon, InGroup, Promised bool

	Discarded   bool   // see Options
	DiscardType string // "" where that cannot be told
	Special     string // the one option that only some functions take, or ""
	Given       []int  // parameters that hold others, or byReceiver
	More        bool   // there may be others, which cannot be told
	merged      bool   // others were added
}

// fact returns what is told of the options of a function with a signature.
func (o *Options) fact(sig *types.Signature) OptionsFact {
	f := OptionsFact{
		More: o.more, Scope: o.HasScope(), Discard: len(o.Discards) > 0, OnSignal: o.Tells(),
		Streaming: o.Streaming, Abandon: o.Abandon, InGroup: o.InGroup, Promised: o.Promised,
		Discarded: o.Discarded(),
	}
	if len(o.Some) == 1 {
		f.Special = o.Some[0].Name
	}
	for _, d := range o.Discards {
		if d.Type == nil || !Generic(d.Type) {
			f.DiscardType = d.Name
		}
	}
	for _, v := range o.given {
		i := byReceiver
		if sig == nil || sig.Recv() != v {
			if i = indexOf(sig, v); i < 0 {
				f.More = true // of a function around
				continue
			}
		}
		if !slices.Contains(f.Given, i) {
			f.Given = append(f.Given, i)
		}
	}
	return f
}

// indexOf returns which parameter of a function a variable is, or -1.
func indexOf(sig *types.Signature, v *types.Var) int {
	if sig == nil {
		return -1
	}
	return slices.Index(slices.Collect(sig.Params().Variables()), v)
}

// add has f be what is true of both.
func (f *OptionsFact) add(g OptionsFact) {
	if !f.merged {
		*f = g
		f.merged = true
		return
	}
	f.More = f.More || g.More
	for _, i := range g.Given {
		if !slices.Contains(f.Given, i) {
			f.Given = append(f.Given, i)
		}
	}
	f.Scope = f.Scope || g.Scope
	f.Discard = f.Discard || g.Discard
	f.Discarded = f.Discarded || g.Discarded
	f.OnSignal = f.OnSignal || g.OnSignal
	f.Streaming = f.Streaming || g.Streaming
	f.Abandon = f.Abandon || g.Abandon
	f.InGroup = f.InGroup || g.InGroup
	f.Promised = f.Promised && g.Promised
	if f.Special != g.Special {
		f.Special = ""
	}
	if f.DiscardType != g.DiscardType {
		f.DiscardType = ""
	}
}

// merge adds what a fact says.
func (r resolver) merge(f OptionsFact, at ast.Node) {
	o := r.o
	if f.More {
		r.unknown()
	}
	o.owned = o.owned || f.Scope
	o.told = o.told || f.OnSignal
	o.Streaming = o.Streaming || f.Streaming
	o.Abandon = o.Abandon || f.Abandon
	o.InGroup = o.InGroup || f.InGroup
	o.Promised = o.Promised || f.Promised
	if f.Discard {
		o.Discards = append(o.Discards, Discard{At: at, Name: f.DiscardType, Maybe: r.maybe, Field: r.field || !f.Discarded})
	}
}

// Options returns the options of a call that begins something. When all functions have a summary,
// it looks for them once.
func (p *Package) Options(call *ast.CallExpr) *Options {
	if !p.complete {
		return p.optionsOf(call)
	}
	known, ok := p.options.Load(call)
	if !ok {
		known, _ = p.options.LoadOrStore(call, p.optionsOf(call))
	}
	return known.(*Options)
}

func (p *Package) optionsOf(call *ast.CallExpr) *Options {
	o := &Options{}
	r := resolver{p: p, o: o, seen: make(map[types.Object]bool)}
	fn := api.Callee(p.Info, call)
	name := api.LongName(fn)
	o.Promised = api.Promised(name)
	switch name {
	case "":
		if s := p.servingOf(call); s != nil {
			r.serving(call, s.Options)
			break
		}
		fresh := p.freshOf(call)
		o.more = len(fresh) == 0
		for _, f := range fresh {
			r.told(f.Options, call)
			r.perhaps(f.Options, fn, call)
		}
	case "Group.Do", "Group.Join":
		r.group(Receiver(call))
	case "Ready":
	case "asyncnats.Serve", "asyncnats.Work", "asyncnats.ServeMethods":
		r.serving(call, 3)
	case "asyncimpl.ServeCall": // those of the client, and those of the method
		r.slice(call.Args[2])
		r.arguments(call, 4)
	default:
		i, ok := optionIndex(name)
		if !ok {
			o.more = true // a Clone has those of its call
			break
		}
		r.arguments(call, i)
	}
	o.All = !o.more && len(o.given) == 0
	return o
}

// optionIndex returns which argument of a function of the library is its first
// option.
func optionIndex(name string) (int, bool) {
	switch name {
	case "NewPromise", "NewLazy", "Call.BeginPromise":
		return 1, true
	case "Go", "GoAll", "Call.Begin":
		return 2, true
	case "GoEach", "Map":
		return 3, true
	case "Hedge", "asyncnats.Begin":
		return 4, true
	case "asyncnats.Submit", "asyncnats.Attach":
		return 3, true
	case "asyncnats.Invoke":
		return 5, true
	}
	return 0, false
}
