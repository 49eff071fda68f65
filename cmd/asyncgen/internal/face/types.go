package face

import (
	"cmp"
	"fmt"
	"go/token"
	"go/types"
	"strconv"
	"strings"

	"github.com/seed4712c49f/async/cmd/asyncgen/internal/load"
)

// A typeWriter writes types as the output is to name them. It is used twice: on
// the first run it only collects what is named, so that names can be given that
// clash with none of it; on the second it writes with these names.
//
// It stops with a refusal, by panic, at a type that the output cannot name.
type typeWriter struct {
	own        *types.Package
	importable func(*types.Package) error
	aliasOf    func(obj *types.TypeName, prefer string) *types.TypeName
	aliases    map[*types.TypeName]*types.TypeName // what aliasOf has found
	prefer     string                              // the package that the interface is asked for in

	pkgs    map[string]*types.Package   // what is imported, by path
	alias   map[string]string           // and as what
	typed   map[string]bool             // import paths that a type is of
	named   map[string]bool             // package-level names of the destination
	builtin map[string]bool             // predeclared names
	params  map[*types.TypeParam]string // what type parameters are called

	location token.Position // what is being written, for refusals
	what     string
	cgo      bool // it is in a file that imports "C"
}

// A refusal is the reason why a type cannot be named.
type refusal struct{ error }

func (w *typeWriter) refusef(format string, args ...any) {
	panic(refusal{load.Errorf(w.location, "%s: %s", w.what, fmt.Sprintf(format, args...))})
}

// pkg is the name of an imported package, with the dot.
func (w *typeWriter) pkg(p *types.Package) string {
	if _, ok := w.pkgs[p.Path()]; !ok {
		if err := w.importable(p); err != nil && p.Path() != "unsafe" {
			w.refusef("%v", err)
		}
		w.pkgs[p.Path()] = p
	}
	if name, ok := w.alias[p.Path()]; ok {
		return name + "."
	}
	return p.Name() + "."
}

// object is the name of something declared at the top of a package.
func (w *typeWriter) object(obj *types.TypeName) string {
	switch {
	case obj.Pkg() == nil:
		w.builtin[obj.Name()] = true
		return obj.Name()
	case obj.Parent() != nil && obj.Parent() != obj.Pkg().Scope():
		w.refusef("%s is declared within a function", obj.Name())
	case obj.Pkg().Path() == w.own.Path():
		w.named[obj.Name()] = true
		return obj.Name()
	case !obj.Exported():
		w.refusef("%s.%s is not exported", obj.Pkg().Path(), obj.Name())
	}
	w.typed[obj.Pkg().Path()] = true
	return w.pkg(obj.Pkg()) + obj.Name()
}

func (w *typeWriter) nameable(obj *types.TypeName) bool {
	return obj.Pkg() == nil || obj.Pkg().Path() == w.own.Path() || obj.Exported() && w.importable(obj.Pkg()) == nil
}

// publicAlias is an alias by which a type can be named that has no name of its own
// here, or nil.
func (w *typeWriter) publicAlias(obj *types.TypeName) *types.TypeName {
	alias, ok := w.aliases[obj]
	if !ok {
		alias = w.aliasOf(obj, w.prefer)
		w.aliases[obj] = alias
	}
	return alias
}

// typ is the text of a type.
func (w *typeWriter) typ(t types.Type) string {
	switch t := t.(type) {
	case *types.Basic:
		return w.basic(t)
	case *types.Alias:
		if !w.nameable(t.Obj()) {
			return w.typ(t.Rhs())
		}
		return w.object(t.Obj()) + w.args(t.TypeArgs())
	case *types.Named:
		if !w.nameable(t.Obj()) && t.Obj().Pkg() != nil && t.TypeArgs().Len() == 0 {
			if alias := w.publicAlias(t.Obj()); alias != nil {
				return w.object(alias)
			}
		}
		return w.object(t.Obj()) + w.args(t.TypeArgs())
	case *types.TypeParam:
		return w.param(t)
	case *types.Pointer:
		return "*" + w.typ(t.Elem())
	case *types.Slice:
		return "[]" + w.typ(t.Elem())
	case *types.Array:
		return "[" + strconv.FormatInt(t.Len(), 10) + "]" + w.typ(t.Elem())
	case *types.Map:
		return "map[" + w.typ(t.Key()) + "]" + w.typ(t.Elem())
	case *types.Chan:
		return w.channel(t)
	case *types.Signature:
		return "func" + w.signature(t)
	case *types.Struct:
		return w.structure(t)
	case *types.Interface:
		return w.iface(t)
	case *types.Union:
		return w.union(t)
	}
	w.refusef("a type of an unknown kind: %v", t)
	return ""
}

func (w *typeWriter) basic(t *types.Basic) string {
	switch t.Kind() {
	case types.Invalid:
		if w.cgo {
			w.refusef("a type of C, which only the file that imports it can name")
		}
		w.refusef("a type is not defined")
	case types.UnsafePointer:
		return w.pkg(types.Unsafe) + "Pointer"
	}
	w.builtin[t.Name()] = true
	return t.Name()
}

func (w *typeWriter) param(t *types.TypeParam) string {
	if name, ok := w.params[t]; ok {
		return name
	}
	return t.Obj().Name()
}

