package face

import (
	"slices"
	"strings"
)

// The members of an adapter have names that are none of the interface's methods.
type members struct{ turns, enter, wait string }

func (f *faceOf) members() members {
	taken := make(nameSet)
	for _, m := range f.methods {
		taken.add(m.name)
	}
	return members{taken.fresh("turns"), taken.fresh("enter"), taken.fresh("wait")}
}

// writeSync writes the synchronous face of an asynchronous server.
func (f *faceOf) writeSync(w *writer) {
	n := f.members()
	w.f("\n")
	w.docf(`%[1]s returns an implementation of %[2]s whose methods are calls on object, one
at a time: a caller waits for its turn, or until its context ends. Then it waits for the
result, as long as that takes: the context has gone to the server, which makes of it what
it will.

What keeps a call from being made is returned as the error. A method that has no
error panics with it, and with whatever else its Finish says is wrong.`, f.newSync, f.link(w))
	impl, reflect := w.fixed(implModule), w.fixed("reflect")
	w.f("func %s%s(object %s%s) %s {\nreturn &%s%s{%sOneObject(object)}\n}\n", f.newSync, f.decl(w), f.face, f.args(), f.self(w),
		f.adapter, f.args(), impl)
	w.f("\n")
	w.docf(`%s is [%s] with a call object of server's own for each call, so that any number
of them may go on at a time.`, f.newSyncFrom, f.newSync)
	w.f("func %s%s(server %sCallFactory) %s {\n", f.newSyncFrom, f.decl(w), w.fixed(Module), f.self(w))
	w.f("return &%s%s{%sObjectsOf(server, %sTypeOf((*%s%s)(nil)).Elem())}\n}\n", f.adapter, f.args(), impl, reflect, f.face, f.args())
	f.writeAdapter(w, n)
	for _, m := range f.methods {
		w.at(f, m)
		f.writeSyncMethod(w, m, n)
	}
}

// writeAdapter writes the type, and how it comes by a call object for a call.
func (f *faceOf) writeAdapter(w *writer, n members) {
	impl, context := w.fixed(implModule), w.fixed("context")
	w.f("\n")
	w.docf("%s calls an asynchronous server synchronously.", f.adapter)
	w.f("type %s%s struct{ %s %sTurns }\n", f.adapter, f.decl(w), n.turns, impl)
	w.f(`
func (x *%[1]s%[2]s) %[3]s(ctx %[4]sContext) (%[5]s%[2]s, error) {
	object, err := x.%[6]s.Enter(ctx)
	face, _ := object.(%[5]s%[2]s)
	return face, err
}

// %[7]s waits as long as it takes: ctx has gone to the server. A function of a scope lends its
// slot meanwhile, which its context tells.
func (x *%[1]s%[2]s) %[7]s(ctx %[4]sContext, object %[5]s%[2]s, err error) error {
	if err != nil {
		return err
	}
	return object.Wait(%[4]sWithoutCancel(ctx))
}
`, f.adapter, f.args(), n.enter, context, f.face, n.turns, n.wait)
}

func (f *faceOf) writeSyncMethod(w *writer, m *method, n members) {
	names, busy := w.paramNames(m)
	x, object := busy.fresh("x"), busy.fresh("object")
	values, err := locals(busy, m.values())
	results := w.list(m.sig.Results(), false, append(slices.Clip(values), err))
	if !m.hasErr {
		results = w.list(m.sig.Results(), false, values)
	}
	if results != "" {
		results = "(" + results + ")"
	}
	all := strings.Join(append(slices.Clip(values), err), ", ")
	w.f("\nfunc (%s *%s%s) %s(%s) %s {\n", x, f.adapter, f.args(), m.name,
		w.list(m.sig.Params(), m.sig.Variadic(), names), results)
	w.f("%s, %s := %s.%s(%s)\n", object, err, x, n.enter, w.outerContext(m, names))
	w.f("if %s == nil {\ndefer %s.%s.Leave(%s)\n", err, x, n.turns, object)
	w.f("%s = %s.%s(%s, %s, %s.%s(%s))\n}\n", err, x, n.wait, w.outerContext(m, names), object, object, begin(m), call(m, names))
	w.f("if %s == nil {\n%s = %s.%s()\n}\n", err, all, object, finish(m))
	if m.hasErr {
		w.f("return %s\n}\n", all)
		return
	}
	w.f("if %s != nil {\npanic(%[1]s)\n}\n", err)
	if len(values) > 0 {
		w.f("return %s\n", strings.Join(values, ", "))
	}
	w.f("}\n")
}
