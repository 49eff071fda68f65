package face

import (
	"fmt"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"github.com/seed4712c49f/async/cmd/asyncgen/internal/load"
)

// A faceOf is what is written for one interface.
type faceOf struct {
	*names
	t        *load.Type
	as       string // the name that the others are derived from
	methods  []*method
	tparams  []*types.TypeParam
	params   []string          // what these are called
	structs  map[string]string // the result struct of each method that has one
	clients  map[string]string // the method of the plain client for each method
	promise  map[string]string // the server's end of a call of each method
	discard  map[string]string // the method of the plain client that sets a Discard, of each that has one
	request  map[string]string // the message with the parameters of each method
	reply    map[string]string // and that with its results
	forms    map[*types.TypeName]*form
	formList []*form // the same, in the order of methods
	parts    Parts
	doc      load.Comment
}

func newFace(w *writer, target Target) *faceOf {
	t, o := target.Type, target.Options
	f := &faceOf{names: newNames(o.Prefix, target.As, hasFrom(t.Name)), as: target.As, t: t, methods: methodsOf(w.p, t), parts: o.Parts, doc: w.p.TypeComment(t.Name)}
	f.parts.Server = f.parts.Server || f.parts.Fake
	f.parts.Object = f.parts.Object || f.parts.Factory && !f.parts.Server
	for p := range typeParamsOf(t.Name).TypeParams() {
		f.tparams = append(f.tparams, p)
		f.params = append(f.params, p.Obj().Name())
	}
	if !f.parts.face() {
		f.leaveOut(w)
	}
	f.structs, f.promise = make(map[string]string), make(map[string]string)
	f.request, f.reply = make(map[string]string), make(map[string]string)
	taken := make(nameSet)
	for _, m := range f.methods {
		f.refuseMethod(w, m)
		stem := f.base + m.name
		if !m.exported {
			stem = lower(f.base) + upper(m.name)
		}
		if m.values() > 1 {
			f.structs[m.name] = taken.fresh(stem + "Result")
		}
		if f.parts.Server {
			f.promise[m.name] = taken.fresh(stem + "Promise")
		}
	}
	f.settleStreams(w, o)
	f.nameClients(taken)
	if f.parts.Remote {
		f.findForms(w)
		for _, m := range f.methods {
			w.at(f, m)
			f.refuseTravel(w, m)
			f.refuseOwn(w, m)
		}
	}
	return f
}

// leaveOut leaves out the methods that only the interface's own package can call: the
// plain client calls what it can, and implements nothing.
func (f *faceOf) leaveOut(w *writer) {
	f.methods = slices.DeleteFunc(f.methods, func(m *method) bool {
		pkg := f.pkgOf(m.name)
		return !m.exported && pkg != nil && pkg.Path() != w.own.Path()
	})
	if len(f.methods) == 0 {
		w.location, w.what = f.t.Pos, f.t.Name.Name()
		w.refusef("it has no methods that are exported")
	}
}

// hasFrom reports whether the package of a type has another one with From behind the
// name, as io has Reader and ReaderFrom.
func hasFrom(name *types.TypeName) bool {
	_, ok := name.Pkg().Scope().Lookup(name.Name() + "From").(*types.TypeName)
	return ok
}

// refuseMethod stops at a method that cannot be written.
func (f *faceOf) refuseMethod(w *writer, m *method) {
	w.at(f, m)
	if !m.exported {
		if pkg := f.pkgOf(m.name); pkg != nil && pkg.Path() != w.own.Path() {
			w.refusef("the method is not exported, so only package %s can implement it", pkg.Path())
		}
	}
	for _, tuple := range []*types.Tuple{m.sig.Params(), m.sig.Results()} {
		for v := range tuple.Variables() {
			if lock := locked(v.Type(), make(map[types.Type]bool)); lock != "" {
				w.refusef("%s would be copied, and has a lock", lock)
			}
		}
	}
}

func (f *faceOf) pkgOf(name string) *types.Package {
	for m := range f.t.Iface.Methods() {
		if m.Name() == name {
			return m.Pkg()
		}
	}
	return nil
}

// at says where the writer is, for a refusal.
func (w *writer) at(f *faceOf, m *method) {
	w.location = f.position(w.p, m)
	w.cgo = w.cgo || w.p.Cgo(m.pos)
	w.what = f.t.Name.Name() + "." + m.name
}

// position is where a method is declared, or, where that is in another package than
// the interface, where the interface is.
func (f *faceOf) position(p *load.Package, m *method) token.Position {
	if pkg := f.pkgOf(m.name); pkg != nil && pkg.Path() == f.t.Name.Pkg().Path() {
		return p.Position(m.pos)
	}
	return f.t.Pos
}

