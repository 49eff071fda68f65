package load

import (
	"go/ast"
	"go/build"
	"go/build/constraint"
	"io"
	"path/filepath"
	"strings"
)

// constraintOf returns the build constraint of a file: its go:build line, what
// its name says, and cgo where it imports "C". What is made of the file is to be
// built where it is.
func constraintOf(f *ast.File, name string) string {
	if f == nil {
		return ""
	}
	var all []constraint.Expr
	for _, group := range f.Comments {
		if group.Pos() > f.Package {
			break
		}
		for _, c := range group.List {
			if x, err := constraint.Parse(c.Text); err == nil && constraint.IsGoBuild(c.Text) {
				all = append(all, x)
			}
		}
	}
	for _, tag := range tagsOfName(filepath.Base(name)) {
		all = append(all, &constraint.TagExpr{Tag: tag})
	}
	if importsC(f) {
		all = append(all, &constraint.TagExpr{Tag: "cgo"})
	}
	return And(all...)
}

// And joins constraints.
func And(all ...constraint.Expr) string {
	if len(all) == 0 {
		return ""
	}
	x := all[0]
	for _, y := range all[1:] {
		x = &constraint.AndExpr{X: x, Y: y}
	}
	return x.String()
}

// tagsOfName returns the operating system and architecture that the name of a
// file stands for: name_GOOS, name_GOARCH, or name_GOOS_GOARCH.
func tagsOfName(name string) []string {
	name = strings.TrimSuffix(strings.TrimSuffix(name, ".go"), "_test")
	elems := strings.Split(name, "_")
	n := len(elems)
	switch {
	case n >= 3 && known(elems[n-2]) && known(elems[n-1]):
		return elems[n-2:]
	case n >= 2 && known(elems[n-1]):
		return elems[n-1:]
	}
	return nil
}

// known reports whether the go command takes a word at the end of a file's name
// for a constraint: a context that is of no system leaves such a file out.
func known(word string) bool {
	ctx := build.Context{GOOS: "none", GOARCH: "none", Compiler: "gc", OpenFile: func(string) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader("package p\n")), nil
	}}
	ok, err := ctx.MatchFile("", "x_"+word+".go")
	return err == nil && !ok
}
