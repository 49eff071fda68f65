package repo_test

import (
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite "+apiFile+" from the source")

const apiFile = "api/async.txt"

// TestAPI compares the exported surface of the package, one line for each
// function, type, field, method, constant and variable, with the file that
// states it, so that none changes unseen.
func TestAPI(t *testing.T) {
	got := exported(loadRoot(t).pkg)
	if *update {
		write(t, apiFile, got)
		return
	}
	data, err := os.ReadFile(apiFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	want := strings.FieldsFunc(string(data), func(r rune) bool { return r == '\n' || r == '\r' })
	if slices.Equal(got, want) {
		return
	}
	var diff strings.Builder
	for _, line := range want {
		if !slices.Contains(got, line) {
			fmt.Fprintf(&diff, "- %s\n", line)
		}
	}
	for _, line := range got {
		if !slices.Contains(want, line) {
			fmt.Fprintf(&diff, "+ %s\n", line)
		}
	}
	if diff.Len() == 0 {
		diff.WriteString("the lines of the file are not in order, or not once each\n")
	}
	t.Errorf("the package is not what %s says:\n%sIf that is meant, run\n\tmake update\nand state it in CHANGELOG.md.", apiFile, &diff)
}

func write(t *testing.T, file string, lines []string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

// A surface collects the lines of one package.
type surface struct {
	pkg   *types.Package
	lines []string
}

func exported(pkg *types.Package) []string {
	s := &surface{pkg: pkg}
	for _, name := range pkg.Scope().Names() {
		if obj := pkg.Scope().Lookup(name); obj.Exported() {
			s.object(obj)
		}
	}
	slices.Sort(s.lines)
	return s.lines
}

func (s *surface) addf(format string, args ...any) {
	s.lines = append(s.lines, fmt.Sprintf(format, args...))
}

func (s *surface) object(obj types.Object) {
	switch obj := obj.(type) {
	case *types.Const:
		s.addf("const %s %s = %s", obj.Name(), s.text(obj.Type()), obj.Val())
	case *types.Var:
		s.addf("var %s %s", obj.Name(), s.text(obj.Type()))
	case *types.Func:
		sig := obj.Signature()
		s.addf("func %s%s%s", obj.Name(), s.typeParams(sig.TypeParams()), s.signature(sig))
	case *types.TypeName:
		s.typeName(obj)
	}
}

func (s *surface) typeName(obj *types.TypeName) {
	if obj.IsAlias() {
		s.addf("type %s = %s", obj.Name(), s.text(types.Unalias(obj.Type())))
		return
	}
	named := obj.Type().(*types.Named)
	head := "type " + obj.Name() + s.typeParams(named.TypeParams())
	switch u := named.Underlying().(type) {
	case *types.Struct:
		s.addf("%s struct", head)
		s.fields(obj.Name(), u)
	case *types.Interface:
		s.addf("%s %s", head, s.iface(u))
	default:
		s.addf("%s %s", head, s.text(u))
	}
	s.methods(named)
}

// fields adds the fields of a struct that its users can name, those of embedded
// structs included.
func (s *surface) fields(owner string, st *types.Struct) {
	for f := range st.Fields() {
		if f.Exported() {
			s.addf("field %s.%s %s", owner, f.Name(), s.text(f.Type()))
		} else if inner, ok := f.Type().Underlying().(*types.Struct); ok && f.Embedded() {
			s.fields(owner, inner)
		}
	}
}

// iface says what an interface is beside its exported methods, which are lines
// of their own.
func (s *surface) iface(u *types.Interface) string {
	if !u.IsMethodSet() {
		return s.text(u)
	}
	for m := range u.Methods() {
		if !m.Exported() {
			return "interface, unexported methods"
		}
	}
	return "interface"
}

// methods adds the methods of a type, those promoted from embedded fields
// included: whoever embeds a mutex exports it.
func (s *surface) methods(named *types.Named) {
	values := types.NewMethodSet(named)
	all := values
	if !types.IsInterface(named) {
		all = types.NewMethodSet(types.NewPointer(named))
	}
	for sel := range all.Methods() {
		m := sel.Obj().(*types.Func)
		if !m.Exported() {
			continue
		}
		star := "*"
		if values.Lookup(m.Pkg(), m.Name()) != nil {
			star = ""
		}
		s.addf("method (%s%s) %s%s", star, receiver(named), m.Name(), s.signature(sel.Type().(*types.Signature)))
	}
}

// receiver writes a type as a method's receiver: with its parameters' names.
func receiver(named *types.Named) string {
	var names []string
	for p := range named.TypeParams().TypeParams() {
		names = append(names, p.Obj().Name())
	}
	if names == nil {
		return named.Obj().Name()
	}
	return named.Obj().Name() + "[" + strings.Join(names, ", ") + "]"
}

func (s *surface) typeParams(list *types.TypeParamList) string {
	var params []string
	for p := range list.TypeParams() {
		params = append(params, p.Obj().Name()+" "+s.text(p.Constraint()))
	}
	if params == nil {
		return ""
	}
	return "[" + strings.Join(params, ", ") + "]"
}

func (s *surface) signature(sig *types.Signature) string {
	return strings.TrimPrefix(s.text(sig), "func")
}

// text writes a type without the names of parameters, which promise nothing.
func (s *surface) text(t types.Type) string {
	return types.TypeString(unnamed(t), func(p *types.Package) string {
		if p == s.pkg {
			return ""
		}
		return p.Name()
	})
}

// unnamed takes the names of parameters and results out of a type.
func unnamed(t types.Type) types.Type {
	switch t := t.(type) {
	case *types.Signature:
		return types.NewSignatureType(nil, nil, nil, unnamedTuple(t.Params()), unnamedTuple(t.Results()), t.Variadic())
	case *types.Pointer:
		return types.NewPointer(unnamed(t.Elem()))
	case *types.Slice:
		return types.NewSlice(unnamed(t.Elem()))
	case *types.Map:
		return types.NewMap(unnamed(t.Key()), unnamed(t.Elem()))
	case *types.Chan:
		return types.NewChan(t.Dir(), unnamed(t.Elem()))
	}
	return t
}

func unnamedTuple(tuple *types.Tuple) *types.Tuple {
	var vars []*types.Var
	for v := range tuple.Variables() {
		vars = append(vars, types.NewParam(v.Pos(), v.Pkg(), "", unnamed(v.Type())))
	}
	return types.NewTuple(vars...)
}

// unshown are the exported names of each package that have no Example with an output,
// and the reason. The methods in calledByOthers have none either.
var unshown = map[string]map[string]string{
	".": {
		"Chan.Done": "the waits call it",
	},
	"asyncview": {
		"Call":     schema,
		"Canceled": schema,
		"Class":    schema,
		"Detail":   schema,
		"Group":    schema,
		"Kind":     schema,
		"Point":    schema,
		"Query":    schema,
		"Ref":      schema,
		"Scope":    schema,
		"Severity": schema,
		"Sort":     schema,
		"State":    schema,
		"Stats":    schema,
		"Total":    schema,
		"Wait":     schema,
		"Wrong":    schema,
	},
	"asynctest": {
		"ExploreOptions": exploring,
		"Point":          exploring,
		"Run":            exploring,
		"Run.Go":         exploring,
		"Run.Check":      exploring,
		"Run.Error":      exploring,
		"Run.Errorf":     exploring,
		"Run.Fatalf":     exploring,
		"Run.FailNow":    exploring,
		"Run.Helper":     exploring,
	},
}

const schema = "a part of the JSON, which ExampleReport shows"

const exploring = "ExampleExplore shows it"

// calledByOthers are the methods that packages errors and fmt call.
var calledByOthers = []string{"Error", "Unwrap", "Is", "As", "String"}

// TestAPI_Examples lists the exported functions, types and methods without an Example:
// on pkg.go.dev the examples are the documentation. A type is shown by an Example of
// one of its methods, or of a function that returns it, too.
func TestAPI_Examples(t *testing.T) {
	for dir, exempt := range unshown {
		shown := examplesOf(t, dir)
		for name, ok := range shown {
			_, method, _ := strings.Cut(name, ".")
			switch reason := exempt[name]; {
			case ok && reason != "":
				t.Errorf("%s: %s has an Example, and is listed as one without", dir, name)
			case !ok && reason == "" && !slices.Contains(calledByOthers, method):
				t.Errorf("%s: %s has no Example", dir, name)
			}
		}
		for name := range exempt {
			if _, ok := shown[name]; !ok {
				t.Errorf("%s: %s is listed as one without an Example, and does not exist", dir, name)
			}
		}
	}
}

// examplesOf returns every exported function, type and method of the package in dir,
// and whether it has an Example.
func examplesOf(t *testing.T, dir string) map[string]bool {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, path := range paths {
		f, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	pkg, err := doc.NewFromFiles(fset, files, modulePath)
	if err != nil {
		t.Fatal(err)
	}
	shown := make(map[string]bool)
	add := func(fs []*doc.Func, prefix string) (some bool) {
		for _, f := range fs {
			shown[prefix+f.Name] = shown[prefix+f.Name] || hasOutput(f.Examples)
			some = some || shown[prefix+f.Name]
		}
		return some
	}
	add(pkg.Funcs, "")
	for _, typ := range pkg.Types {
		byFunc, byMethod := add(typ.Funcs, ""), add(typ.Methods, typ.Name+".")
		shown[typ.Name] = hasOutput(typ.Examples) || byFunc || byMethod
	}
	return shown
}

// hasOutput reports whether one of the examples is run and its output compared.
func hasOutput(examples []*doc.Example) bool {
	return slices.ContainsFunc(examples, func(e *doc.Example) bool { return e.Output != "" || e.EmptyOutput })
}