// decl is the type parameters with their constraints, args their names alone.
func (f *faceOf) decl(w *writer) string {
	var list []string
	for i, p := range f.tparams {
		list = append(list, f.params[i]+" "+w.typ(p.Constraint()))
	}
	return bracketed(list)
}

func (f *faceOf) args() string { return bracketed(f.params) }

func bracketed(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return "[" + strings.Join(list, ", ") + "]"
}

// self is the interface itself.
func (f *faceOf) self(w *writer) string { return w.object(f.t.Name) + f.args() }

// link is the interface in a comment.
func (f *faceOf) link(w *writer) string { return "[" + w.object(f.t.Name) + "]" }

// write writes every declaration.
func (f *faceOf) write(w *writer) {
	w.prefer = f.t.Name.Pkg().Path()
	w.location, w.what = f.t.Pos, f.t.Name.Name()
	if f.parts.face() {
		f.writeFace(w)
	}
	f.writeResults(w)
	if f.parts.Object {
		f.writeObject(w)
	}
	if f.parts.result() {
		f.writeMachine(w)
	}
	if f.parts.Server {
		f.writeServer(w)
	}
	if f.parts.Fake {
		f.writeFake(w)
	}
	if f.parts.Sync {
		f.writeSync(w)
	}
	if f.parts.Factory {
		f.writeFactory(w)
	}
	if f.parts.Calls {
		f.writeCalls(w)
	}
	if f.parts.Remote {
		f.writeRemote(w)
	}
}

// begin and finish are the names of a method's two acts.
func begin(m *method) string { return act(m, "Begin") }

func finish(m *method) string { return act(m, "Finish") }

func act(m *method, verb string) string {
	if !m.exported {
		verb = lower(verb)
	}
	return verb + upper(m.name)
}

// list writes variables with their types, as parameters or results. A variable
// with an empty name has none.
func (w *writer) list(t *types.Tuple, variadic bool, names []string) string {
	var list []string
	for i := range t.Len() {
		text := w.typ(t.At(i).Type())
		if variadic && i == t.Len()-1 {
			text = w.variadic(t.At(i).Type())
		}
		list = append(list, strings.TrimSpace(names[i]+" "+text))
	}
	return strings.Join(list, ", ")
}

// sourceNames are the names of variables as they were written.
func sourceNames(t *types.Tuple) []string {
	var list []string
	for v := range t.Variables() {
		list = append(list, v.Name())
	}
	return list
}

// paramNames are the names of parameters in a body: those of the source where
// they are there and clash with nothing that the body uses.
func (w *writer) paramNames(m *method) (list []string, busy nameSet) {
	busy = w.block.clone()
	if busy == nil {
		busy = make(nameSet)
	}
	for v := range m.sig.Params().Variables() {
		if v.Name() != "" && v.Name() != "_" && !busy[v.Name()] {
			busy.add(v.Name())
		}
	}
	own := make(nameSet)
	for i, v := range slices.Collect(m.sig.Params().Variables()) {
		name := v.Name()
		switch {
		case name != "" && name != "_" && !w.block[name] && !own[name]:
		case name != "" && name != "_":
			name = busy.fresh(name + "_")
		case i == m.ctx:
			name = busy.fresh("ctx")
		default:
			name = busy.fresh(fmt.Sprint("arg", i+1))
		}
		own.add(name)
		list = append(list, name)
	}
	return list, busy
}

// call is the arguments of a call with parameters of these names.
func call(m *method, names []string) string {
	list := slices.Clone(names)
	if m.sig.Variadic() {
		list[len(list)-1] += "..."
	}
	return strings.Join(list, ", ")
}

// locals are n new names for values, and one for the error.
func locals(busy nameSet, n int) (values []string, err string) {
	for i := range n {
		values = append(values, busy.fresh(fmt.Sprint("v", i+1)))
	}
	return values, busy.fresh("err")
}

// valueType is the type of what a method returns beside its error: one value
// itself, several as a struct, none as an empty one.
func (f *faceOf) valueType(w *writer, m *method) string {
	switch m.values() {
	case 0:
		return "struct{}"
	case 1:
		return w.typ(m.value(0).Type())
	}
	return f.structs[m.name] + f.args()
}

// fields are the field names of a method's result struct.
func fields(m *method) []string {
	taken := make(nameSet)
	list := make([]string, m.values())
	for i := range list {
		name := m.value(i).Name()
		if name == "" || name == "_" {
			name = fmt.Sprint("R", i+1)
		}
		list[i] = taken.fresh(title(strings.TrimLeft(name, "_")))
	}
	return list
}
