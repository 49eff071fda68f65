package face

// This file writes the plain client, whose methods return calls.

import (
	"slices"
	"strings"
)

// writeCalls writes the plain client.
func (f *faceOf) writeCalls(w *writer) {
	async := w.fixed(Module)
	taken := make(nameSet)
	for _, name := range f.clients {
		taken.add(name)
	}
	for _, name := range f.discard {
		taken.add(name)
	}
	server, opts, serve := taken.fresh("server"), taken.fresh("opts"), taken.fresh("serve")
	w.f("\n")
	w.docf(`%s is a client of %s whose methods return a call each, so that any number may go on
at a time, and be waited for by Calls, Set and WaitAny. It comes from [%s].`, f.calls, f.link(w), f.newCalls)
	w.f("type %s%s struct {\n%s %s\n%s []%sOption\n", f.calls, f.decl(w), server, f.self(w), opts, async)
	if f.parts.Server {
		w.f("%s %s%s // in place of server, where it is not nil\n", serve, f.server, f.args())
	}
	discards := f.discardFields(w, server, opts, serve)
	w.f("}\n")
	w.f("\n")
	w.docf(`%s returns a client of server that begins each call with opts. It costs next to
nothing: an option for one call alone is given to a client for that call.`, f.newCalls)
	w.f("func %s%s(server %s, opts ...%sOption) %s%s {\n", f.newCalls, f.decl(w), f.self(w), async, f.calls, f.args())
	w.f("return %s%s{%s: server, %s: append([]%sOption(nil), opts...)}\n}\n", f.calls, f.args(), server, opts, async)
	if f.parts.Server {
		w.f("\n")
		w.docf(`%s is [%s] for an asynchronous server: a call takes no goroutine. A call that is
begun with a context that is over is canceled, and the server is not told. The server is told
on the caller's goroutine: a panic of the server is one of the method.`, f.serveCalls, f.newCalls)
		w.f("func %s%s(server %s%s, opts ...%sOption) %s%s {\n", f.serveCalls, f.decl(w), f.server, f.args(), async, f.calls, f.args())
		w.f("return %s%s{%s: server, %s: append([]%sOption(nil), opts...)}\n}\n", f.calls, f.args(), serve, opts, async)
	}
	f.writeCallsGo(w)
	n := clientFields{server, opts, serve, discards}
	for _, m := range f.methods {
		w.at(f, m)
		if m.discard {
			f.writeDiscard(w, m, f.calls, discards[m.name])
		}
		f.writeClientMethod(w, m, n)
	}
}

// The fields of a plain client have names that are none of its methods.
type clientFields struct {
	server, opts, serve string
	discards            map[string]string // of each method that has one
}

// writeClientMethod writes one method of the plain client.
func (f *faceOf) writeClientMethod(w *writer, m *method, n clientFields) {
	async, context := w.fixed(Module), w.fixed("context")
	names, busy := w.paramNames(m)
	x := busy.fresh("x")
	values, err := locals(busy, m.values())
	w.f("\n// %s begins a call of %s.\n", f.clients[m.name], m.name)
	if m.stream {
		w.docf(`The result goes on using the context of the call, which ends with that given here, or
when the call is released: release the call when the result is done with, and not before.`)
	}
	w.methodDoc(m.doc.Text)
	w.f("func (%s %s%s) %s(%s) *%sCall[%s] {\n", x, f.calls, f.args(), f.clients[m.name],
		w.list(m.sig.Params(), m.sig.Variadic(), names), async, f.valueType(w, m))
	more := ""
	if m.stream {
		more += ", " + async + "Streaming()"
	}
	if m.discard {
		more += ", " + x + "." + n.discards[m.name]
	}
	if f.parts.Server {
		promise, impl := busy.fresh("promise"), w.fixed(implModule)
		w.f("if %s.%s != nil {\n", x, n.serve)
		w.f("return %sServeCall[%s](%s, %q, %s.%s, func(%s %sPromise) {\n", impl, f.valueType(w, m), w.outerContext(m, names), f.full(m), x, n.opts, promise, impl)
		w.f("%s.%s.%s\n}%s)\n}\n", x, n.serve, f.tell(m, names, promise), more)
	}
	w.f("return %s(%s, %q, %s.%s, func(%s) (%s, error) {\n", f.callsGo, w.outerContext(m, names), f.full(m), x, n.opts, closureParam(m, names, context), f.valueType(w, m))
	f.writeCallBody(w, m, x+"."+n.server+"."+m.name+"("+call(m, names)+")", values, err)
	w.f("}%s)\n}\n", more)
}

// writeCallsGo writes the function that begins the calls of all methods.
func (f *faceOf) writeCallsGo(w *writer) {
	w.f("\n")
	w.docf("%s begins a call with opts, and with more that are not nil. The name of the call is that of the method, where opts have no other.", f.callsGo)
	w.f(`func %[1]s[R any](ctx %[2]sContext, name string, opts []%[3]sOption, fn func(%[2]sContext) (R, error), more ...%[3]sOption) *%[3]sCall[R] {
	opts = append([]%[3]sOption{%[3]sName(name)}, opts...)
	for _, o := range more {
		if o != nil {
			opts = append(opts, o)
		}
	}
	return %[3]sGo(ctx, fn, opts...)
}
`, f.callsGo, w.fixed("context"), w.fixed(Module))
}

// discardFields writes the fields of a client for the Discard of each method that has one, and
// returns their names. Its other fields are given.
func (f *faceOf) discardFields(w *writer, others ...string) map[string]string {
	taken := make(nameSet)
	taken.add(others...)
	for _, name := range f.clients {
		taken.add(name)
	}
	for _, name := range f.discard {
		taken.add(name)
	}
	fields := make(map[string]string)
	for _, m := range f.methods {
		if m.discard {
			fields[m.name] = taken.fresh("discard" + upper(m.name))
			w.f("%s %sOption // nil, or of the calls of %s\n", fields[m.name], w.fixed(Module), m.name)
		}
	}
	return fields
}

// writeDiscard writes the method of a client that sets the Discard of one method.
func (f *faceOf) writeDiscard(w *writer, m *method, client, field string) {
	async := w.fixed(Module)
	w.f("\n")
	w.docf(`%s returns a client whose calls of %s hand fn the result that nobody took; see
[%sDiscard]. It counts before a Discard among the options.`, f.discard[m.name], m.name, async)
	w.f("func (x %s%s) %s(fn func(%s, error)) %s%s {\n", client, f.args(), f.discard[m.name], f.valueType(w, m), client, f.args())
	w.f("x.%s = %sDiscard(fn)\nreturn x\n}\n", field, async)
}

// writeCallBody writes the body of a call's function, which calls server.
func (f *faceOf) writeCallBody(w *writer, m *method, server string, values []string, err string) {
	switch {
	case m.values() == 1 && m.hasErr:
		w.f("return %s\n", server)
	case m.values() == 1:
		w.f("return %s, nil\n", server)
	case m.values() == 0 && m.hasErr:
		w.f("return struct{}{}, %s\n", server)
	case m.values() == 0:
		w.f("%s\nreturn struct{}{}, nil\n", server)
	default:
		all := slices.Clone(values)
		if m.hasErr {
			all = append(all, err)
		} else {
			err = "nil"
		}
		w.f("%s := %s\nreturn %s, %s\n", strings.Join(all, ", "), server, f.structOf(m, values), err)
	}
}
