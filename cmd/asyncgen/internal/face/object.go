package face

import "strings"

// This file writes the call object. What is the same for every method of it, and for every
// interface, is in package asyncimpl of the library. The object over a synchronous server
// is here; that over a server that is asynchronous itself is in serve.go, and embeds the
// same.

// writeObject writes the call object over a synchronous server.
func (f *faceOf) writeObject(w *writer) {
	async := w.fixed(Module)
	w.f("\n")
	w.docf(`%s returns a call object for server, whose calls run in a goroutine of their own
and are begun with opts. The result that a [%sDiscard] among them takes is of type
%s. A method that has no context cannot hear that its call was canceled. What a
Begin is given, slices included, is the method's until that has returned, which
after a Cancel, a Release or a wait that timed out is later than the end of these.`, f.newFace, async, f.result)
	w.f("func %s%s(server %s, opts ...%sOption) %s%s {\n", f.newFace, f.decl(w), f.self(w), async, f.face, f.args())
	w.f("return &%s%s{%sNew(opts...), server}\n}\n", f.object, f.args(), w.fixed(implModule))
}

// writeMachine writes the call object, and its acts.
func (f *faceOf) writeMachine(w *writer) {
	server := ""
	if f.parts.Object {
		server = "server " + f.self(w) + "\n"
	}
	w.f("\n")
	w.docf("%s is the call object.", f.object)
	w.f("type %s%s struct {\n%sObject\n%s}\n", f.object, f.decl(w), w.fixed(implModule), server)
	for _, m := range f.methods {
		w.at(f, m)
		if f.parts.Object {
			f.writeBegin(w, m)
		}
		f.writeFinish(w, m)
	}
}

func (f *faceOf) writeBegin(w *writer, m *method) {
	context := w.fixed("context")
	names, busy := w.paramNames(m)
	x := busy.fresh("x")
	values, err := locals(busy, m.values())
	params := w.list(m.sig.Params(), m.sig.Variadic(), names)
	verb := "Begin"
	if m.stream {
		verb = "Stream"
	}
	w.f("\nfunc (%s *%s%s) %s(%s) error {\n", x, f.object, f.args(), begin(m), params)
	w.f("return %s.%s(%s, %q, func(%s) (any, error) {\n", x, verb, w.outerContext(m, names), f.full(m), closureParam(m, names, context))
	f.writeBoxed(w, m, x+".server."+m.name+"("+call(m, names)+")", values, err)
	w.f("})\n}\n")
}

// writeBoxed writes the body of a function that calls server, and whose value is that of
// any method.
func (f *faceOf) writeBoxed(w *writer, m *method, server string, values []string, err string) {
	switch {
	case m.values() == 1 && m.hasErr:
		w.f("return %s\n", server)
	case m.values() == 1:
		w.f("return %s, nil\n", server)
	case m.values() == 0 && m.hasErr:
		w.f("return nil, %s\n", server)
	case m.values() == 0:
		w.f("%s\nreturn nil, nil\n", server)
	case m.hasErr:
		w.f("%s, %s := %s\nreturn %s, %[2]s\n", strings.Join(values, ", "), err, server, f.structOf(m, values))
	default:
		w.f("%s := %s\nreturn %s, nil\n", strings.Join(values, ", "), server, f.structOf(m, values))
	}
}

// full is the name of a method with that of its interface, which its calls have.
func (f *faceOf) full(m *method) string { return f.as + "." + m.name }

// outerContext is the context that a call of a method is begun with.
func (w *writer) outerContext(m *method, names []string) string {
	if m.ctx < 0 {
		return w.fixed("context") + "Background()"
	}
	return names[m.ctx]
}

// closureParam is the parameter of a call's function, which hides the context
// that the call is begun with.
func closureParam(m *method, names []string, context string) string {
	if m.ctx < 0 {
		return context + "Context"
	}
	return names[m.ctx] + " " + context + "Context"
}

// boxed is the value of a result.
func (f *faceOf) boxed(m *method, values []string) string {
	switch len(values) {
	case 0:
		return "nil"
	case 1:
		return values[0]
	}
	return f.structOf(m, values)
}

func (f *faceOf) structOf(m *method, values []string) string {
	var list []string
	for i, name := range fields(m) {
		list = append(list, name+": "+values[i])
	}
	return f.structs[m.name] + f.args() + "{" + strings.Join(list, ", ") + "}"
}

func (f *faceOf) writeFinish(w *writer, m *method) {
	results := w.finishTypes(m)
	busy := w.block.clone()
	if busy == nil {
		busy = make(nameSet)
	}
	x, r, v, err := busy.fresh("x"), busy.fresh("r"), busy.fresh("v"), busy.fresh("err")
	w.f("\nfunc (%s *%s%s) %s() %s {\n", x, f.object, f.args(), finish(m), results)
	if m.values() == 0 {
		w.f("_, %s := %s.Finish(%q)\nreturn %s\n}\n", err, x, f.full(m), err)
		return
	}
	w.f("%s, %s := %s.Finish(%q)\n", r, err, x, f.full(m))
	w.f("%s, _ := %s.(%s)\n", v, r, f.valueType(w, m))
	list := []string{v}
	if m.values() > 1 {
		list = nil
		for _, name := range fields(m) {
			list = append(list, v+"."+name)
		}
	}
	w.f("return %s, %s\n}\n", strings.Join(list, ", "), err)
}

// finishTypes is finishResults without names.
func (w *writer) finishTypes(m *method) string {
	results := m.sig.Results()
	text := w.list(results, false, make([]string, results.Len()))
	switch {
	case m.hasErr && results.Len() == 1:
		return text
	case m.hasErr:
		return "(" + text + ")"
	case results.Len() == 0:
		return "error"
	}
	return "(" + text + ", error)"
}
