package load

import (
	"cmp"
	"errors"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A fileSet is the destination's files, without the outputs.
type fileSet struct {
	name, path string
	fset       *token.FileSet
	built      []*ast.File
	skipped    []*ast.File
	tests      []*ast.File // of the package itself, where the outputs are of an external test
}

// scan reads the folder of the outputs. The package of the outputs decides which of
// the files are of it: those that are built, with the in-package tests where the
// outputs are tests, or the files of an external test.
func (ss *Session) scan(r *Request, mod *module) (*fileSet, error) {
	first := r.Outputs[0]
	dir := filepath.Dir(first)
	folder, err := ss.Folder(dir)
	if err != nil {
		return nil, err
	}
	all := folder.without(r.Outputs)
	s := &fileSet{fset: ss.fset}
	if s.path, err = mod.pathOf(dir); err != nil {
		return nil, err
	}
	base, err := all.packageName(first)
	if err != nil {
		return nil, err
	}
	test := strings.HasSuffix(first, "_test.go")
	s.name = cmp.Or(r.Package, base, clauseOf(first))
	external := false
	switch {
	case s.name == "":
		return nil, Errorf(token.Position{}, "no Go files in %s: -package must name the package", shortest(dir))
	case base != "" && test && s.name == base+"_test":
		s.path += "_test"
		external = true
	case base != "" && s.name != base:
		return nil, Errorf(token.Position{}, "-package %s: the folder of %s has package %s", s.name, shortest(first), base)
	}
	for _, f := range all.files {
		if external && f.built && f.ast != nil && f.ast.Name != nil && f.ast.Name.Name == base {
			s.tests = append(s.tests, f.ast)
		}
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
	name        string
	ast         *ast.File
	built, test bool
	err         error // of the syntax
}

// A Folder is the Go files of one folder, parsed.
type Folder struct {
	Dir   string
	fset  *token.FileSet
	files []dirFile
}

// Folder parses every Go file of a folder, once.
func (ss *Session) Folder(dir string) (*Folder, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if f := ss.folders[dir]; f != nil {
		return f, nil
	}
	ctx, err := ss.buildContext(dir)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	all := &Folder{Dir: dir, fset: ss.fset}
	for _, e := range entries {
		name := e.Name()
		if e.IsDir() || filepath.Ext(name) != ".go" || strings.HasPrefix(name, "_") || strings.HasPrefix(name, ".") {
			continue
		}
		f := dirFile{name: name, test: strings.HasSuffix(name, "_test.go")}
		f.built, _ = ctx.MatchFile(dir, name) // an error is one of syntax, which the parser tells better
		f.ast, f.err = parse(ss.fset, filepath.Join(dir, name))
		f.built = f.built && (ctx.CgoEnabled || f.ast == nil || !importsC(f.ast))
		all.files = append(all.files, f)
	}
	ss.folders[dir] = all
	return all, nil
}

// parse parses a file. An output of this tool in which a merge has left its marks is
// parsed as one side had it: the output itself is to be written again, some time.
func parse(fset *token.FileSet, name string) (*ast.File, error) {
	const mode = parser.ParseComments | parser.SkipObjectResolution
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	f, err := parser.ParseFile(fset, name, text, mode)
	if err == nil {
		return f, nil
	}
	if _, ours := Ours(text); ours {
		f, _ = parser.ParseFile(fset, name, oneSide(text), mode)
		return f, nil
	}
	return f, syntaxError(err)
}

// without is the folder without some of its files.
func (all *Folder) without(names []string) *Folder {
	less := *all
	less.files = slices.DeleteFunc(slices.Clone(all.files), func(f dirFile) bool {
		return slices.ContainsFunc(names, func(name string) bool { return filepath.Base(name) == f.name })
	})
	return &less
}

// packageName returns the name of the package that the folder holds, or nothing
// where it has no Go files.
func (all *Folder) packageName(output string) (string, error) {
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
