// Package api is what the analyzers know about the library: its types, its
// functions, and what each method does to the handle that it is called on. The
// analyzers import it; it knows nothing about a program that is analyzed.
//
// A function of the library has a name here: "Go", "Call.Await". The type
// arguments are no part of the name.
package api

import (
	"go/ast"
	"go/types"

	"golang.org/x/tools/go/types/typeutil"
)

// Path is the import path of the library.
const Path = "github.com/seed4712c49f/async"

// TestPath is the import path of the package for tests.
const TestPath = Path + "/asynctest"

// RemotePath is the import path of the package for calls to other processes.
const RemotePath = Path + "/asyncnats"

// implPath is the import path of the package that generated code calls.
const implPath = Path + "/asyncimpl"

// Callee returns the function or method that a call calls, without its type
// arguments, or nil where the call is one of a function value, a conversion or a
// builtin.
func Callee(info *types.Info, call *ast.CallExpr) *types.Func {
	fn, _ := typeutil.Callee(info, call).(*types.Func)
	if fn == nil {
		return nil
	}
	return fn.Origin()
}

// Called returns the name of the library's function that a call calls, or "".
func Called(info *types.Info, call *ast.CallExpr) string {
	return Name(Callee(info, call))
}

// Name returns the name of a function of the library, or "" where fn is not one.
func Name(fn *types.Func) string {
	if fn == nil || fn.Pkg() == nil || fn.Pkg().Path() != Path {
		return ""
	}
	recv := fn.Signature().Recv()
	if recv == nil {
		return fn.Name()
	}
	n := named(recv.Type())
	if n == nil {
		return ""
	}
	return n.Obj().Name() + "." + fn.Name()
}

// LongName returns the name of a function of the library, of one of package asyncnats that begins
// calls, serves them or makes an option: "asyncnats.Begin", or of the one of package asyncimpl that
// begins calls. It is "" for any other.
func LongName(fn *types.Func) string {
	if FromPackage(fn, implPath, "ServeCall") {
		return "asyncimpl.ServeCall"
	}
	if fn == nil || fn.Pkg() == nil || fn.Pkg().Path() != RemotePath || fn.Signature().Recv() != nil {
		return Name(fn)
	}
	if name := "asyncnats." + fn.Name(); IsRemote(name) {
		return name
	}
	return ""
}

// named returns the named type that t is, or that t points to, or nil.
func named(t types.Type) *types.Named {
	t = types.Unalias(t)
	if p, ok := t.(*types.Pointer); ok {
		t = types.Unalias(p.Elem())
	}
	n, _ := t.(*types.Named)
	return n
}

// Kind returns the name of the library's type that t is, or that t points to:
// "Call", "Promise", "Signal", "Event", "Set", "Calls", "Scope", "Group", "Lazy".
// It is "" for any other type.
func Kind(t types.Type) string {
	if t == nil {
		return ""
	}
	n := named(t)
	if n == nil || n.Obj().Pkg() == nil || n.Obj().Pkg().Path() != Path {
		return ""
	}
	return n.Obj().Name()
}

// Elem returns the type of the result of a call, for the type of a Call, Calls,
// Promise, Group or Lazy; or nil.
func Elem(t types.Type) types.Type {
	n := named(t)
	if n == nil || n.TypeArgs().Len() == 0 {
		return nil
	}
	return n.TypeArgs().At(n.TypeArgs().Len() - 1)
}

// IsHandle reports whether a value of type t is a handle, which somebody has to
// release: a *Call, a *Signal, Calls.
func IsHandle(t types.Type) bool {
	switch kind := Kind(t); kind {
	case "Call", "Signal":
		_, ok := types.Unalias(t).(*types.Pointer)
		return ok
	case "Calls":
		return true
	}
	return false
}

// IsObject reports whether t is a Call itself: an object that is begun again.
func IsObject(t types.Type) bool {
	_, pointer := types.Unalias(t).(*types.Pointer)
	return Kind(t) == "Call" && !pointer
}

// IsPromise reports whether t is a *Promise.
func IsPromise(t types.Type) bool { return Kind(t) == "Promise" }

// IsContext reports whether t is context.Context.
func IsContext(t types.Type) bool {
	n, ok := types.Unalias(t).(*types.Named)
	return ok && n.Obj().Name() == "Context" && n.Obj().Pkg() != nil && n.Obj().Pkg().Path() == "context"
}

// FromPackage reports whether fn is the named function or method of a package:
// FromPackage(fn, "sync", "WaitGroup.Wait").
func FromPackage(fn *types.Func, path, name string) bool {
	if fn == nil || fn.Pkg() == nil || fn.Pkg().Path() != path {
		return false
	}
	full := fn.Name()
	if recv := fn.Signature().Recv(); recv != nil {
		n := named(recv.Type())
		if n == nil {
			return false
		}
		full = n.Obj().Name() + "." + full
	}
	return full == name
}

// Reaches reports whether a package imports the library, itself or through
// others. Where it does not, there is nothing to analyze.
func Reaches(pkg *types.Package) bool {
	return reaches(pkg, make(map[*types.Package]bool))
}

func reaches(pkg *types.Package, seen map[*types.Package]bool) bool {
	if pkg.Path() == Path {
		return true
	}
	if seen[pkg] {
		return false
	}
	seen[pkg] = true
	for _, p := range pkg.Imports() {
		if reaches(p, seen) {
			return true
		}
	}
	return false
}
