package load

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// A Comment is what the source says above a method or a type.
type Comment struct {
	Text       string // without the directives; lines end in a newline
	Directives []Directive

	Type  string      // of a method: the type that declares it, which others may embed
	Above []Directive // and those above that
}

// A Directive is one comment of the form //async:name args.
type Directive struct {
	Name, Args string
	Pos        token.Position
}

// MethodComment returns the comment of an interface's method, which may be declared
// in any package whose source is there. Where the source cannot be read, the comment
// is empty.
func (p *Package) MethodComment(fn *types.Func) Comment {
	f, line := p.sourceOf(fn)
	if f == nil {
		return Comment{}
	}
	var found *ast.Field
	ast.Inspect(f, func(n ast.Node) bool {
		if t, ok := n.(*ast.InterfaceType); ok {
			for _, field := range t.Methods.List {
				if len(field.Names) == 1 && field.Names[0].Name == fn.Name() && p.line(field.Names[0].Pos()) == line {
					found = field
				}
			}
		}
		return found == nil
	})
	if found == nil {
		return Comment{}
	}
	c := p.comment(found.Doc, found.Comment)
	if gen, spec := typeAround(f, found.Pos()); spec != nil {
		c.Type, c.Above = spec.Name.Name, p.specComment(gen, spec).Directives
	}
	return c
}

// TypeComment returns the comment of a type's declaration.
func (p *Package) TypeComment(name *types.TypeName) Comment {
	f, line := p.sourceOf(name)
	if f == nil {
		return Comment{}
	}
	gen, spec := p.typeSpec(f, name.Name(), line)
	if spec == nil {
		return Comment{}
	}
	return p.specComment(gen, spec)
}

func (p *Package) specComment(gen *ast.GenDecl, spec *ast.TypeSpec) Comment {
	if spec.Doc == nil && len(gen.Specs) == 1 {
		return p.comment(gen.Doc, spec.Comment)
	}
	return p.comment(spec.Doc, spec.Comment)
}

// typeAround returns the declaration of the type that a place of a file is within.
func typeAround(f *ast.File, pos token.Pos) (*ast.GenDecl, *ast.TypeSpec) {
	for _, d := range f.Decls {
		gen, ok := d.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, s := range gen.Specs {
			if ts, ok := s.(*ast.TypeSpec); ok && ts.Pos() <= pos && pos < ts.End() {
				return gen, ts
			}
		}
	}
	return nil, nil
}

// NamesIn returns the names that the file of a type gives to imports, by path.
func (p *Package) NamesIn(name *types.TypeName) map[string]string {
	names := make(map[string]string)
	f, _ := p.sourceOf(name)
	if f == nil {
		return names
	}
	for _, spec := range f.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err == nil && spec.Name != nil && spec.Name.Name != "_" && spec.Name.Name != "." {
			names[path] = spec.Name.Name
		}
	}
	return names
}

// comment reads comment groups. The text is that of the first.
func (p *Package) comment(doc, trailing *ast.CommentGroup) Comment {
	c := Comment{Text: doc.Text()}
	for _, group := range []*ast.CommentGroup{doc, trailing} {
		if group == nil {
			continue
		}
		for _, line := range group.List {
			d, ok := ast.ParseDirective(line.Pos(), line.Text)
			if ok && d.Tool == "async" {
				c.Directives = append(c.Directives, Directive{d.Name, strings.TrimSpace(d.Args), p.fset.Position(line.Pos())})
			}
		}
	}
	return c
}

// line is the line of the file itself, whatever //line comments say.
func (p *Package) line(pos token.Pos) int { return p.fset.PositionFor(pos, false).Line }

// sourceOf returns the syntax of the file that declares an object, and the line.
func (p *Package) sourceOf(obj types.Object) (*ast.File, int) {
	if !obj.Pos().IsValid() || obj.Pkg() == nil {
		return nil, 0
	}
	at := p.fset.PositionFor(obj.Pos(), false)
	if f := p.fileOf(obj.Pos()); f != nil {
		return f, at.Line
	}
	return p.world.syntax(obj.Pkg().Path(), at.Filename), at.Line
}

// syntax parses a file of a listed package with its comments, once. The export data
// may have another folder than the file is in, so the file goes by its base name.
func (w *world) syntax(path, filename string) *ast.File {
	p := w.listed[path]
	if p == nil {
		return nil
	}
	for _, name := range p.GoFiles {
		if filepath.Base(name) != filepath.Base(filename) {
			continue
		}
		if f, ok := w.parsed[name]; ok {
			return f
		}
		f, _ := parser.ParseFile(w.fset, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		w.parsed[name] = f
		return f
	}
	return nil
}

// whole is the name of a file with its folder. Export data that was made with -trimpath has the
// import path in place of that, and the version of the module within.
func (w *world) whole(name string) string {
	if filepath.IsAbs(name) || strings.HasPrefix(name, "$") {
		return name
	}
	elems := strings.Split(path.Dir(name), "/")
	for i, elem := range elems {
		elems[i], _, _ = strings.Cut(elem, "@")
	}
	if p := w.listed[strings.Join(elems, "/")]; p != nil {
		for _, file := range p.GoFiles {
			if filepath.Base(file) == path.Base(name) {
				return file
			}
		}
	}
	return name
}
