// Package program is what the analyzers know about the package that is analyzed:
// where each value comes from, what each use of a handle does to it, with which
// options each call is begun, and which paths lead through a function. It also
// keeps, as facts, what is known about the functions of other packages.
//
// The analyzers take all of it from one shared analyzer, [Analyzer].
package program

import (
	"bytes"
	"cmp"
	"fmt"
	"go/ast"
	"go/format"
	"go/token"
	"go/types"
	"reflect"
	"slices"
	"sync"

	"github.com/seed4712c49f/async/cmd/asyncvet/internal/api"
	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/passes/ctrlflow"
	"golang.org/x/tools/go/cfg"
)

// Analyzer collects what the other analyzers need. It reports nothing.
var Analyzer = &analysis.Analyzer{
	Name:       "asyncprogram",
	Doc:        "collect what the analyzers of asyncvet need\n\nIt reports nothing.",
	Run:        run,
	Requires:   []*analysis.Analyzer{ctrlflow.Analyzer},
	ResultType: reflect.TypeFor[*Package](),
	FactTypes:  []analysis.Fact{new(Summary)},
}

// A Package is the package that is analyzed.
type Package struct {
	Pkg   *types.Package
	Files []*ast.File
	Fset  *token.FileSet
	Info  *types.Info

	cfgs      *ctrlflow.CFGs
	parents   map[ast.Node]ast.Node
	idents    map[types.Object][]*ast.Ident // where each variable stands, by position
	values    map[types.Object][]ast.Expr   // what is assigned to each; nil stands for what is not known
	groups    map[types.Object][]ast.Expr   // what is assigned to the Options of each Group
	elements  map[types.Object][]ast.Expr   // what is assigned to elements of each slice or array of options
	decls     map[*types.Func]*ast.FuncDecl
	order     []*types.Func // the declared functions in the order of the files
	summaries map[*types.Func]*Summary
	uses      map[*ast.Ident]Use // of what is of the library
	over      sync.Map           // see completion
	conds     sync.Map           // see conditionsOf
	options   sync.Map           // see Options
	complete  bool               // all functions of the package have a summary
	silent    map[place][]string // the analyzers that are silenced on a line
	reaches   bool               // the package imports the library, perhaps through others
}

// Of returns the package of a pass, or nil where it has nothing to do with the
// library.
func Of(pass *analysis.Pass) *Package {
	p, _ := pass.ResultOf[Analyzer].(*Package)
	if p.Info == nil {
		return nil
	}
	return p
}

func run(pass *analysis.Pass) (any, error) {
	reaches := api.Reaches(pass.Pkg)
	if !reaches && isStandard(pass) {
		return new(Package), nil
	}
	p := &Package{
		Pkg:       pass.Pkg,
		Files:     pass.Files,
		Fset:      pass.Fset,
		Info:      pass.TypesInfo,
		cfgs:      pass.ResultOf[ctrlflow.Analyzer].(*ctrlflow.CFGs),
		parents:   make(map[ast.Node]ast.Node),
		idents:    make(map[types.Object][]*ast.Ident),
		values:    make(map[types.Object][]ast.Expr),
		groups:    make(map[types.Object][]ast.Expr),
		elements:  make(map[types.Object][]ast.Expr),
		decls:     make(map[*types.Func]*ast.FuncDecl),
		summaries: make(map[*types.Func]*Summary),
		silent:    make(map[place][]string),
		reaches:   reaches,
	}
	for _, f := range p.Files {
		p.index(f)
		p.ignored(f)
	}
	p.sort()
	p.importSummaries(pass)
	p.summarize(pass)
	p.complete = true
	p.useAll()
	if !reaches {
		return new(Package), nil // there is nothing to find
	}
	return p, nil
}

// isStandard reports whether a package is of no module that is known, as those of the standard
// library are. Nothing is told of these.
func isStandard(pass *analysis.Pass) bool { return pass.Module == nil || pass.Module.Path == "" }

// Parent returns the node around n, without the parentheses between them.
func (p *Package) Parent(n ast.Node) ast.Node {
	n = p.parents[n]
	for {
		if _, ok := n.(*ast.ParenExpr); !ok {
			return n
		}
		n = p.parents[n]
	}
}

// Around calls f with the nodes around n, from the nearest on, until f returns
// false.
func (p *Package) Around(n ast.Node, f func(ast.Node) bool) {
	for n = p.parents[n]; n != nil && f(n); n = p.parents[n] {
	}
}

// Function returns the function around n: a *ast.FuncDecl, a *ast.FuncLit, or nil.
func (p *Package) Function(n ast.Node) ast.Node {
	var found ast.Node
	p.Around(n, func(n ast.Node) bool {
		switch n.(type) {
		case *ast.FuncDecl, *ast.FuncLit:
			found = n
		}
		return found == nil
	})
	return found
}

// Statement returns the statement around n that stands in a list of statements,
// and the list.
func (p *Package) Statement(n ast.Node) (ast.Stmt, []ast.Stmt) {
	for n != nil {
		if s, ok := n.(ast.Stmt); ok {
			if list := listOf(p.parents[n]); list != nil {
				return s, list
			}
		}
		n = p.parents[n]
	}
	return nil, nil
}

// listOf returns the statements that a block or a clause has.
func listOf(n ast.Node) []ast.Stmt {
	switch n := n.(type) {
	case *ast.BlockStmt:
		return n.List
	case *ast.CaseClause:
		return n.Body
	case *ast.CommClause:
		return n.Body
	}
	return nil
}

// Graph returns the control-flow graph of a function, or nil where it has no body.
func (p *Package) Graph(fn ast.Node) *cfg.CFG {
	switch fn := fn.(type) {
	case *ast.FuncDecl:
		if fn.Body != nil {
			return p.cfgs.FuncDecl(fn)
		}
	case *ast.FuncLit:
		return p.cfgs.FuncLit(fn)
	}
	return nil
}

