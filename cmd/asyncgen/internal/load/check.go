package load

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"
	"strings"
)

// check checks the destination, with stubs for what the output will declare.
func (p *Package) check(r *Request, specs []spec) {
	files := p.files
	if p.stubFile = p.stubs(r, specs); p.stubFile != nil {
		files = append(slices.Clone(files), p.stubFile)
	}
	config := p.config()
	config.IgnoreFuncBodies = true
	config.Error = func(err error) {
		if e, ok := errors.AsType[types.Error](err); ok {
			p.note(e)
		}
	}
	p.types, _ = config.Check(p.Path, p.fset, files, nil)
	if p.types.Name() == "" || len(files) == 0 {
		p.types = types.NewPackage(p.Path, p.Name)
	}
}

// note notes an error. One that goes on with the last, at another place, begins with a tab.
func (p *Package) note(e types.Error) {
	more, goesOn := strings.CutPrefix(e.Msg, "\t")
	if n := len(p.errs); goesOn && n > 0 {
		first, _, unfinished := strings.Cut(p.errs[n-1].Msg+"\n", ":\n")
		e.Msg = strings.TrimSpace(first) + ": " + more
		if unfinished {
			p.errs[n-1].Msg = e.Msg
		}
	}
	p.errs = append(p.errs, e)
}

func (p *Package) config() types.Config {
	return types.Config{Importer: p, FakeImportC: true, GoVersion: p.version, Sizes: p.sizes}
}

// Import imports a package into the destination. Where that is an external test, the
// package that it tests is read from source, with what its own test files declare, and so
// is what imports that package, as go test compiles it again.
func (p *Package) Import(path string) (*types.Package, error) {
	own, external := strings.CutSuffix(p.Path, "_test")
	switch {
	case !external || !slices.ContainsFunc(p.tests, p.isTest):
		return p.world.Import(path)
	case path == own:
		return p.importTested(path)
	case p.world.reaches(path, own):
		return p.importAgain(path)
	}
	return p.world.Import(path)
}

func (p *Package) importAgain(path string) (*types.Package, error) {
	if pkg := p.again[path]; pkg != nil {
		return pkg, nil
	}
	pkg, err := p.world.checkSource(p.world.listed[path], p)
	if p.again == nil {
		p.again = make(map[string]*types.Package)
	}
	p.again[path] = pkg
	return pkg, err
}

func (p *Package) importTested(path string) (*types.Package, error) {
	if p.tested == nil {
		config := types.Config{Importer: p.world, FakeImportC: true, IgnoreFuncBodies: true, GoVersion: p.version, Sizes: p.sizes, Error: func(error) {}}
		p.tested, _ = config.Check(path, p.fset, p.tests, nil)
	}
	return p.tested, nil
}

func (p *Package) isTest(f *ast.File) bool {
	return strings.HasSuffix(p.fset.PositionFor(f.Package, false).Filename, "_test.go")
}

// PublicAlias returns an exported alias of a type that the outputs cannot name by
// itself, for its package is internal to others, or it is not exported. It is looked for in
// that package and in packages that import it, first in the one that is preferred, and not
// beyond what the package and its outputs import: what else a run looks at is no matter.
func (p *Package) PublicAlias(obj *types.TypeName, prefer string) *types.TypeName {
	var paths []string
	for path, listed := range p.world.below(p.roots) {
		if (path == obj.Pkg().Path() || listed.Imports[obj.Pkg().Path()] != nil) && p.importable(path, listed.Name) == nil {
			paths = append(paths, path)
		}
	}
	slices.SortFunc(paths, func(a, b string) int {
		switch {
		case a == prefer:
			return -1
		case b == prefer:
			return 1
		}
		return strings.Compare(a, b)
	})
	for _, path := range paths {
		pkg, err := p.Import(path)
		if err != nil {
			continue
		}
		for _, name := range pkg.Scope().Names() {
			alias, ok := pkg.Scope().Lookup(name).(*types.TypeName)
			if !ok || !alias.IsAlias() || !alias.Exported() {
				continue
			}
			named, ok := types.Unalias(alias.Type()).(*types.Named)
			if ok && named.TypeArgs().Len() == 0 && named.TypeParams().Len() == 0 &&
				named.Obj().Name() == obj.Name() && named.Obj().Pkg() != nil && named.Obj().Pkg().Path() == obj.Pkg().Path() {
				return alias
			}
		}
	}
	return nil
}

