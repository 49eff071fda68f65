package face

import "strings"

// This file writes the call object, and what is the same for every method of it.
// The object over a synchronous server is here; that over a server that is
// asynchronous itself is in serve.go, and embeds the same.

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
	w.f("return &%s%s{server: server, opts: append([]%sOption{nil}, opts...)}\n}\n", f.object, f.args(), async)
}

// writeMachine writes the state of the object, and the two acts.
func (f *faceOf) writeMachine(w *writer) {
	async, sync := w.fixed(Module), w.fixed("sync")
	server := ""
	if f.parts.Object {
		server = "server " + f.self(w) + "\n"
	}
	w.f("\n")
	w.docf(`%s is a Call that knows which method its call is of. mu is held across Finish,
which runs nobody's code, and not across Begin, which may.`, f.object)
	w.f(`type %[1]s%[3]s struct {
	%[2]sCall[%[4]s]
	%[5]sopts   []%[2]sOption // the first is the name, which is set by who has set method

	mu     %[6]sMutex
	method string // with the name of the interface, of the call that is being begun or not finished, or nothing
	taken  uint64 // counts results taken
}
`, f.object, async, f.decl(w), f.result, server, sync)
	f.writeMachineBegin(w)
	f.writeMachineFinish(w)
	for _, m := range f.methods {
		w.at(f, m)
		if f.parts.Object {
			f.writeBegin(w, m)
		}
		f.writeFinish(w, m)
	}
}

func (f *faceOf) writeMachineBegin(w *writer) {
	async := w.fixed(Module)
	w.f(`
// claim has start begin a call of method with opts, unless a call is not finished. The
// name of the call is that of the method, where the other opts have none.
func (x *%[1]s%[2]s) claim(method string, start func() error) error {
	x.mu.Lock()
	if x.method != "" {
		x.mu.Unlock()
		return x.refusal(%[3]sErrCallPending)
	}
	x.method = method
	taken := x.taken
	x.mu.Unlock()
	begun := false
	defer func() {
		if !begun {
			x.unbegin(taken)
		}
	}()
	x.opts[0] = %[3]sName(method)
	if err := start(); err != nil {
		return err
	}
	begun = true
	return nil
}

// unbegin takes back the method where Begin refused or panicked. A call whose
// context was done is begun and canceled even where one of its OnSignal
// functions has panicked since; Cancel tells, and has nothing to cancel.
func (x *%[1]s%[2]s) unbegin(taken uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.taken == taken && x.Call.Cancel(nil) != %[3]sErrCanceled {
		x.method = ""
	}
}
`, f.object, f.args(), async)
	if f.parts.Object {
		w.f(`
func (x *%[1]s%[2]s) begin(ctx %[3]sContext, method string, fn func(%[3]sContext) (%[4]s, error), more ...%[5]sOption) error {
	return x.claim(method, func() error { return x.Call.Begin(ctx, fn, append(x.opts, more...)...) })
}
`, f.object, f.args(), w.fixed("context"), f.result, async)
	}
}

func (f *faceOf) writeMachineFinish(w *writer) {
	async := w.fixed(Module)
	keep := ""
	if f.streams() {
		keep = "if r.keep != nil && err == nil {\nr.keep() // before another Begin ends the call\n}\n"
	}
	take := "finish"
	if f.parts.Server {
		take = "take"
		w.f(`
// finish takes the result, and has it made where the server left that for now.
func (x *%[1]s%[2]s) finish(method string) (%[3]s, error) {
	r, err := x.take(method)
	if r.late != nil && err == nil {
		r.Value, err = r.late(true)
	}
	return r, err
}
`, f.object, f.args(), f.result)
	}
	w.f(`
func (x *%[1]s%[2]s) %[5]s(method string) (%[3]s, error) {
	x.mu.Lock()
	if x.method != method {
		x.mu.Unlock()
		return %[3]s{}, x.refusal(%[4]sErrCallComplete)
	}
	defer x.mu.Unlock()
	x.method = "" // also where Finish panics with the panic of the method
	r, err := x.Call.Finish()
	if r.Method == "" && (err == %[4]sErrCallPending || err == %[4]sErrCallComplete || err == %[4]sErrReleased) {
		x.method = method // nothing was taken
		return r, err
	}
	x.taken++
	%[6]sreturn r, err
}

// refusal is err, or that the object was released.
func (x *%[1]s%[2]s) refusal(err error) error {
	if x.Call.WaitFor(0) == %[4]sErrReleased {
		return %[4]sErrReleased
	}
	return err
}
`, f.object, f.args(), f.result, async, take, keep)
}

func (f *faceOf) writeBegin(w *writer, m *method) {
	context := w.fixed("context")
	names, busy := w.paramNames(m)
	x := busy.fresh("x")
	values, err := locals(busy, m.values())
	params := w.list(m.sig.Params(), m.sig.Variadic(), names)
	w.f("\nfunc (%s *%s%s) %s(%s) error {\n", x, f.object, f.args(), begin(m), params)
	param, keep, more := closureParam(m, names, context), "", ""
	if m.stream {
		param, keep, more = busy.fresh("call")+" "+context+"Context", busy.fresh("keep"), ", "+w.fixed(Module)+"Streaming()"
	}
	w.f("return %s.begin(%s, %q, func(%s) (%s, error) {\n", x, w.outerContext(m, names), f.full(m), param, f.result)
	if m.stream {
		call, _, _ := strings.Cut(param, " ")
		w.f("%s, %s := %s(%[1]s, %[4]s)\n", names[m.ctx], keep, f.newStream, call)
		keep = ", keep: " + keep
	}
	server := x + ".server." + m.name + "(" + call(m, names) + ")"
	switch {
	case m.sig.Results().Len() == 0:
		w.f("%s\n", server)
		err = "nil"
	case m.values() == 0:
		w.f("%s := %s\n", err, server)
	case m.hasErr:
		w.f("%s, %s := %s\n", strings.Join(values, ", "), err, server)
	default:
		w.f("%s := %s\n", strings.Join(values, ", "), server)
		err = "nil"
	}
	w.f("return %s{Method: %q%s%s}, %s\n}%s)\n}\n", f.result, m.name, f.boxed(m, values), keep, err, more)
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

// boxed is the Value of a result.
func (f *faceOf) boxed(m *method, values []string) string {
	switch len(values) {
	case 0:
		return ""
	case 1:
		return ", Value: " + values[0]
	}
	return ", Value: " + f.structOf(m, values)
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
		w.f("_, %s := %s.finish(%q)\nreturn %s\n}\n", err, x, f.full(m), err)
		return
	}
	w.f("%s, %s := %s.finish(%q)\n", r, err, x, f.full(m))
	w.f("%s, _ := %s.Value.(%s)\n", v, r, f.valueType(w, m))
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
