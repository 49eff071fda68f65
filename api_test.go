package async_test

import (
	"errors"
	"flag"
	"fmt"
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
	t.Errorf("the package is not what %s says:\n%sIf that is meant, run\n\tgo test -run TestAPI -update .\nand state it in CHANGELOG.md.", apiFile, &diff)
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
