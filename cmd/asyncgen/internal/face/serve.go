package face

import (
	"fmt"
	"strings"
)

// This file writes what a server that is asynchronous itself has to do with: the
// interface that it implements, the promise of each method, and the call object.

// writeServer writes all of it.
func (f *faceOf) writeServer(w *writer) {
	w.f("\n")
	w.docf(`%s serves %s asynchronously. Each method is told of one call and returns at once:
no method may block. The call is complete when its promise is, whenever that is and
whoever does it.`, f.server, f.link(w))
	w.f("type %s%s interface {\n", f.server, f.decl(w))
	for _, m := range f.methods {
		w.at(f, m)
		w.f("// %s serves a call of %s.\n", act(m, "Serve"), m.name)
		w.methodDoc(m.doc.Text)
		w.f("%s(promise *%s%s)\n", act(m, "Serve"), f.promise[m.name], f.args())
	}
	w.f("}\n")
	f.writeServe(w)
	for _, m := range f.methods {
		w.at(f, m)
		f.writePromise(w, m)
		f.writeServedBegin(w, m)
	}
}

// writeServe writes the constructor and the type of the call object.
func (f *faceOf) writeServe(w *writer) {
	async, impl := w.fixed(Module), w.fixed(implModule)
	w.f("\n")
	w.docf(`%s returns a call object whose calls server serves, and which are begun with opts. A
call that is begun with a context that is over is canceled, and the server is not told.
An [%sDiscard] among opts takes the results of Complete that nobody took; the drop of a
Deliver is not called then.`, f.serve, async)
	inner := "Object: " + impl + "NewServed(opts...)"
	w.f("func %s%s(server %s%s, opts ...%sOption) %s%s {\n", f.serve, f.decl(w), f.server, f.args(), async, f.face, f.args())
	w.f("return &%s%s{%s%s{%s}, server}\n}\n", f.served, f.args(), f.object, f.args(), inner)
	w.f("\n")
	w.docf("%s is the call object of an asynchronous server.", f.served)
	w.f("type %s%s struct {\n%s%s\nserve %s%s\n}\n", f.served, f.decl(w), f.object, f.args(), f.server, f.args())
}

// argFields are the fields of a promise for the parameters that are no context of the
// call. The field of that is empty.
func argFields(m *method) []string {
	taken := make(nameSet)
	taken.add("Context", "Complete", "CompleteOrDiscard", "Deliver", "Break", "promise", "stream", "keep")
	var list []string
	for i := range m.sig.Params().Len() {
		name := m.sig.Params().At(i).Name()
		switch {
		case i == m.ctx:
			list = append(list, "")
			continue
		case name == "" || name == "_":
			name = fmt.Sprint("Arg", i+1)
		}
		list = append(list, taken.fresh(title(strings.TrimLeft(name, "_"))))
	}
	return list
}

// writePromise writes the server's end of a call.
func (f *faceOf) writePromise(w *writer, m *method) {
	async, context := w.fixed(Module), w.fixed("context")
	promise := f.promise[m.name]
	w.f("\n")
	w.docf("%s is the server's end of a call of %s. Its fields are what the method was given.", promise, m.name)
	w.f("type %s%s struct {\n", promise, f.decl(w))
	for i, name := range argFields(m) {
		if name != "" {
			w.f("%s %s\n", name, w.typ(m.sig.Params().At(i).Type()))
		}
	}
	w.f("\npromise %sPromise\n}\n", w.fixed(implModule))
	w.f("\n// Context is the context of the call; see [%sPromise.Context].\n", async)
	if m.stream {
		w.docf("The result goes on using it: it ends with the context that Begin was given.")
	}
	w.f("func (x *%s%s) Context() %sContext { return x.promise.Context() }\n", promise, f.args(), context)
	f.writeComplete(w, m)
	w.f("\n// Break says that nobody is going to complete the call; see [%sPromise.Break].\n", async)
	w.f("func (x *%s%s) Break() { x.promise.Break() }\n", promise, f.args())
}

