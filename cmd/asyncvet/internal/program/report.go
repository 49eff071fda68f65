package program

// Reports: every analyzer makes its own here, where comments can silence them.

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"

	"github.com/seed4712c49f/async/cmd/asyncvet/internal/api"
	"golang.org/x/tools/go/analysis"
)

// directive begins a comment that silences analyzers, by name, on its line and on
// the next one:
//
//	//asyncvet:ignore unreleased: the test is about a call that nobody releases
const directive = "//asyncvet:ignore "

// A place is a line of a file.
type place struct {
	file string
	line int
}

// ignored enters the directives of a file.
func (p *Package) ignored(f *ast.File) {
	for _, group := range f.Comments {
		for _, c := range group.List {
			rest, ok := strings.CutPrefix(c.Text, directive)
			if !ok {
				continue
			}
			names, _, _ := strings.Cut(rest, ":")
			at := p.Fset.Position(c.Pos())
			for name := range strings.FieldsFuncSeq(names, func(r rune) bool { return r == ' ' || r == ',' }) {
				for line := at.Line; line <= at.Line+1; line++ {
					here := place{at.Filename, line}
					p.silent[here] = append(p.silent[here], name)
				}
			}
		}
	}
}

// Report reports a diagnostic, unless a directive silences it, or it is about a test
// of the library itself.
func (p *Package) Report(pass *analysis.Pass, d analysis.Diagnostic) {
	if p.ownTest(d.Pos) {
		return
	}
	at := p.Fset.Position(d.Pos)
	if slices.Contains(p.silent[place{at.Filename, at.Line}], pass.Analyzer.Name) {
		return
	}
	pass.Report(d)
}

// ownTest reports whether a position is in a test of the library itself. Those do
// everything wrong that can be done wrong, to see what comes of it.
func (p *Package) ownTest(pos token.Pos) bool {
	if !strings.HasSuffix(p.Fset.Position(pos).Filename, "_test.go") {
		return false
	}
	switch path := strings.TrimSuffix(p.Pkg.Path(), "_test"); path {
	case api.Path, api.TestPath, api.RemotePath:
		return true
	default:
		return strings.HasPrefix(path, api.Path+"/internal/") || strings.HasPrefix(path, api.Path+"/test/") ||
			strings.HasPrefix(path, api.RemotePath+"/internal/")
	}
}
