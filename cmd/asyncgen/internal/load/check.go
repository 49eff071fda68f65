package load

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/types"
	"path/filepath"
	"slices"
	"strings"
)

// check checks the destination, with stubs for what the output will declare.
func (p *Package) check(r Request, specs []spec) {
	files := p.files
	if stubs := p.stubs(r, specs); stubs != nil {
		files = append(slices.Clone(files), stubs)
	}
	config := p.config()
	config.IgnoreFuncBodies = true
	config.Error = func(err error) {
		if e, ok := errors.AsType[types.Error](err); ok {
			p.errs = append(p.errs, e)
		}
	}
	p.types, _ = config.Check(p.Path, p.fset, files, nil)
	if p.types.Name() == "" || len(files) == 0 {
		p.types = types.NewPackage(p.Path, p.Name)
	}
}

func (p *Package) config() types.Config {
	return types.Config{Importer: p.world, FakeImportC: true, GoVersion: p.version}
}

// stubs is a file that declares the types of the output, as far as others need
// them to be checked.
func (p *Package) stubs(r Request, specs []spec) *ast.File {
	var text strings.Builder
	fmt.Fprintf(&text, "package %s\n", p.Name)
	for _, s := range specs {
		for _, name := range r.Stubs(s.name) {
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

// Verify checks text, the output, as part of the package, and returns the first
// error within it. The errors of other files are theirs.
func (p *Package) Verify(name string, text []byte) error {
	files := slices.Clone(p.files)
	for i, f := range files {
		files[i] = withoutBodies(f)
	}
	name, err := filepath.Abs(name)
	if err != nil {
		return err
	}
	out, err := parser.ParseFile(p.fset, name, text, parser.SkipObjectResolution)
	if err != nil {
		return syntaxError(err)
	}
	var first error
	config := p.config()
	config.Error = func(err error) {
		e, ok := errors.AsType[types.Error](err)
		if ok && first == nil && out.FileStart <= e.Pos && e.Pos <= out.FileEnd {
			first = Errorf(p.fset.Position(e.Pos), "%s", oneLine(e.Msg))
		}
	}
	_, _ = config.Check(p.Path, p.fset, append(files, out), nil)
	return first
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
	case name == "main":
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
