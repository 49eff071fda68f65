package program

import (
	"go/types"
)

// Closer returns how a value of a type is closed: ".Close()", ".Body.Close()", or
// "" where it need not be.
func Closer(t types.Type) string {
	if t == nil || generic(t) {
		return ""
	}
	if isResponse(t) {
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

// isResponse reports whether t is *http.Response.
func isResponse(t types.Type) bool {
	ptr, ok := types.Unalias(t).(*types.Pointer)
	if !ok {
		return false
	}
	n, ok := types.Unalias(ptr.Elem()).(*types.Named)
	return ok && n.Obj().Pkg() != nil && n.Obj().Pkg().Path() == "net/http" && n.Obj().Name() == "Response"
}

// IsResponse reports whether t is *http.Response, whose body is read later.
func IsResponse(t types.Type) bool { return isResponse(t) }
