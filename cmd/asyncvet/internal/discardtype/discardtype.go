// Package discardtype defines an analyzer that reports a Discard of another type
// than the call's: see docs/vet.md.
package discardtype

import (
	"fmt"
	"go/ast"
	"go/types"

	"github.com/seed4712c49f/async/cmd/asyncvet/internal/program"
	"golang.org/x/tools/go/analysis"
)

const doc = `report a Discard of another type than the call's

Discard[T] takes the result of a call that returns (T, error). On a call of any
other type the call that begins it panics: also where T is an interface that the
result implements.`

// Analyzer reports a Discard of another type than the call's.
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
		// Of several the last counts. Where not all are known, another may follow.
		n := len(b.Options.Discards)
		if n == 0 || (n > 1 && !b.Options.All) {
			continue
		}
		check(pass, p, b, b.Options.Discards[n-1])
	}
	return nil, nil
}

func check(pass *analysis.Pass, p *program.Package, b program.Begin, d program.Discard) {
	if d.Name == "" || program.Generic(b.Type) {
		return
	}
	if d.Type != nil && (program.Generic(d.Type) || types.Identical(d.Type, b.Type)) {
		return
	}
	if d.Type == nil && d.Name == types.TypeString(b.Type, nil) {
		return
	}
	short := d.Name
	if d.Type != nil {
		short = types.TypeString(d.Type, types.RelativeTo(pass.Pkg))
	}
	at := d.At
	if !program.Holds(b.Call, at) {
		at = b.Call
	}
	p.Report(pass, analysis.Diagnostic{
		Pos: at.Pos(), End: at.End(),
		Message: fmt.Sprintf("Discard of %s on a call that returns (%s, error): %s panics",
			short, types.TypeString(b.Type, types.RelativeTo(pass.Pkg)), verb(b.Call)),
	})
}

func verb(call *ast.CallExpr) string { return types.ExprString(ast.Unparen(call.Fun)) }
