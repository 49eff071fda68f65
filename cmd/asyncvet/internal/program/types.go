package program

// What is asked about types: whether a value has to be closed, and whether a type
// depends on a type parameter.

import (
	"go/types"
)

// NameOf returns the name of a type with the import paths in it. Types that are identical have
// the same name, as far as they are written with aliases in the usual places.
func NameOf(t types.Type) string { return types.TypeString(plain(t), nil) }

// plain returns a type without its aliases.
func plain(t types.Type) types.Type {
	switch t := types.Unalias(t).(type) {
	case *types.Basic:
		return types.Typ[t.Kind()] // uint8 for byte
	case *types.Pointer:
		return types.NewPointer(plain(t.Elem()))
	case *types.Slice:
		return types.NewSlice(plain(t.Elem()))
	case *types.Array:
		return types.NewArray(plain(t.Elem()), t.Len())
	case *types.Map:
		return types.NewMap(plain(t.Key()), plain(t.Elem()))
	case *types.Chan:
		return types.NewChan(t.Dir(), plain(t.Elem()))
	case *types.Named:
		if t.TypeArgs().Len() == 0 {
			return t
		}
		var args []types.Type
		for a := range t.TypeArgs().Types() {
			args = append(args, plain(a))
		}
		if n, err := types.Instantiate(nil, t.Origin(), args, false); err == nil {
			return n
		}
		return t
	case *types.Interface:
		if t.Empty() {
			return types.Universe.Lookup("any").Type()
		}
		return t
	default:
		return t
	}
}

// Closer returns how a value of a type is closed: ".Close()", ".Body.Close()", or
// "" where it need not be.
func Closer(t types.Type) string {
	if t == nil || Generic(t) {
		return ""
	}
	if IsResponse(t) {
		return ".Body.Close()"
	}
	obj, _, _ := types.LookupFieldOrMethod(t, false, nil, "Close")
	fn, ok := obj.(*types.Func)
	if !ok || fn.Signature().Params().Len() != 0 {
		return ""
	}
	switch results := fn.Signature().Results(); {
	case results.Len() == 0, results.Len() == 1 && errorOf(fn.Signature()) == 0:
		return ".Close()"
	}
	return ""
}

// IsResponse reports whether t is *http.Response, whose body is read later.
func IsResponse(t types.Type) bool {
	ptr, ok := types.Unalias(t).(*types.Pointer)
	if !ok {
		return false
	}
	n, ok := types.Unalias(ptr.Elem()).(*types.Named)
	return ok && n.Obj().Pkg() != nil && n.Obj().Pkg().Path() == "net/http" && n.Obj().Name() == "Response"
}

// Generic reports whether a type depends on a type parameter.
func Generic(t types.Type) bool {
	found := false
	var look func(t types.Type)
	seen := make(map[types.Type]bool)
	look = func(t types.Type) {
		if found || t == nil || seen[t] {
			return
		}
		seen[t] = true
		switch t := types.Unalias(t).(type) {
		case *types.TypeParam:
			found = true
		case *types.Pointer:
			look(t.Elem())
		case *types.Slice:
			look(t.Elem())
		case *types.Array:
			look(t.Elem())
		case *types.Chan:
			look(t.Elem())
		case *types.Map:
			look(t.Key())
			look(t.Elem())
		case *types.Signature:
			look(t.Params())
			look(t.Results())
		case *types.Tuple:
			for v := range t.Variables() {
				look(v.Type())
			}
		case *types.Struct:
			for f := range t.Fields() {
				look(f.Type())
			}
		case *types.Named:
			for a := range t.TypeArgs().Types() {
				look(a)
			}
		}
	}
	look(t)
	return found
}
