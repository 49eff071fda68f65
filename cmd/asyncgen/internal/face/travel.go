package face

import (
	"fmt"
	"go/types"
	"reflect"
	"strings"
)

// This file finds out whether the parameters and results of a method can travel: whether
// encoding/json writes all that a value of the type has, and reads it again. What a type
// parameter stands for is looked at by the library, when the client or the server is made,
// by the same rules: see package shape of asyncnats.

// refuseTravel stops at a method that cannot be called from elsewhere.
func (f *faceOf) refuseTravel(w *writer, m *method) {
	for i, v := range allOf(m.sig.Params()) {
		if i != m.ctx {
			f.refuseType(w, "parameter", nameOf(v, i), v.Type())
		}
	}
	for i, v := range allOf(m.valueTuple()) {
		f.refuseType(w, "result", nameOf(v, i), v.Type())
	}
	if m.stream { // the last: the type of such a result rarely travels, whatever a flag says
		w.refusef("its result goes on using the context, which ends with the call at the server; -nostream %s says that it does not", m.name)
	}
	if fillsBuffer(m) {
		w.refusef("parameter %s: what a %s of another process writes to it does not come back", nameOf(bufferOf(m), bufferAt(m)), m.name)
	}
}

func allOf(t *types.Tuple) []*types.Var {
	var list []*types.Var
	for v := range t.Variables() {
		list = append(list, v)
	}
	return list
}

// nameOf is the name of a parameter or result, or its place where it has none.
func nameOf(v *types.Var, i int) string {
	if v.Name() == "" || v.Name() == "_" {
		return fmt.Sprint(i + 1)
	}
	return v.Name()
}

// fillsBuffer reports whether a method is one of io.Reader or io.ReaderAt, perhaps with a
// context: it returns what it has written to its parameter as a number.
func fillsBuffer(m *method) bool {
	if m.name != "Read" && m.name != "ReadAt" || bufferAt(m) < 0 || m.values() != 1 || !m.hasErr {
		return false
	}
	return types.Identical(m.value(0).Type(), types.Typ[types.Int])
}

// bufferAt is the first parameter that is no context, where that is a []byte.
func bufferAt(m *method) int {
	for i, v := range allOf(m.sig.Params()) {
		if i == m.ctx {
			continue
		}
		if s, ok := v.Type().Underlying().(*types.Slice); ok && types.Identical(s.Elem(), types.Typ[types.Byte]) {
			return i
		}
		break
	}
	return -1
}

func bufferOf(m *method) *types.Var { return m.sig.Params().At(bufferAt(m)) }

func (f *faceOf) refuseType(w *writer, what, name string, t types.Type) {
	if form, _ := f.formOf(t); form != nil {
		return // it has been looked at
	}
	if why := newTraveler().walk(spot{name, true}, t); why != "" {
		w.refusef("%s %s", what, why)
	}
}

// A spot is where in a parameter a traveler is.
type spot struct {
	path        string
	addressable bool // encoding/json can call methods that have a pointer for a receiver
}

func (s spot) below(mark string, addressable bool) spot { return spot{s.path + mark, addressable} }

func (s spot) sayf(format string, args ...any) string {
	return s.path + ": " + fmt.Sprintf(format, args...)
}

// A traveler walks through a type.
type traveler struct {
	seen   map[visit]bool
	embeds map[types.Type]bool // the structs that the current one is embedded in, by pointers
}

// A visit is to a type at a spot of one kind: what is right at one may be lost at the other.
type visit struct {
	t           types.Type
	addressable bool
}

func newTraveler() *traveler {
	return &traveler{seen: make(map[visit]bool), embeds: make(map[types.Type]bool)}
}