// writeComplete writes the two ways to complete a promise.
func (f *faceOf) writeComplete(w *writer, m *method) {
	promise := f.promise[m.name]
	busy := w.block.clone()
	if busy == nil {
		busy = make(nameSet)
	}
	x, take, drop := busy.fresh("x"), busy.fresh("take"), busy.fresh("drop")
	values, err := f.resultNames(m, busy)
	params := err + " error"
	if len(values) > 0 {
		params = w.list(m.valueTuple(), false, values) + ", " + params
	}
	w.f("\n")
	w.docf(`Complete completes the call with what Finish is to return, and reports whether it did.
Where it did not, since the client has canceled, the values are still the server's.`)
	w.f("func (%s *%s%s) Complete(%s) bool {\n", x, promise, f.args(), params)
	w.f("return %s.promise.Complete(%s, %s)\n}\n", x, f.boxed(m, values), err)
	w.f("\n")
	w.docf(`CompleteOrDiscard is Complete for a server that has nobody to give the values back to:
where the client has canceled, they go to the [%sDiscard] among the options of the call, on the
caller's goroutine.`, w.fixed(Module))
	w.f("func (%s *%s%s) CompleteOrDiscard(%s) bool {\n", x, promise, f.args(), params)
	w.f("return %s.promise.CompleteOrDiscard(%s, %s)\n}\n", x, f.boxed(m, values), err)
	w.f("\n")
	w.docf(`Deliver completes the call with what take returns. Take runs when a client takes the
result, in %s, where it may write to what Begin was given: that is the client's again
where the call was canceled or abandoned. Where nobody takes the result, drop runs, if it
is not nil. Deliver reports false where neither will run.%s`, finish(m), f.deliverNote())
	w.f("func (%s *%s%s) Deliver(%s func() %s, %s func()) bool {\n", x, promise, f.args(), take, w.finishTypes(m), drop)
	w.f("return %s.promise.Deliver(func() (any, error) {\n", x)
	f.writeTaken(w, m, take, values, err)
	w.f("}, %s)\n}\n", drop)
}

// writeTaken writes the body of a function that returns what take does.
func (f *faceOf) writeTaken(w *writer, m *method, take string, values []string, err string) {
	switch len(values) {
	case 0:
		w.f("return nil, %s()\n", take)
	case 1:
		w.f("return %s()\n", take)
	default:
		w.f("%s, %s := %s()\nreturn %s, %[2]s\n", strings.Join(values, ", "), err, take, f.structOf(m, values))
	}
}

// resultNames are the names of results as parameters: those of the source, where they
// are free.
func (f *faceOf) resultNames(m *method, busy nameSet) (values []string, err string) {
	for i := range m.values() {
		name := m.value(i).Name()
		if name == "" || name == "_" {
			name = fmt.Sprint("v", i+1)
		}
		values = append(values, busy.fresh(name))
	}
	return values, busy.fresh("err")
}

func (f *faceOf) writeServedBegin(w *writer, m *method) {
	names, busy := w.paramNames(m)
	x, promise := busy.fresh("x"), busy.fresh("promise")
	w.f("\nfunc (%s *%s%s) %s(%s) error {\n", x, f.served, f.args(), begin(m), w.list(m.sig.Params(), m.sig.Variadic(), names))
	w.f("return %s.Promise(%s, %q, %v, func(%s %sPromise) {\n", x, w.outerContext(m, names), f.full(m), m.stream, promise, w.fixed(implModule))
	w.f("%s.serve.%s\n})\n}\n", x, f.tell(m, names, promise))
}

// tell is the call that tells a server of a call with parameters of these names.
func (f *faceOf) tell(m *method, names []string, promise string) string {
	var list []string
	for i, name := range argFields(m) {
		if name != "" {
			list = append(list, name+": "+names[i])
		}
	}
	list = append(list, "promise: "+promise)
	return fmt.Sprintf("%s(&%s%s{%s})", act(m, "Serve"), f.promise[m.name], f.args(), strings.Join(list, ", "))
}

// deliverNote is what Deliver does for a call of the plain client, where there is one.
func (f *faceOf) deliverNote() string {
	if !f.parts.Calls {
		return ""
	}
	return "\nFor a call of " + f.calls + " take runs at once, and drop does not."
}
