package face

import (
	"slices"
	"strings"
)

// The members of an adapter have names that are none of the interface's methods.
type members struct{ object, turn, factory, enter, create, wait, leave string }

func (f *faceOf) members() members {
	taken := make(nameSet)
	for _, m := range f.methods {
		taken.add(m.name)
	}
	return members{taken.fresh("object"), taken.fresh("turn"), taken.fresh("factory"), taken.fresh("enter"), taken.fresh("create"), taken.fresh("wait"), taken.fresh("leave")}
}

// writeSync writes the synchronous face of an asynchronous server.
func (f *faceOf) writeSync(w *writer) {
	n := f.members()
	w.f("\n")
	w.docf(`%[1]s returns a %[2]s whose methods are calls on object, one at a time: a caller
waits for its turn, or until its context ends. Then it waits for the result, as long as
that takes: the context has gone to the server, which makes of it what it will.

What keeps a call from being made is returned as the error. A method that has no
error panics with it, and with whatever else its Finish says is wrong.`, f.newSync, f.link(w))
	w.f(`func %s%s(object %s%s) %s {
	return &%s%s{%s: object, %s: make(chan struct{}, 1)}
}
`, f.newSync, f.decl(w), f.face, f.args(), f.self(w), f.adapter, f.args(), n.object, n.turn)
	w.f("\n")
	w.docf(`%s is [%s] with a call object of server's own for each call, so that any number
of them may go on at a time.`, f.newSyncFrom, f.newSync)
	w.f(`func %s%s(server %sCallFactory) %s {
	return &%s%s{%s: server}
}
`, f.newSyncFrom, f.decl(w), w.fixed(Module), f.self(w), f.adapter, f.args(), n.factory)
	f.writeAdapter(w, n)
	for _, m := range f.methods {
		w.at(f, m)
		f.writeSyncMethod(w, m, n)
	}
}

// writeAdapter writes the type, and how it comes by a call object for a call.
func (f *faceOf) writeAdapter(w *writer, n members) {
	async, context := w.fixed(Module), w.fixed("context")
	w.f("\n")
	w.docf("%s calls an asynchronous server synchronously.", f.adapter)
	w.f(`type %s%s struct {
	%s %s%s
	%s chan struct{} // holds one while the object is in use
	%s %sCallFactory // instead of the two
}
`, f.adapter, f.decl(w), n.object, f.face, f.args(), n.turn, n.factory, async)
	w.f(`
func (x *%[1]s%[2]s) %[3]s(ctx %[4]sContext) (%[5]s%[2]s, error) {
	if x.%[8]s == nil {
		return x.%[10]s()
	}
	select {
	case x.%[8]s <- struct{}{}:
		return x.%[9]s, nil
	default:
	}
	select {
	case x.%[8]s <- struct{}{}:
		return x.%[9]s, nil
	case <-ctx.Done():
		return nil, &%[7]sCanceledError{Cause: %[4]sCause(ctx)}
	}
}
`, f.adapter, f.args(), n.enter, context, f.face, n.factory, async, n.turn, n.object, n.create)
	w.f(`
// %[3]s is CreateCall, which a wide interface would be costly to compile for.
func (x *%[1]s%[2]s) %[3]s() (%[4]s%[2]s, error) {
	if x.%[5]s == nil {
		return nil, %[6]sErrNoInterface
	}
	object, err := x.%[5]s.CreateCall(%[7]sTypeOf((*%[4]s%[2]s)(nil)).Elem())
	switch {
	case err != nil:
		return nil, err
	case object == nil:
		return nil, %[6]sErrNoMethod
	}
	return object.(%[4]s%[2]s), nil
}

// %[8]s waits for the call where it has begun.
func (x *%[1]s%[2]s) %[8]s(object %[4]s%[2]s, err error) error {
	if err != nil {
		return err
	}
	return object.Wait(%[9]sBackground())
}
`, f.adapter, f.args(), n.create, f.face, n.factory, async, w.fixed("reflect"), n.wait, context)
	w.f(`
func (x *%[1]s%[2]s) %[3]s(object %[4]s%[2]s) {
	if x.%[5]s == nil {
		object.Release()
		return
	}
	<-x.%[5]s
}
`, f.adapter, f.args(), n.leave, f.face, n.turn)
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
	w.f("if %s == nil {\ndefer %s.%s(%s)\n", err, x, n.leave, object)
	w.f("%s = %s.%s(%s, %s.%s(%s))\n}\n", err, x, n.wait, object, object, begin(m), call(m, names))
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