// walk returns why a type cannot travel, or nothing.
func (tr *traveler) walk(s spot, t types.Type) string {
	t = types.Unalias(t)
	if _, ok := t.(*types.TypeParam); ok {
		return ""
	}
	switch t.Underlying().(type) {
	case *types.Interface, *types.Pointer:
	default:
		if own, why := writesItself(s, t); own || why != "" {
			return why
		}
	}
	if tr.seen[visit{t, s.addressable}] {
		return ""
	}
	if _, ok := t.(*types.Named); ok {
		tr.seen[visit{t, s.addressable}] = true
	}
	switch u := t.Underlying().(type) {
	case *types.Basic:
		return basicTravels(s, u)
	case *types.Slice:
		return tr.walk(s.below("[]", true), u.Elem())
	case *types.Array:
		return tr.walk(s.below(fmt.Sprintf("[%d]", u.Len()), s.addressable), u.Elem())
	case *types.Pointer:
		return tr.pointer(s, u)
	case *types.Map:
		return tr.mapping(s, u)
	case *types.Struct:
		return tr.fields(s, u, make(map[string]bool))
	case *types.Signature:
		return s.sayf("a func cannot travel")
	case *types.Chan:
		return s.sayf("a channel cannot travel")
	case *types.Interface:
		return s.sayf("%s", interfaceTravels(t))
	}
	return s.sayf("%s cannot travel", short(t))
}

// interfaceTravels says why an interface does not.
func interfaceTravels(t types.Type) string {
	if isContext(t) {
		return "there is one context to a call, and this is another"
	}
	return "the interface " + short(t) + " cannot travel: nothing says which types it can have; see //async:form"
}

// short is a type as it is named in source.
func short(t types.Type) string { return types.TypeString(t, (*types.Package).Name) }

func basicTravels(s spot, t *types.Basic) string {
	switch {
	case t.Kind() == types.UnsafePointer || t.Kind() == types.Uintptr:
		return s.sayf("the address %s cannot travel", short(t))
	case t.Info()&types.IsComplex != 0:
		return s.sayf("%s cannot travel", short(t))
	}
	return "" // one that is not defined is refused when it is written
}

func (tr *traveler) pointer(s spot, p *types.Pointer) string {
	switch types.Unalias(p.Elem()).Underlying().(type) {
	case *types.Pointer, *types.Slice, *types.Map:
		if !has(p, "MarshalJSON") && !has(p, "MarshalText") {
			return s.sayf("%s is a pointer to what may be nil itself, and one nil would become the other", short(p))
		}
	}
	return tr.walk(s.below("", true), p.Elem())
}

func (tr *traveler) mapping(s spot, m *types.Map) string {
	key := types.Unalias(m.Key())
	basic, _ := key.Underlying().(*types.Basic)
	_, param := key.(*types.TypeParam)
	switch {
	case param:
	case basic != nil && basic.Info()&(types.IsString|types.IsInteger) != 0 && basic.Kind() != types.Uintptr:
		if why := keyTravels(key, basic); why != "" {
			return s.sayf("a map with keys of type %s cannot travel: %s", short(key), why)
		}
	case !types.IsInterface(key) && has(key, "MarshalText") && has(types.NewPointer(key), "UnmarshalText"):
	default:
		return s.sayf("a map with keys of type %s cannot travel", short(key))
	}
	return tr.walk(s.below("{}", false), m.Elem())
}

// keyTravels returns why a key that is a string or an integer cannot travel. encoding/json
// reads it by its UnmarshalText, and writes an integer by a MarshalText that needs no pointer,
// a string as it is.
func keyTravels(key types.Type, basic *types.Basic) string {
	pointer := types.NewPointer(key)
	integer := basic.Info()&types.IsInteger != 0
	writes, reads := has(key, "MarshalText"), has(pointer, "UnmarshalText")
	switch {
	case reads && !has(pointer, "MarshalText"):
		return "it has UnmarshalText and no MarshalText"
	case integer && writes && !reads:
		return "it has MarshalText and no UnmarshalText"
	case integer && reads && !writes:
		return "its MarshalText needs a pointer, which a key has not"
	}
	return ""
}

