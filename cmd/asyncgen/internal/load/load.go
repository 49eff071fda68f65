// Package load finds out what asyncgen needs to know of Go code: the package
// that the output is to be part of, and the interfaces that are asked for.
//
// The package itself is parsed and checked without the bodies of its functions
// and without the output, old or missing as that may be. What it imports is read
// from the compiler's export data, or, where there is none because a dependency
// does not compile, from source.
package load

import (
	"errors"
	"fmt"
	"go/ast"
	"go/build"
	"go/token"
	"go/types"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// An Error is what was found wrong, and where.
type Error struct {
	Pos  token.Position // without a file name where there is no place to name
	What string
}

func (e *Error) Error() string {
	if e.Pos.Filename == "" {
		return e.What
	}
	return fmt.Sprintf("%s:%d: %s", shortest(e.Pos.Filename), e.Pos.Line, e.What)
}

// shortest is the name of a file as it is best read from the working directory.
func shortest(name string) string {
	if rest, ok := strings.CutPrefix(name, "$GOROOT"); ok {
		name = build.Default.GOROOT + rest
	}
	wd, err := os.Getwd()
	if err != nil {
		return name
	}
	rel, err := filepath.Rel(wd, name)
	if err != nil || len(rel) > len(name) {
		return name
	}
	return rel
}

// Errorf is an error at a place.
func Errorf(pos token.Position, format string, args ...any) error {
	return &Error{Pos: pos, What: fmt.Sprintf(format, args...)}
}

// A Package is the destination: the package that the output is to be part of,
// without the output.
type Package struct {
	Name string
	Path string // import path; of an external test package with _test at the end

	fset     *token.FileSet
	files    []*ast.File                          // those that are built
	skipped  []*ast.File                          // those that are not, for what they declare
	taken    map[string]token.Position            // package-level names of both
	imports  map[string]token.Position            // names of imports in both
	takenBy  map[string]map[string]token.Position // those by build constraint, where there is one
	types    *types.Package
	errs     []types.Error
	stubFile *ast.File   // what the outputs are going to declare, or nil
	tests    []*ast.File // of the package that an external test is of, with its tests
	tested   *types.Package
	again    map[string]*types.Package // what imports that, by path
	world    *world
	module   *module // of the outputs
	version  string
	sizes    types.Sizes
	roots    []string // import paths of what the package imports, and of what the outputs do
}

// A Type is an interface that was asked for.
type Type struct {
	Spec  string          // as it was asked for
	Path  string          // import path, where it is of another package than the outputs
	Name  *types.TypeName // an alias, or a defined type
	Iface *types.Interface
	Pos   token.Position
	// Constraint is the build constraint of the files that declare the type, and what it
	// embeds.
	Constraint string
}

// find looks up the types asked for.
func (p *Package) find(specs []spec) ([]*Type, error) {
	var found []*Type
	for _, s := range specs {
		scope := p.types.Scope()
		if s.path != "" {
			pkg, err := p.Import(s.path)
			if err != nil {
				return nil, Errorf(token.Position{}, "-type %s: %v", s.text, err)
			}
			if err := p.importable(s.path, pkg.Name()); err != nil {
				return nil, Errorf(token.Position{}, "-type %s: %v", s.text, err)
			}
			scope = pkg.Scope()
		}
		t, err := p.resolve(s, scope)
		if err != nil {
			return nil, err
		}
		found = append(found, t)
	}
	return found, nil
}

// resolve looks up one type and sees to it that it is an interface that can be
// implemented, and wholly known.
func (p *Package) resolve(s spec, scope *types.Scope) (*Type, error) {
	obj := scope.Lookup(s.name)
	if obj == nil {
		return nil, p.notFound(s)
	}
	pos := p.Position(obj.Pos())
	name, ok := obj.(*types.TypeName)
	if !ok {
		return nil, Errorf(pos, "%s is not a type", s.name)
	}
	if s.path != "" && !name.Exported() {
		return nil, Errorf(pos, "%s is not exported", s.text)
	}
	if err := p.errorIn(name, make(map[*types.TypeName]bool)); err != nil {
		return nil, err
	}
	iface, ok := name.Type().Underlying().(*types.Interface)
	switch {
	case !ok:
		return nil, Errorf(pos, "%s is not an interface", s.name)
	case embedsUnknown(iface, make(map[*types.Interface]bool)):
		return nil, Errorf(pos, "%s embeds a type that is not defined", s.name)
	case p.stubIn(iface, make(map[*types.Interface]bool)) != "":
		return nil, Errorf(pos, "%s embeds %s, whose methods are not known before it is written: run asyncgen for that alone, and then for %[1]s alone, by -type",
			s.name, p.stubIn(iface, make(map[*types.Interface]bool)))
	case !iface.IsMethodSet():
		return nil, Errorf(pos, "%s is a constraint and has no values", s.name)
	case iface.NumMethods() == 0:
		return nil, Errorf(pos, "%s has no methods", s.name)
	}
	if err := p.brokenIn(name, iface, make(map[*types.Interface]bool)); err != nil {
		return nil, err
	}
	return &Type{Spec: s.text, Path: s.path, Name: name, Iface: iface, Pos: pos, Constraint: p.builtWhere(name)}, nil
}

// notFound says that there is no such type, and where it may be instead.
func (p *Package) notFound(s spec) error {
	if s.path != "" {
		return Errorf(token.Position{}, "-type %s: no such type in package %s", s.text, s.path)
	}
	if pos, ok := p.taken[s.name]; ok {
		if strings.HasSuffix(pos.Filename, "_test.go") {
			return Errorf(pos, "%s is declared in a test file: -output must name one, too", s.name)
		}
		return Errorf(pos, "%s is declared in a file that is not built here: see -tags", s.name)
	}
	return Errorf(token.Position{}, "-type %s: no such type in package %s", s.text, p.Name)
}

// errorIn returns the first error within the declaration of a type of the
// destination, or of one that it embeds: its methods may not be all there.
func (p *Package) errorIn(name *types.TypeName, seen map[*types.TypeName]bool) error {
	if name.Pkg() != p.types || seen[name] {
		return nil
	}
	seen[name] = true
	spec := p.specOf(name)
	if spec == nil {
		return nil
	}
	for _, e := range p.errs {
		if !e.Soft && spec.Pos() <= e.Pos && e.Pos < spec.End() {
			return Errorf(p.fset.Position(e.Pos), "%s", e.Msg)
		}
	}
	if err := p.importErrorIn(spec); err != nil {
		return err
	}
	return p.errorInEmbedded(spec, name, seen)
}

// importErrorIn returns why a package could not be imported that the declaration of a type
// names. What is of such a package is left out of the type without another error.
func (p *Package) importErrorIn(spec *ast.TypeSpec) error {
	f := p.fileOf(spec.Pos())
	if f == nil {
		return nil
	}
	for _, e := range p.errs {
		for _, s := range f.Imports {
			if !e.Soft && s.Pos() <= e.Pos && e.Pos < s.End() && names(spec, s) {
				return Errorf(p.fset.Position(e.Pos), "%s", e.Msg)
			}
		}
	}
	return nil
}

// names reports whether a declaration names something of an import that has failed, whose
// package goes by the last element of the path then.
func names(spec *ast.TypeSpec, from *ast.ImportSpec) bool {
	name := path.Base(strings.Trim(from.Path.Value, "`\""))
	if from.Name != nil {
		name = from.Name.Name
	}
	found := false
	ast.Inspect(spec, func(n ast.Node) bool {
		if x, ok := n.(*ast.SelectorExpr); ok {
			id, ok := x.X.(*ast.Ident)
			found = found || ok && id.Name == name
		}
		return !found
	})
	return found
}

// brokenIn returns an error of syntax in the file of another package that declares an
// interface, one of its methods, or what it embeds: what stands behind the error may be missing.
func (p *Package) brokenIn(name *types.TypeName, iface *types.Interface, seen map[*types.Interface]bool) error {
	if err := p.world.broken[p.fset.PositionFor(name.Pos(), false).Filename]; err != nil || seen[iface] {
		return err
	}
	seen[iface] = true
	for m := range iface.ExplicitMethods() {
		if err := p.world.broken[p.fset.PositionFor(m.Pos(), false).Filename]; err != nil {
			return err
		}
	}
	for t := range iface.EmbeddedTypes() {
		of := name
		switch t := t.(type) {
		case *types.Alias:
			of = t.Obj()
		case *types.Named:
			of = t.Obj()
		}
		if under, ok := t.Underlying().(*types.Interface); ok {
			if err := p.brokenIn(of, under, seen); err != nil {
				return err
			}
		}
	}
	return nil
}

// embedsUnknown reports whether an interface embeds a type that is not defined, directly or
// not: then methods are missing.
func embedsUnknown(iface *types.Interface, seen map[*types.Interface]bool) bool {
	if seen[iface] {
		return false
	}
	seen[iface] = true
	for t := range iface.EmbeddedTypes() {
		switch under := t.Underlying().(type) {
		case *types.Basic:
			if under.Kind() == types.Invalid {
				return true
			}
		case *types.Interface:
			if embedsUnknown(under, seen) {
				return true
			}
		}
	}
	return false
}

// stubIn returns the name of a type that an interface embeds, directly or not, and that an
// output of this run is going to declare, or nothing.
func (p *Package) stubIn(iface *types.Interface, seen map[*types.Interface]bool) string {
	if seen[iface] || p.stubFile == nil {
		return ""
	}
	seen[iface] = true
	for t := range iface.EmbeddedTypes() {
		if named, ok := types.Unalias(t).(*types.Named); ok {
			if pos := named.Obj().Pos(); p.stubFile.FileStart <= pos && pos <= p.stubFile.FileEnd {
				return named.Obj().Name()
			}
		}
		if under, ok := t.Underlying().(*types.Interface); ok {
			if name := p.stubIn(under, seen); name != "" {
				return name
			}
		}
	}
	return ""
}

func (p *Package) errorInEmbedded(spec *ast.TypeSpec, name *types.TypeName, seen map[*types.TypeName]bool) error {
	var err error
	embedded := func(t types.Type) {
		var next *types.TypeName
		switch t := t.(type) {
		case *types.Alias:
			next = t.Obj()
		case *types.Named:
			next = t.Obj()
		}
		if next != nil && err == nil {
			err = p.errorIn(next, seen)
		}
	}
	if alias, ok := name.Type().(*types.Alias); ok {
		embedded(alias.Rhs())
	}
	if iface, ok := name.Type().Underlying().(*types.Interface); ok {
		for t := range iface.EmbeddedTypes() {
			embedded(t)
		}
	} else if err == nil && name.Type().Underlying() == types.Typ[types.Invalid] {
		err = p.firstError(spec)
	}
	return err
}

// firstError is for a type that is broken by an error elsewhere.
func (p *Package) firstError(spec *ast.TypeSpec) error {
	for _, e := range p.errs {
		if !e.Soft {
			return Errorf(p.fset.Position(e.Pos), "%s", e.Msg)
		}
	}
	return Errorf(p.fset.Position(spec.Pos()), "%s cannot be understood", spec.Name.Name)
}

func (p *Package) specOf(name *types.TypeName) *ast.TypeSpec {
	for _, f := range p.files {
		for _, d := range f.Decls {
			gen, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, s := range gen.Specs {
				if ts, ok := s.(*ast.TypeSpec); ok && ts.Name.Pos() == name.Pos() {
					return ts
				}
			}
		}
	}
	return nil
}

// fileOf returns the file of the package that has a place, or of the package that its external
// tests are of.
func (p *Package) fileOf(pos token.Pos) *ast.File {
	for _, f := range slices.Concat(p.files, p.tests) {
		if f.FileStart <= pos && pos <= f.FileEnd {
			return f
		}
	}
	return nil
}

// Taken returns where the package declares a name at its top level, for a file with a
// build constraint. Files that are never built together with that do not count.
func (p *Package) Taken(name, constraint string) (token.Position, bool) {
	pos, ok := p.takenFor(constraint)[name]
	return pos, ok
}

// takenFor returns the names that are taken for a file with a build constraint.
func (p *Package) takenFor(constraint string) map[string]token.Position {
	if constraint == "" {
		return p.taken
	}
	if names, ok := p.takenBy[constraint]; ok {
		return names
	}
	beside := slices.DeleteFunc(slices.Clone(p.skipped), func(f *ast.File) bool {
		return exclusive(constraintOf(f, p.fset.PositionFor(f.Package, false).Filename), constraint)
	})
	names := declared(p.fset, p.files, beside)
	if p.takenBy == nil {
		p.takenBy = make(map[string]map[string]token.Position)
	}
	p.takenBy[constraint] = names
	return names
}

// Declares returns where the package declares a name, in files that are built or not.
func (p *Package) Declares(name string) (token.Position, bool) {
	pos, ok := p.taken[name]
	return pos, ok
}

// Types is the checked package. Its objects are not those of the final check.
func (p *Package) Types() *types.Package { return p.types }

// Position is where an object is declared.
func (p *Package) Position(pos token.Pos) token.Position {
	at := p.fset.Position(pos)
	at.Filename = p.world.whole(at.Filename)
	return at
}

// Cgo reports whether the file at pos imports "C", whose types nothing else can
// name.
func (p *Package) Cgo(pos token.Pos) bool {
	f := p.fileOf(pos)
	return f != nil && importsC(f)
}

var errNoModule = errors.New("no go.mod here or above: asyncgen works within modules")

// Names returns every name that the package declares at its top level, in files that
// may be built together with one that has a build constraint.
func (p *Package) Names(constraint string) []string {
	return slices.Sorted(maps.Keys(p.takenFor(constraint)))
}

// ImportNames returns the names that files of the package, tests among them, give to what
// they import, and where. None of these can be declared at the top level.
func (p *Package) ImportNames() map[string]token.Position {
	if p.imports == nil {
		p.imports = make(map[string]token.Position)
		for _, f := range slices.Concat(p.files, p.skipped) {
			for _, spec := range f.Imports {
				if spec.Name != nil {
					p.imports[spec.Name.Name] = p.fset.Position(spec.Name.Pos())
				}
			}
		}
	}
	return p.imports
}
