package load

import (
	"go/ast"
	"go/build/constraint"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
)

// This file says what can be told of a folder before anything is checked: which types
// it declares, and which of them ask for an output.

// A Mark is a comment //async:gen above a type.
type Mark struct {
	Name, Args string
	Pos        token.Position
	Package    string // of the file
	Test       bool   // the file is one
}

// Marks returns the marks of the folder's files that are built, in their order.
func (all *Folder) Marks() []Mark {
	var list []Mark
	all.eachType(func(f dirFile, s *ast.TypeSpec, doc *ast.CommentGroup) {
		if !f.built || doc == nil {
			return
		}
		for _, line := range doc.List {
			if args, ok := markIn(line); ok {
				list = append(list, Mark{s.Name.Name, args, all.fset.Position(line.Pos()), f.ast.Name.Name, f.test})
			}
		}
	})
	return list
}

// markIn returns the arguments of a comment that is a mark.
func markIn(line *ast.Comment) (args string, ok bool) {
	d, ok := ast.ParseDirective(line.Pos(), line.Text)
	return strings.TrimSpace(d.Args), ok && d.Tool == "async" && d.Name == "gen"
}

// RefuseStray returns an error where a file that is built has a mark that is above no type, or
// above several: it would say nothing. So would any other comment of ours above several types.
func (all *Folder) RefuseStray() error {
	marks := all.Marks()
	for _, f := range all.files {
		if f.ast == nil || !f.built {
			continue
		}
		for _, group := range f.ast.Comments {
			several := aboveSeveral(f.ast, group)
			for _, line := range group.List {
				d, ok := ast.ParseDirective(line.Pos(), line.Text)
				pos := all.fset.Position(line.Pos())
				stray := d.Name == "gen" && !slices.ContainsFunc(marks, func(m Mark) bool { return m.Pos == pos })
				if ok && d.Tool == "async" && (several || stray) {
					return Errorf(pos, "//async:%s: want this directly above one type, within a group of types, too", d.Name)
				}
			}
		}
	}
	return nil
}

// aboveSeveral reports whether a comment is above a group of types, and none of theirs.
func aboveSeveral(f *ast.File, group *ast.CommentGroup) bool {
	for _, d := range f.Decls {
		if gen, ok := d.(*ast.GenDecl); ok && gen.Doc == group && gen.Tok == token.TYPE {
			return len(gen.Specs) != 1 || gen.Specs[0].(*ast.TypeSpec).Doc != nil
		}
	}
	return false
}

// Mark returns the mark of a type.
func (all *Folder) Mark(name string) (Mark, bool) {
	marks := all.Marks()
	i := slices.IndexFunc(marks, func(m Mark) bool { return m.Name == name })
	if i < 0 {
		return Mark{}, false
	}
	return marks[i], true
}

// Declares reports whether a file that is built, and is no test, declares a type.
func (all *Folder) Declares(name string) bool {
	found := false
	all.eachType(func(f dirFile, s *ast.TypeSpec, _ *ast.CommentGroup) {
		found = found || f.built && !f.test && s.Name.Name == name
	})
	return found
}

// TestOf returns the package of the test file that declares a type which no other file that is
// built declares, and reports whether there is such a file.
func (all *Folder) TestOf(name string) (pkg string, ok bool) {
	if all.Declares(name) {
		return "", false
	}
	all.eachType(func(f dirFile, s *ast.TypeSpec, _ *ast.CommentGroup) {
		if f.built && s.Name.Name == name {
			pkg, ok = f.ast.Name.Name, true
		}
	})
	return pkg, ok
}

// Variant returns what tells the output for a type apart where the type, or an interface
// that it embeds, is declared in files for other builds, too: the constraint of the file that
// is built, in words.
func (all *Folder) Variant(name string) string {
	text := ""
	texts, seen := make(map[string]bool), make(map[string]bool)
	var visit func(name string)
	visit = func(name string) {
		if seen[name] {
			return
		}
		seen[name] = true
		variant, parts := all.variantOf(name)
		if x, err := constraint.Parse("//go:build " + variant); err == nil && !texts[variant] {
			texts[variant] = true
			text += "_" + words(x)
		}
		for _, part := range parts {
			visit(part)
		}
	}
	visit(name)
	return text
}

// variantOf returns the constraint of the file that is built and declares a type, where
// files for other builds declare that, too, and what the type is made of.
func (all *Folder) variantOf(name string) (variant string, parts []string) {
	others := false
	all.eachType(func(f dirFile, s *ast.TypeSpec, _ *ast.CommentGroup) {
		switch {
		case s.Name.Name != name:
		case f.built:
			variant = constraintOf(f.ast, all.fset.PositionFor(f.ast.Package, false).Filename)
			parts = madeOf(s.Type)
		default:
			others = true
		}
	})
	if !others {
		variant = ""
	}
	return variant, parts
}

// words is a constraint as part of a file's name.
func words(x constraint.Expr) string {
	switch x := x.(type) {
	case *constraint.AndExpr:
		return words(x.X) + "_" + words(x.Y)
	case *constraint.OrExpr:
		return words(x.X) + "_or_" + words(x.Y)
	case *constraint.NotExpr:
		return "not_" + words(x.X)
	case *constraint.TagExpr:
		return strings.ToLower(filepath.Base(x.Tag))
	}
	return ""
}

// eachType calls visit for each type that a file of the folder declares, with its
// comment.
func (all *Folder) eachType(visit func(f dirFile, s *ast.TypeSpec, doc *ast.CommentGroup)) {
	for _, f := range all.files {
		if f.ast == nil {
			continue
		}
		for _, d := range f.ast.Decls {
			gen, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, s := range gen.Specs {
				if ts, ok := s.(*ast.TypeSpec); ok {
					doc := ts.Doc
					if doc == nil && len(gen.Specs) == 1 {
						doc = gen.Doc
					}
					visit(f, ts, doc)
				}
			}
		}
	}
}
