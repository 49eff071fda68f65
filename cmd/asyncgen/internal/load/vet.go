package load

import (
	"go/ast"
	"go/token"
	"go/types"
	"reflect"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/passes/copylock"
	"golang.org/x/tools/go/analysis/passes/stdmethods"
	"golang.org/x/tools/go/analysis/passes/structtag"
)

// This file has go vet's own analyzers look at the outputs. Those that are run are the
// ones that find fault with what an interface makes the output say: a method that it
// must have, a struct that it must spell out, a value that it must pass on.

// A Fault is what is wrong with an output, and in which of its declarations.
type Fault struct {
	Output int    // which of those that were verified
	Decl   string // the function, or the type
	Recv   string // the type of a method, or nothing
	In     string // of a type: the method of the interface, or the field
	What   string
}

// vet returns the first fault that go vet would find in files of a package.
func vet(fset *token.FileSet, files []*ast.File, pkg *types.Package, info *types.Info, sizes types.Sizes) *Fault {
	var first *Fault
	results := make(map[*analysis.Analyzer]any)
	var run func(a *analysis.Analyzer)
	run = func(a *analysis.Analyzer) {
		if _, ok := results[a]; ok || first != nil {
			return
		}
		pass := &analysis.Pass{
			Analyzer: a, Fset: fset, Files: files, Pkg: pkg, TypesInfo: info, TypesSizes: sizes,
			ResultOf: make(map[*analysis.Analyzer]any),
			Report: func(d analysis.Diagnostic) {
				if first == nil {
					first = faultAt(files, d.Pos)
					first.What = "the output would not pass go vet: " + d.Message
				}
			},
			ImportObjectFact:  func(types.Object, analysis.Fact) bool { return false },
			ImportPackageFact: func(*types.Package, analysis.Fact) bool { return false },
			ExportObjectFact:  func(types.Object, analysis.Fact) {},
			ExportPackageFact: func(analysis.Fact) {},
			AllObjectFacts:    func() []analysis.ObjectFact { return nil },
			AllPackageFacts:   func() []analysis.PackageFact { return nil },
		}
		for _, need := range a.Requires {
			run(need)
			pass.ResultOf[need] = results[need]
		}
		if result, err := a.Run(pass); err == nil && (a.ResultType == nil || reflect.TypeOf(result) == a.ResultType) {
			results[a] = result
		}
	}
	for _, a := range []*analysis.Analyzer{stdmethods.Analyzer, structtag.Analyzer, copylock.Analyzer} {
		run(a)
	}
	return first
}

// faultAt is a fault in the declaration at a place.
func faultAt(files []*ast.File, pos token.Pos) *Fault {
	fault := new(Fault)
	for i, f := range files {
		for _, d := range f.Decls {
			if d.Pos() <= pos && pos < d.End() {
				fault = faultIn(d, pos)
			}
		}
		if f.FileStart <= pos && pos <= f.FileEnd {
			fault.Output = i
			break
		}
	}
	return fault
}

func faultIn(d ast.Decl, pos token.Pos) *Fault {
	f := new(Fault)
	switch d := d.(type) {
	case *ast.FuncDecl:
		f.Decl = d.Name.Name
		if d.Recv != nil && len(d.Recv.List) == 1 {
			ast.Inspect(d.Recv.List[0].Type, func(n ast.Node) bool {
				if id, ok := n.(*ast.Ident); ok && f.Recv == "" {
					f.Recv = id.Name
				}
				return f.Recv == ""
			})
		}
	case *ast.GenDecl:
		ast.Inspect(d, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.TypeSpec:
				f.Decl = n.Name.Name
			case *ast.Field:
				if f.In == "" && n.Pos() <= pos && pos < n.End() && len(n.Names) > 0 {
					f.In = n.Names[0].Name
				}
			}
			return true
		})
	}
	return f
}
