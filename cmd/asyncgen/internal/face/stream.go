package face

import (
	"go/types"
	"slices"
	"strings"

	"github.com/seed4712c49f/async/cmd/asyncgen/internal/load"
)

// This file finds out which methods stream. Package asyncimpl makes their context.
//
// A method streams when its result goes on using the context that the method was
// given: a watch, the stream of a remote call, the rows of a query. The context of a
// call ends with the call, which would end such a result. So a method that streams
// gets a context that ends with the caller's, as it would without any call between:
// while nobody has taken the result, the end of the call ends that context, too.

// settleStreams decides for each method. What is said by a flag counts before the
// comment, and the comment before the guess.
func (f *faceOf) settleStreams(w *writer, o *Options) {
	for _, m := range f.methods {
		m.stream = m.ctx >= 0 && slices.ContainsFunc(m.valueTypes(), streaming)
	}
	for _, m := range f.methods {
		f.aboveDirectives(m)
	}
	for _, d := range slices.Concat(o.Comment, f.doc.Directives) {
		f.typeDirective(d)
	}
	for _, m := range f.methods {
		w.at(f, m)
		for _, doc := range append(slices.Clone(m.more), m.doc) {
			for _, d := range doc.Directives {
				f.methodDirective(m, d)
			}
		}
		if o.Stream.has(f, m) {
			m.stream = true
		}
		if o.NoStream.has(f, m) {
			m.stream = false
		}
		if o.Discard.has(f, m) {
			m.discard = true
		}
		switch {
		case m.stream && m.ctx < 0:
			w.refusef("the method has no context, so its result cannot go on using it")
		case m.stream && m.values() == 0:
			w.refusef("the method has no result that could go on using its context")
		case m.discard && m.values() == 0:
			w.refusef("the method has no result that could be discarded")
		}
	}
}

// aboveDirectives takes the directives above the type that declares a method, where that is
// another: an interface that this one embeds, or is another name of. They name methods of
// that, of which this is one.
func (f *faceOf) aboveDirectives(m *method) {
	for _, doc := range append(slices.Clone(m.more), m.doc) {
		for _, d := range doc.Above {
			if d.Name == "gen" || d.Name == "form" || slices.Contains(f.doc.Directives, d) {
				continue
			}
			if slices.ContainsFunc(methodNames(d), func(name string) bool { return strings.TrimPrefix(name, doc.Type+".") == m.name }) {
				f.apply(m, d)
			}
		}
	}
}

// methodNames are the methods that a directive above a type names.
func methodNames(d load.Directive) []string {
	return strings.FieldsFunc(d.Args, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' })
}

// typeDirective takes a directive above the interface, which names its methods.
func (f *faceOf) typeDirective(d load.Directive) {
	if d.Name == "gen" || d.Name == "form" {
		return
	}
	names := methodNames(d)
	if len(names) == 0 {
		where := " above a type"
		if strings.HasPrefix(d.Name, "gen ") {
			where = ""
		}
		panic(refusal{load.Errorf(d.Pos, "//async:%s%s: want the names of methods", d.Name, where)})
	}
	for _, name := range names {
		i := slices.IndexFunc(f.methods, func(m *method) bool {
			return m.name == name || f.as+"."+m.name == name || f.t.Name.Name()+"."+m.name == name
		})
		if i < 0 {
			panic(refusal{load.Errorf(d.Pos, "//async:%s: %s has no method %s", d.Name, f.t.Name.Name(), name)})
		}
		f.apply(f.methods[i], d)
	}
}

func (f *faceOf) methodDirective(m *method, d load.Directive) {
	if d.Args != "" {
		panic(refusal{load.Errorf(d.Pos, "//async:%s above a method: want nothing behind it, not %s", d.Name, d.Args)})
	}
	f.apply(m, d)
}

func (f *faceOf) apply(m *method, d load.Directive) {
	switch strings.TrimPrefix(d.Name, "gen -") {
	case "stream":
		m.stream = true
	case "nostream":
		m.stream = false
	case "discard":
		m.discard = true
	default:
		panic(refusal{load.Errorf(d.Pos, "//async:%s: there is stream, nostream and discard for methods, and gen and form for types", d.Name)})
	}
}

// streaming reports whether a result of this type is known to go on using its
// context: by its name, or by its shape.
func streaming(t types.Type) bool {
	if knownStream(t) {
		return true
	}
	switch under := t.Underlying().(type) {
	case *types.Chan:
		return under.Dir() != types.SendOnly
	case *types.Signature:
		return isIterator(under)
	}
	return streamMethods(t) || hasBody(t)
}

// knownStream goes by the name: a transaction and a command have no shape of a
// stream, and end with their context all the same.
func knownStream(t types.Type) bool {
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	named, ok := types.Unalias(t).(*types.Named)
	if !ok || named.Obj().Pkg() == nil {
		return false
	}
	switch named.Obj().Pkg().Path() + "." + named.Obj().Name() {
	case "context.Context", "database/sql.Rows", "database/sql.Row", "database/sql.Tx",
		"database/sql/driver.Rows", "net/http.Response", "os/exec.Cmd":
		return true
	}
	return false
}

// isIterator reports whether a function is one to range over.
func isIterator(sig *types.Signature) bool {
	if sig.Params().Len() != 1 || sig.Results().Len() != 0 {
		return false
	}
	yield, ok := sig.Params().At(0).Type().Underlying().(*types.Signature)
	return ok && yield.Results().Len() == 1 && types.Identical(yield.Results().At(0).Type(), types.Typ[types.Bool])
}

// streamMethods reports whether a type has the methods of a stream: Recv, a Next that
// takes nothing, a Scan of a row into any number of places, a channel of results, or Read and Close where it is no connection,
// whose life is its own.
func streamMethods(t types.Type) bool {
	methods := types.NewMethodSet(t)
	signature := func(name string, params, results int) *types.Signature {
		sel := methods.Lookup(nil, name)
		if sel == nil {
			return nil
		}
		sig, ok := sel.Type().(*types.Signature)
		if !ok || sig.Params().Len() != params || sig.Results().Len() != results {
			return nil
		}
		return sig
	}
	for sel := range methods.Methods() {
		sig, ok := sel.Type().(*types.Signature)
		if !ok || sel.Obj().Name() == "Done" || !sel.Obj().Exported() || sig.Params().Len() != 0 || sig.Results().Len() != 1 {
			continue
		}
		if c, ok := sig.Results().At(0).Type().Underlying().(*types.Chan); ok && c.Dir() == types.RecvOnly {
			return true
		}
	}
	switch {
	case signature("Recv", 0, 2) != nil, signature("RecvMsg", 1, 1) != nil:
		return true
	case signature("Next", 0, 1) != nil, signature("Next", 0, 2) != nil:
		return true
	}
	if scan := signature("Scan", 1, 1); scan != nil && scan.Variadic() {
		return true
	}
	return signature("Read", 1, 2) != nil && signature("Close", 0, 1) != nil && signature("LocalAddr", 0, 1) == nil
}

// hasBody reports whether a struct has an exported field to be read and closed.
func hasBody(t types.Type) bool {
	if p, ok := t.Underlying().(*types.Pointer); ok {
		t = p.Elem()
	}
	s, ok := t.Underlying().(*types.Struct)
	if !ok {
		return false
	}
	for v := range s.Fields() {
		if v.Exported() && types.IsInterface(v.Type()) && streamMethods(v.Type()) {
			return true
		}
	}
	return false
}
