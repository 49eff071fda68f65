package load

import (
	"cmp"
	"errors"
	"go/ast"
	"go/build"
	"go/parser"
	"go/scanner"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A fileSet is the destination's files, without the output.
type fileSet struct {
	name, path string
	fset       *token.FileSet
	built      []*ast.File
	skipped    []*ast.File
}

// scan reads the folder of the output. The package of the output decides which
// of the files are of it: those that are built, with the in-package tests where
// the output is one, or the files of an external test.
func scan(r Request, mod *module) (*fileSet, error) {
	dir := filepath.Dir(r.Output)
	ctx, err := buildContext(dir, r.Tags)
	if err != nil {
		return nil, err
	}
	all, err := parseDir(ctx, dir, filepath.Base(r.Output))
	if err != nil {
		return nil, err
	}
	s := &fileSet{fset: all.fset}
	if s.path, err = mod.pathOf(dir); err != nil {
		return nil, err
	}
	base, err := all.packageName(r.Output)
	if err != nil {
		return nil, err
	}
	test := strings.HasSuffix(r.Output, "_test.go")
	s.name = cmp.Or(r.Package, base, clauseOf(r.Output))
	switch {
	case s.name == "":
		return nil, Errorf(token.Position{}, "no Go files in %s: -package must name the package", shortest(dir))
	case base != "" && test && s.name == base+"_test":
		s.path += "_test"
	case base != "" && s.name != base:
		return nil, Errorf(token.Position{}, "-package %s: the folder of %s has package %s", s.name, shortest(r.Output), base)
	}
	for _, f := range all.files {
		if err := s.sort(f, test); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// sort puts a file where it belongs.
func (s *fileSet) sort(f dirFile, test bool) error {
	switch {
	case f.ast == nil || f.ast.Name == nil || f.ast.Name.Name != s.name:
	case f.built && (test || !f.test):
		s.built = append(s.built, f.ast)
		if f.err != nil {
			return f.err
		}
	default:
		s.skipped = append(s.skipped, f.ast)
	}
	return nil
}

// A dirFile is one Go file of a folder.
type dirFile struct {
	ast         *ast.File
	built, test bool
	err         error // of the syntax
}

type dirFiles struct {
	fset  *token.FileSet
	files []dirFile
}

// parseDir parses every Go file of a folder but one, by name.
func parseDir(ctx *build.Context, dir, but string) (*dirFiles, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	all := &dirFiles{fset: token.NewFileSet()}
	for _, e := range entries {
		name := e.Name()
		if e.IsDir() || filepath.Ext(name) != ".go" || name == but || strings.HasPrefix(name, "_") || strings.HasPrefix(name, ".") {
			continue
		}
		f := dirFile{test: strings.HasSuffix(name, "_test.go")}
		f.built, _ = ctx.MatchFile(dir, name) // an error is one of syntax, which the parser tells better
		f.ast, f.err = parser.ParseFile(all.fset, filepath.Join(dir, name), nil, parser.ParseComments|parser.SkipObjectResolution)
		f.err = syntaxError(f.err)
		f.built = f.built && (ctx.CgoEnabled || f.ast == nil || !importsC(f.ast))
		all.files = append(all.files, f)
	}
	return all, nil
}

// packageName returns the name of the package that the folder holds, or nothing
// where it has no Go files.
func (all *dirFiles) packageName(output string) (string, error) {
	var first *ast.File
	for _, test := range []bool{false, true} {
		for _, f := range all.files {
			if f.test != test || !f.built || f.ast == nil || f.ast.Name == nil {
				continue
			}
			switch name := f.ast.Name.Name; {
			case test && first != nil, name == "_":
			case first == nil:
				first = f.ast
			case name != first.Name.Name:
				return "", Errorf(all.fset.Position(f.ast.Name.Pos()), "package %s beside package %s in one folder; %s can be of one only",
					name, first.Name.Name, filepath.Base(output))
			}
			if test && first != nil {
				return strings.TrimSuffix(first.Name.Name, "_test"), nil
			}
		}
	}
	if first == nil {
		return "", nil
	}
	return first.Name.Name, nil
}

// clauseOf returns the package that the old output is of, if there is one.
func clauseOf(output string) string {
	f, err := parser.ParseFile(token.NewFileSet(), output, nil, parser.PackageClauseOnly)
	if err != nil {
		return ""
	}
	return f.Name.Name
}

// syntaxError is the first of what the parser found.
func syntaxError(err error) error {
	if list, ok := errors.AsType[scanner.ErrorList](err); ok && len(list) > 0 {
		return &Error{Pos: list[0].Pos, What: list[0].Msg}
	}
	return err
}

// declared returns the package-level names of files, and where they are.
func declared(fset *token.FileSet, lists ...[]*ast.File) map[string]token.Position {
	names := make(map[string]token.Position)
	add := func(id *ast.Ident) {
		if _, ok := names[id.Name]; !ok && id.Name != "_" {
			names[id.Name] = fset.Position(id.Pos())
		}
	}
	for _, f := range slices.Concat(lists...) {
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil && d.Name.Name != "init" {
					add(d.Name)
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					switch s := s.(type) {
					case *ast.TypeSpec:
						add(s.Name)
					case *ast.ValueSpec:
						for _, id := range s.Names {
							add(id)
						}
					}
				}
			}
		}
	}
	return names
}

// importsOf returns the import paths of files, each once.
func importsOf(files []*ast.File) []string {
	var paths []string
	for _, f := range files {
		for _, spec := range f.Imports {
			if path, err := strconv.Unquote(spec.Path.Value); err == nil && path != "C" && path != "unsafe" {
				paths = append(paths, path)
			}
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

func importsC(f *ast.File) bool {
	return slices.ContainsFunc(f.Imports, func(s *ast.ImportSpec) bool { return s.Path.Value == `"C"` })
}