// fields walks through the fields of a struct, and those of embedded structs, which
// encoding/json writes side by side. Of two that have one name it writes one, or none.
func (tr *traveler) fields(s spot, t *types.Struct, names map[string]bool) string {
	for i := range t.NumFields() {
		v := t.Field(i)
		tag := reflect.StructTag(t.Tag(i)).Get("json")
		name, _, _ := strings.Cut(tag, ",")
		if tag == "-" || v.Name() == "_" {
			continue
		}
		at := s.below("."+v.Name(), s.addressable)
		if embedded, ok := embeddedStruct(v); ok && name == "" {
			if why := tr.embedded(s, at, v, embedded, names); why != "" {
				return why
			}
			continue
		}
		if name == "" {
			name = v.Name()
		}
		switch {
		case !v.Exported():
			return at.sayf("the field is not exported, and would be lost")
		case names[name]:
			return at.sayf("two fields have the name %s in JSON, and one would be lost", name)
		}
		names[name] = true
		if why := tr.walk(at, v.Type()); why != "" {
			return why
		}
	}
	return ""
}

func (tr *traveler) embedded(s, at spot, v *types.Var, t types.Type, names map[string]bool) string {
	if _, pointer := types.Unalias(v.Type()).(*types.Pointer); pointer {
		switch {
		case !v.Exported():
			return at.sayf("an embedded pointer to a struct that is not exported cannot be read")
		case tr.embeds[t]:
			return at.sayf("a struct that embeds itself cannot travel")
		}
		tr.embeds[t] = true
		defer delete(tr.embeds, t)
		s.addressable = true
	}
	return tr.fields(s, t.Underlying().(*types.Struct), names)
}

// embeddedStruct returns the struct that an embedded field has, directly or by a pointer.
func embeddedStruct(v *types.Var) (types.Type, bool) {
	if !v.Embedded() {
		return nil, false
	}
	t := types.Unalias(v.Type())
	if p, ok := t.(*types.Pointer); ok {
		t = types.Unalias(p.Elem())
	}
	_, ok := t.Underlying().(*types.Struct)
	return t, ok
}

// writesItself reports whether a type has methods by which encoding/json writes and reads
// it. A type that has one half of them is refused, and so is one that has them from a field
// and more fields beside that.
func writesItself(s spot, t types.Type) (own bool, why string) {
	pointer := types.NewPointer(t)
	for _, kind := range []string{"JSON", "Text"} {
		write, read := "Marshal"+kind, "Unmarshal"+kind
		writes, reads := has(pointer, write), has(pointer, read)
		switch {
		case writes && !reads:
			return false, s.sayf("%s has %s and no %s", short(t), write, read)
		case reads && !writes:
			return false, s.sayf("%s has %s and no %s", short(t), read, write)
		case writes && !s.addressable && !has(t, write):
			return false, s.sayf("%s of %s needs a pointer, which the value of a map has not", write, short(t))
		case writes && borrowed(pointer, write):
			return false, s.sayf("%s of %s is that of an embedded field, and the other fields would be lost", write, short(t))
		case writes:
			return true, ""
		}
	}
	return false, ""
}

// has reports whether a type has a method that encoding/json calls.
func has(t types.Type, name string) bool {
	sel := types.NewMethodSet(t).Lookup(nil, name)
	if sel == nil {
		return false
	}
	sig := sel.Type().(*types.Signature)
	if strings.HasPrefix(name, "Unmarshal") {
		return sig.Params().Len() == 1 && sig.Results().Len() == 1
	}
	return sig.Params().Len() == 0 && sig.Results().Len() == 2
}

// borrowed reports whether a struct of several fields has a method from one of them.
func borrowed(pointer *types.Pointer, name string) bool {
	s, ok := pointer.Elem().Underlying().(*types.Struct)
	sel := types.NewMethodSet(pointer).Lookup(nil, name)
	return ok && sel != nil && len(sel.Index()) > 1 && s.NumFields() > 1
}
