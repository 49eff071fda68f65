// Package discardtype defines an analyzer that reports options which their call does not
// take, a Discard of another type than the call's above all: see docs/vet.md.
package discardtype

import (
	"fmt"
	"go/ast"
	"go/types"

	"github.com/seed4712c49f/async/cmd/asyncvet/internal/program"
	"golang.org/x/tools/go/analysis"
)

const doc = `report options that their call does not take

An option does not know its call, so the compiler takes any option. What begins the
call panics.

Discard[T] takes the result of a call that returns (T, error). On a call of any
other type it panics: also where T is an interface that the result implements.

AtOnce and InOrder are for Map alone, and NameEach is for Map and GoEach, by the type
of their inputs. A Group and a Lazy do not take WaitForRoom.`

// Analyzer reports options that their call does not take.
var Analyzer = &analysis.Analyzer{
	Name:     "discardtype",
	Doc:      doc,
	URL:      "https://pkg.go.dev/github.com/seed4712c49f/async/cmd/asyncvet",
	Run:      run,
	Requires: []*analysis.Analyzer{program.Analyzer},
}

func run(pass *analysis.Pass) (any, error) {
	p := program.Of(pass)
	if p == nil {
		return nil, nil
	}
	for _, b := range p.Begins() {
		special(pass, p, b)
		// Of several the last counts. Where not all are known, another may follow.
		n := len(b.Options.Discards)
		if n == 0 || (n > 1 && !b.Options.All) {
			continue
		}
		if last := b.Options.Discards[n-1]; !last.Maybe {
			check(pass, p, b, last)
		}
	}
	return nil, nil
}

func check(pass *analysis.Pass, p *program.Package, b program.Begin, d program.Discard) {
	if d.Name == "" || b.Type == nil || program.Generic(b.Type) {
		return
	}
	if d.Type != nil && (program.Generic(d.Type) || types.Identical(d.Type, b.Type)) {
		return
	}
	if d.Type == nil && d.Name == program.NameOf(b.Type) {
		return
	}
	short := d.Name
	if d.Type != nil {
		short = types.TypeString(d.Type, types.RelativeTo(pass.Pkg))
	}
	report(pass, p, b, d.At, fmt.Sprintf("Discard of %s on a call that returns (%s, error)",
		short, types.TypeString(b.Type, types.RelativeTo(pass.Pkg))))
}

// report reports an option: where it stands, if that is among the arguments of the call.
func report(pass *analysis.Pass, p *program.Package, b program.Begin, at ast.Node, what string) {
	if !program.Holds(b.Call, at) {
		at = b.Call
	}
	p.Report(pass, analysis.Diagnostic{
		Pos: at.Pos(), End: at.End(),
		Message: fmt.Sprintf("%s: %s panics", what, verb(b.Call)),
	})
}

func verb(call *ast.CallExpr) string { return types.ExprString(ast.Unparen(call.Fun)) }
