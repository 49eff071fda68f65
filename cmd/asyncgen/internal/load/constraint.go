package load

import (
	"go/ast"
	"go/build"
	"go/build/constraint"
	"io"
	"path/filepath"
	"slices"
	"strings"
)

// constraintOf returns the build constraint of a file: its go:build line, what
// its name says, and cgo where it imports "C". What is made of the file is to be
// built where it is.
func constraintOf(f *ast.File, name string) string {
	if f == nil {
		return ""
	}
	all, old := linesOf(f)
	if len(all) == 0 {
		all = old
	}
	for _, tag := range tagsOfName(filepath.Base(name)) {
		all = append(all, &constraint.TagExpr{Tag: tag})
	}
	if importsC(f) {
		all = append(all, &constraint.TagExpr{Tag: "cgo"})
	}
	return And(all...)
}

// linesOf returns the constraints above the package clause: the go:build line, and the +build
// lines, which the go command reads where there is no other and which end before the comment of
// the package.
func linesOf(f *ast.File) (lines, old []constraint.Expr) {
	for _, group := range f.Comments {
		if group.Pos() > f.Package {
			break
		}
		for _, c := range group.List {
			x, err := constraint.Parse(c.Text)
			switch {
			case err != nil:
			case constraint.IsGoBuild(c.Text):
				lines = append(lines, x)
			case group != f.Doc:
				old = append(old, x)
			}
		}
	}
	return lines, old
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

// ConstraintOfName is the build constraint that the name of a file stands for.
func ConstraintOfName(name string) string {
	var all []constraint.Expr
	for _, tag := range tagsOfName(filepath.Base(name)) {
		all = append(all, &constraint.TagExpr{Tag: tag})
	}
	return And(all...)
}

// Join joins constraints that are written out, of which some may be empty.
func Join(texts ...string) string {
	var all []constraint.Expr
	for _, text := range texts {
		if x, err := constraint.Parse("//go:build " + text); err == nil {
			all = append(all, x)
		}
	}
	return And(all...)
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
	ctx := build.Context{GOOS: "none", GOARCH: "none", Compiler: "gc", OpenFile: emptyFile}
	ok, err := ctx.MatchFile("", "x_"+word+".go")
	return err == nil && !ok
}

// exclusive reports whether no build satisfies both constraints. Of each operating
// system and architecture that they name a build has one at most; what else they name
// may be set or not. Where they name too much to be tried, they are not exclusive.
func exclusive(a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	x, errX := constraint.Parse("//go:build " + a)
	y, errY := constraint.Parse("//go:build " + b)
	if errX != nil || errY != nil {
		return false
	}
	both := &constraint.AndExpr{X: x, Y: y}
	systems, architectures, others := tagsIn(both)
	if len(others) > 12 {
		return false
	}
	for _, system := range systems {
		for _, architecture := range architectures {
			for set := range 1 << len(others) {
				ok := both.Eval(func(tag string) bool {
					switch i := slices.Index(others, tag); {
					case i >= 0:
						return set>>i&1 == 1
					case tag == "unix":
						return unix(system)
					}
					return tag == system || tag == architecture || tag == "linux" && system == "android"
				})
				if ok {
					return false
				}
			}
		}
	}
	return true
}

// tagsIn sorts the tags of a constraint: operating systems and architectures, each
// with one that is not named, and the others.
func tagsIn(x constraint.Expr) (systems, architectures, others []string) {
	systems, architectures = []string{"none"}, []string{"none"}
	seen := make(map[string]bool)
	var visit func(x constraint.Expr)
	visit = func(x constraint.Expr) {
		switch x := x.(type) {
		case *constraint.AndExpr:
			visit(x.X)
			visit(x.Y)
		case *constraint.OrExpr:
			visit(x.X)
			visit(x.Y)
		case *constraint.NotExpr:
			visit(x.X)
		case *constraint.TagExpr:
			tag := x.Tag
			switch {
			case seen[tag]:
			case tag == "unix":
				systems = append(systems, "linux")
			case known(tag) && isArchitecture(tag):
				architectures = append(architectures, tag)
			case known(tag):
				systems = append(systems, tag)
			default:
				others = append(others, tag)
			}
			seen[tag] = true
		}
	}
	visit(x)
	return systems, architectures, others
}

// isArchitecture tells the two kinds of known words apart: a context of that
// architecture takes the file.
func isArchitecture(word string) bool {
	ctx := build.Context{GOOS: "none", GOARCH: word, Compiler: "gc", OpenFile: emptyFile}
	ok, err := ctx.MatchFile("", "x_"+word+".go")
	return err == nil && ok
}

// unix reports whether a system has the build tag unix.
func unix(system string) bool {
	ctx := build.Context{GOOS: system, GOARCH: "none", Compiler: "gc", OpenFile: func(string) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader("//go:build unix\n\npackage p\n")), nil
	}}
	ok, err := ctx.MatchFile("", "x.go")
	return err == nil && ok
}

func emptyFile(string) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader("package p\n")), nil
}