func (w *typeWriter) args(list *types.TypeList) string {
	if list.Len() == 0 {
		return ""
	}
	var args []string
	for t := range list.Types() {
		args = append(args, w.typ(t))
	}
	return "[" + strings.Join(args, ", ") + "]"
}

func (w *typeWriter) channel(t *types.Chan) string {
	elem := w.typ(t.Elem())
	switch t.Dir() {
	case types.SendOnly:
		return "chan<- " + elem
	case types.RecvOnly:
		return "<-chan " + elem
	}
	if strings.HasPrefix(elem, "<-") {
		return "chan (" + elem + ")"
	}
	return "chan " + elem
}

// signature is the text of parameters and results, with their names.
func (w *typeWriter) signature(t *types.Signature) string {
	params := w.tuple(t.Params(), t.Variadic())
	switch t.Results().Len() {
	case 0:
		return params
	case 1:
		if r := t.Results().At(0); r.Name() == "" {
			return params + " " + w.typ(r.Type())
		}
	}
	return params + " " + w.tuple(t.Results(), false)
}

func (w *typeWriter) tuple(t *types.Tuple, variadic bool) string {
	var list []string
	for i := range t.Len() {
		v := t.At(i)
		text := w.typ(v.Type())
		if variadic && i == t.Len()-1 {
			text = w.variadic(v.Type())
		}
		if v.Name() != "" {
			text = v.Name() + " " + text
		}
		list = append(list, text)
	}
	return "(" + strings.Join(list, ", ") + ")"
}

// variadic is the text of the last parameter of a variadic function, whose type
// is a slice.
func (w *typeWriter) variadic(t types.Type) string {
	return "..." + w.typ(t.(*types.Slice).Elem())
}

func (w *typeWriter) structure(t *types.Struct) string {
	var fields []string
	for i := range t.NumFields() {
		f := t.Field(i)
		if !f.Exported() && f.Pkg().Path() != w.own.Path() {
			w.refusef("an unnamed struct has the field %s, which belongs to %s", f.Name(), f.Pkg().Path())
		}
		text := w.typ(f.Type())
		if !f.Embedded() {
			text = f.Name() + " " + text
		}
		if tag := t.Tag(i); tag != "" {
			text += " " + quoteTag(tag)
		}
		fields = append(fields, text)
	}
	if len(fields) == 0 {
		return "struct{}"
	}
	return "struct{ " + strings.Join(fields, "; ") + " }"
}

func quoteTag(tag string) string {
	if strconv.CanBackquote(tag) {
		return "`" + tag + "`"
	}
	return strconv.Quote(tag)
}

func (w *typeWriter) iface(t *types.Interface) string {
	if t.IsImplicit() && t.NumEmbeddeds() == 1 {
		text := w.typ(t.EmbeddedType(0))
		if !strings.HasPrefix(text, "*") { // type S[P *int] would be an array
			return text
		}
	}
	var elems []string
	for m := range t.ExplicitMethods() {
		if !m.Exported() && m.Pkg().Path() != w.own.Path() {
			w.refusef("an unnamed interface has the method %s, which belongs to %s", m.Name(), m.Pkg().Path())
		}
		elems = append(elems, m.Name()+w.signature(m.Signature()))
	}
	for e := range t.EmbeddedTypes() {
		elems = append(elems, w.typ(e))
	}
	if len(elems) == 0 {
		return "interface{}"
	}
	return "interface{ " + strings.Join(elems, "; ") + " }"
}

func (w *typeWriter) union(t *types.Union) string {
	var terms []string
	for term := range t.Terms() {
		text := w.typ(term.Type())
		if term.Tilde() {
			text = "~" + text
		}
		terms = append(terms, text)
	}
	return strings.Join(terms, " | ")
}

// locked returns the name of a type in t that has a lock and must not be copied,
// or nothing. Such a type cannot be a parameter or a result.
func locked(t types.Type, seen map[types.Type]bool) string {
	if seen[t] {
		return ""
	}
	seen[t] = true
	named, _ := types.Unalias(t).(*types.Named)
	lock := ""
	switch under := t.Underlying().(type) {
	case *types.Array:
		lock = locked(under.Elem(), seen)
	case *types.Struct:
		for f := range under.Fields() {
			lock = cmp.Or(lock, locked(f.Type(), seen))
		}
	}
	if named != nil && (lock != "" || isLock(named)) {
		return types.TypeString(t, (*types.Package).Name)
	}
	return lock
}

// isLock is the rule of go vet: Lock and Unlock are methods of the pointer only.
func isLock(t *types.Named) bool {
	if _, ok := t.Underlying().(*types.Interface); ok {
		return false
	}
	value, pointer := types.NewMethodSet(t), types.NewMethodSet(types.NewPointer(t))
	return value.Lookup(nil, "Lock") == nil && plain(pointer.Lookup(nil, "Lock")) && plain(pointer.Lookup(nil, "Unlock"))
}

func plain(m *types.Selection) bool {
	if m == nil {
		return false
	}
	sig, ok := m.Type().(*types.Signature)
	return ok && sig.Params().Len() == 0 && sig.Results().Len() == 0
}