// stubs is a file that declares the types of the output, as far as others need
// them to be checked.
func (p *Package) stubs(r *Request, specs []spec) *ast.File {
	var text strings.Builder
	fmt.Fprintf(&text, "package %s\n", p.Name)
	for _, s := range specs {
		for _, name := range r.Stubs(s.text) {
			if _, ok := p.taken[name]; !ok {
				fmt.Fprintf(&text, "type %s%s interface{}\n", name, p.paramsOf(s.name))
			}
		}
	}
	f, err := parser.ParseFile(p.fset, "", text.String(), parser.SkipObjectResolution)
	if err != nil {
		return nil // a name that cannot be declared; the text will not do either
	}
	return f
}

// paramsOf returns as many type parameters as a type has.
func (p *Package) paramsOf(name string) string {
	for _, f := range p.files {
		for _, d := range f.Decls {
			gen, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, s := range gen.Specs {
				if ts, ok := s.(*ast.TypeSpec); ok && ts.Name.Name == name && ts.TypeParams.NumFields() > 0 {
					names := make([]string, ts.TypeParams.NumFields())
					for i := range names {
						names[i] = fmt.Sprintf("T%d", i)
					}
					return "[" + strings.Join(names, ", ") + " any]"
				}
			}
		}
	}
	return ""
}

// An Output is a text that is to be a file of the package.
type Output struct {
	Name string
	Text []byte
}

// Verify checks the outputs as part of the package, and returns the first thing that
// the compiler or go vet has to say of them. The error is one of their syntax. The
// errors of other files are theirs.
func (p *Package) Verify(outputs []Output) (*Fault, error) {
	files := slices.Clone(p.files)
	for i, f := range files {
		files[i] = withoutBodies(f)
	}
	own := len(files)
	for _, o := range outputs {
		name, err := filepath.Abs(o.Name)
		if err != nil {
			return nil, err
		}
		out, err := parser.ParseFile(p.fset, name, o.Text, parser.SkipObjectResolution)
		if err != nil {
			return nil, syntaxError(err)
		}
		files = append(files, out)
	}
	within := func(pos token.Pos) bool {
		return slices.ContainsFunc(files[own:], func(f *ast.File) bool { return f.FileStart <= pos && pos <= f.FileEnd })
	}
	var first *Fault
	config := p.config()
	config.Error = func(err error) {
		e, ok := errors.AsType[types.Error](err)
		if ok && first == nil && within(e.Pos) {
			first = faultAt(files[own:], e.Pos)
			first.What = "the output would not compile: " + Errorf(p.fset.Position(e.Pos), "%s", oneLine(e.Msg)).Error()
		}
	}
	info := &types.Info{
		Types: make(map[ast.Expr]types.TypeAndValue), Defs: make(map[*ast.Ident]types.Object), Uses: make(map[*ast.Ident]types.Object),
		Selections: make(map[*ast.SelectorExpr]*types.Selection), Implicits: make(map[ast.Node]types.Object),
		Instances: make(map[*ast.Ident]types.Instance), Scopes: make(map[ast.Node]*types.Scope), FileVersions: make(map[*ast.File]string),
	}
	pkg, _ := config.Check(p.Path, p.fset, files, info)
	if first == nil {
		first = vet(p.fset, files[own:], pkg, info, p.sizes)
	}
	return first, nil
}

// withoutBodies is a copy of a file whose functions have none.
func withoutBodies(f *ast.File) *ast.File {
	short := *f
	short.Decls = slices.Clone(f.Decls)
	for i, d := range short.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok {
			head := *fn
			head.Body = nil
			short.Decls[i] = &head
		}
	}
	return &short
}

// importable says why the output may not import a package, if so.
func (p *Package) importable(path, name string) error {
	own := strings.TrimSuffix(p.Path, "_test")
	switch {
	case name == "main" && path+"_test" != p.Path: // its own test may
		return fmt.Errorf("%s is a program, which cannot be imported", path)
	case !internalOK(path, own):
		return fmt.Errorf("%s is internal to others", path)
	case own == p.Path && p.world.reaches(path, own):
		return fmt.Errorf("%s imports %s, so that cannot import it", path, own)
	}
	return nil
}

// Importable says why the output may not import a package, if so.
func (p *Package) Importable(pkg *types.Package) error { return p.importable(pkg.Path(), pkg.Name()) }

// internalOK is the rule of the go command: what has an element "internal" in
// its path is for the tree around that. What the standard library has vendored
// is for itself.
func internalOK(path, from string) bool {
	if strings.HasPrefix(path, "vendor/") {
		return false
	}
	elems := strings.Split(path, "/")
	for i, elem := range slices.Backward(elems) {
		if elem == "internal" {
			root := strings.Join(elems[:i], "/")
			return root != "" && (from == root || strings.HasPrefix(from, root+"/"))
		}
	}
	return true
}
