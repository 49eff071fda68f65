package load

import (
	"go/ast"
	"go/build/constraint"
	"go/types"
)

// This file says what an interface is made of: other interfaces of its package, whose files
// may be built elsewhere than its own, and whose comments are of its methods, too.

// madeOf returns the names of what a type expression is made of, as far as they have no
// package before them: another name of a type, or what an interface embeds.
func madeOf(x ast.Expr) []string {
	switch x := x.(type) {
	case *ast.Ident:
		return []string{x.Name}
	case *ast.ParenExpr:
		return madeOf(x.X)
	case *ast.IndexExpr:
		return madeOf(x.X)
	case *ast.IndexListExpr:
		return madeOf(x.X)
	case *ast.InterfaceType:
		var list []string
		for _, field := range x.Methods.List {
			if len(field.Names) == 0 {
				list = append(list, madeOf(field.Type)...)
			}
		}
		return list
	}
	return nil
}

// typeSpec returns the declaration of a type of a file, in a line of that.
func (p *Package) typeSpec(f *ast.File, name string, line int) (*ast.GenDecl, *ast.TypeSpec) {
	for _, d := range f.Decls {
		gen, ok := d.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, s := range gen.Specs {
			if ts, ok := s.(*ast.TypeSpec); ok && ts.Name.Name == name && p.line(ts.Name.Pos()) == line {
				return gen, ts
			}
		}
	}
	return nil, nil
}

// builtWhere returns the build constraint of a type: that of the file which declares it, and
// those of the files that declare what it is made of.
func (p *Package) builtWhere(name *types.TypeName) string {
	var all []constraint.Expr
	texts := make(map[string]bool)
	seen := make(map[*types.TypeName]bool)
	var visit func(obj *types.TypeName)
	visit = func(obj *types.TypeName) {
		f, line := p.sourceOf(obj)
		if f == nil || seen[obj] {
			return
		}
		seen[obj] = true
		text := constraintOf(f, p.fset.PositionFor(obj.Pos(), false).Filename)
		if x, err := constraint.Parse("//go:build " + text); err == nil && !texts[text] {
			texts[text] = true
			all = append(all, x)
		}
		_, spec := p.typeSpec(f, obj.Name(), line)
		if spec == nil {
			return
		}
		for _, part := range madeOf(spec.Type) {
			if next, ok := obj.Pkg().Scope().Lookup(part).(*types.TypeName); ok {
				visit(next)
			}
		}
	}
	visit(name)
	return And(all...)
}