// Signature returns the signature of a function.
func (p *Package) Signature(fn ast.Node) *types.Signature {
	var t types.Type
	switch fn := fn.(type) {
	case *ast.FuncDecl:
		if obj := p.Info.Defs[fn.Name]; obj != nil {
			t = obj.Type()
		}
	case *ast.FuncLit:
		t = p.Info.TypeOf(fn)
	}
	sig, _ := t.(*types.Signature)
	return sig
}

// Body returns the body of a function, or nil.
func Body(fn ast.Node) *ast.BlockStmt {
	switch fn := fn.(type) {
	case *ast.FuncDecl:
		return fn.Body
	case *ast.FuncLit:
		return fn.Body
	}
	return nil
}

// IsMain reports whether a function is one that a program ends with: its main, or the TestMain
// of a package.
func (p *Package) IsMain(fn ast.Node) bool {
	decl, ok := fn.(*ast.FuncDecl)
	if !ok || decl.Recv != nil {
		return false
	}
	switch decl.Name.Name {
	case "main":
		return p.Pkg.Name() == "main"
	case "TestMain":
		sig := p.Signature(fn)
		return sig != nil && sig.Params().Len() == 1 && types.TypeString(sig.Params().At(0).Type(), nil) == "*testing.M"
	}
	return false
}

// Decl returns the declaration of a function of this package, or nil.
func (p *Package) Decl(fn *types.Func) *ast.FuncDecl { return p.decls[fn] }

// Idents returns where a variable stands in this package.
func (p *Package) Idents(v types.Object) []*ast.Ident { return p.idents[v] }

// within returns where a variable stands within n.
func (p *Package) within(v types.Object, n ast.Node) []*ast.Ident {
	all := p.idents[v]
	if len(all) == 0 {
		return nil
	}
	before := func(id *ast.Ident, pos token.Pos) int { return cmp.Compare(id.Pos(), pos) }
	from, _ := slices.BinarySearchFunc(all, n.Pos(), before)
	to, _ := slices.BinarySearchFunc(all, n.End(), before)
	return all[from:to]
}

// Called returns the name of the library's function that a call calls, or "".
func (p *Package) Called(call *ast.CallExpr) string { return api.Called(p.Info, call) }

// Begun is Called, which knows package asyncnats, too: see api.LongName.
func (p *Package) Begun(call *ast.CallExpr) string { return api.LongName(api.Callee(p.Info, call)) }

// Receiver returns what stands before the dot of the function of a call.
func Receiver(call *ast.CallExpr) ast.Expr {
	if sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr); ok {
		return sel.X
	}
	return nil
}

// Var returns the variable that an expression is, or nil: of a name, or of the
// field that a selector selects.
func (p *Package) Var(e ast.Expr) *types.Var {
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		if e.Name == "_" {
			return nil
		}
		v, _ := p.Info.ObjectOf(e).(*types.Var)
		return v
	case *ast.SelectorExpr:
		v, _ := p.Info.ObjectOf(e.Sel).(*types.Var)
		if v != nil && v.IsField() {
			return v.Origin()
		}
		return v
	}
	return nil
}

// Within reports whether a variable is declared within a function, as a
// parameter, a result or in the body.
func Within(v types.Object, fn ast.Node) bool {
	return v != nil && fn != nil && fn.Pos() <= v.Pos() && v.Pos() < fn.End()
}

// Holds reports whether n is inside of outer.
func Holds(outer, n ast.Node) bool {
	return outer.Pos() <= n.Pos() && n.End() <= outer.End()
}

// Behind returns where a further statement can be inserted behind one that stands in a list,
// and what has to stand before it: on a line of its own, behind the comment of this one, or
// where more stands on the line, behind a semicolon.
func (p *Package) Behind(s ast.Stmt) (token.Pos, string) {
	f := p.Fset.File(s.Pos())
	line := f.Line(s.End())
	if p.nextLine(s, f) == line {
		return s.End(), "; "
	}
	if c := p.commentAt(f.LineStart(line), line); c != nil {
		line = f.Line(c.End())
	}
	if line >= f.LineCount() {
		return s.End(), "\n"
	}
	return f.LineStart(line+1) - 1, "\n"
}

// commentAt returns the last comment that begins on a line and ends on another, or nil.
func (p *Package) commentAt(start token.Pos, line int) (last *ast.Comment) {
	for _, file := range p.Files {
		if file.FileStart > start || start > file.FileEnd {
			continue
		}
		for _, group := range file.Comments {
			for _, c := range group.List {
				f := p.Fset.File(start)
				if f.Line(c.Pos()) == line && f.Line(c.End()) > line {
					last = c
				}
			}
		}
	}
	return last
}

// nextLine returns the line of what stands behind a statement of a list: the next one, or the
// end of the block.
func (p *Package) nextLine(s ast.Stmt, f *token.File) (line int) {
	_, list := p.Statement(s)
	if i := slices.Index(list, s); i >= 0 && i+1 < len(list) {
		return f.Line(list[i+1].Pos())
	}
	p.Around(s, func(n ast.Node) bool {
		b, ok := n.(*ast.BlockStmt)
		if ok {
			line = f.Line(b.Rbrace)
		}
		return !ok
	})
	return line
}

// Source returns the source of a node, as gofmt writes it.
func (p *Package) Source(n ast.Node) (string, error) {
	var b bytes.Buffer
	if err := format.Node(&b, p.Fset, n); err != nil {
		return "", fmt.Errorf("asyncvet: %w", err)
	}
	return b.String(), nil
}
