package face

import "strings"

// writeFace writes the interface.
func (f *faceOf) writeFace(w *writer) {
	async, context, time := w.fixed(Module), w.fixed("context"), w.fixed("time")
	w.f("\n")
	w.docf(`%[1]s is the asynchronous face of %[2]s: a call object, which carries one
call at a time over all methods. A Begin starts a call and returns at once, or returns
[%[3]sErrCallPending] where an earlier one is not finished. A Finish takes the result of
the call once it is complete: exactly what the method returned. Before that it returns
[%[3]sErrCallPending], and where there is no call, or it is one of another method,
[%[3]sErrCallComplete]; then nothing has changed. All else is as with an [%[3]sCall].`,
		f.face, f.link(w), async)
	w.f("type %s%s interface {\n", f.face, f.decl(w))
	for _, m := range f.methods {
		w.at(f, m)
		params := w.list(m.sig.Params(), m.sig.Variadic(), sourceNames(m.sig.Params()))
		w.f("// %s begins a call of %s.\n", begin(m), m.name)
		if m.stream {
			w.docf("The result goes on using the context: it ends with that, whatever becomes of the call object.")
		}
		w.methodDoc(m.doc.Text)
		w.f("%s(%s) error\n", begin(m), params)
		w.f("// %s takes the result of a call of %s.\n", finish(m), m.name)
		w.methodDoc(deprecated(m.doc.Text))
		w.f("%s() %s\n\n", finish(m), w.finishResults(m))
	}
	w.f("// Wait returns nil when the call is complete, and what ended the wait before.\n")
	w.f("Wait(ctx %sContext) error\n", context)
	w.f("// WaitFor is Wait for at most d; zero or less polls.\n")
	w.f("WaitFor(d %sDuration) error\n", time)
	w.f("// IsDone reports whether the call is complete.\n")
	w.f("IsDone() bool\n")
	w.f("// Done returns a channel that is closed when the call is complete.\n")
	w.f("Done() <-chan struct{}\n")
	w.f("// Signal returns a wait-only handle on the call.\n")
	w.f("Signal() *%sSignal\n", async)
	w.f("// Cancel completes a pending call at once, as canceled.\n")
	w.f("Cancel(cause error) error\n")
	w.f("// CancelWait asks the server first, and gives it until ctx ends.\n")
	w.f("CancelWait(ctx %sContext, cause error) error\n", context)
	w.f("// Release gives up the call object.\n")
	w.f("Release()\n}\n")
}

// methodDoc writes the method's own comment below a line of ours.
func (w *writer) methodDoc(text string) {
	if text == "" {
		return
	}
	w.f("//\n")
	for line := range strings.Lines(text) {
		if fields := strings.Fields(line); len(fields) > 0 && fields[0] == "+build" {
			continue // which go vet wants nowhere but above a package
		}
		line = strings.TrimRight(line, " \t\r\n")
		if line != "" && !strings.HasPrefix(line, "\t") {
			line = " " + line
		}
		w.f("//%s\n", line)
	}
}

// deprecated is the paragraph of a comment that says so, or nothing.
func deprecated(text string) string {
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		if strings.HasPrefix(paragraph, "Deprecated: ") {
			return paragraph
		}
	}
	return ""
}

// fixed is the name of a package that an output may need of itself.
func (w *writer) fixed(path string) string {
	w.needed[path] = true
	return w.pkg(w.pkgs[path])
}

// finishResults is the results of a method's Finish: those of the method, and an
// error where it has none.
func (w *writer) finishResults(m *method) string {
	results := m.sig.Results()
	names := sourceNames(results)
	text := w.list(results, false, names)
	named := len(names) > 0 && names[0] != ""
	switch {
	case m.hasErr && (results.Len() > 1 || named):
		return "(" + text + ")"
	case m.hasErr:
		return text
	case results.Len() == 0:
		return "error"
	case named:
		taken := make(nameSet)
		taken.add(names...)
		return "(" + text + ", " + taken.fresh("err") + " error)"
	}
	return "(" + text + ", error)"
}

// writeResults writes the structs for methods of several values, and what the calls of
// a call object complete with.
func (f *faceOf) writeResults(w *writer) {
	for _, m := range f.methods {
		if m.values() < 2 || !f.parts.result() && !f.parts.calls() {
			continue
		}
		w.at(f, m)
		w.f("\n// %s is what %s returns beside an error.\n", f.structs[m.name], m.name)
		w.f("type %s%s struct {\n", f.structs[m.name], f.decl(w))
		for i, name := range fields(m) {
			w.f("%s %s\n", name, w.typ(m.value(i).Type()))
		}
		w.f("}\n")
	}
	if !f.parts.result() {
		return
	}
	maker := f.newFace
	switch {
	case f.parts.Object:
	case f.parts.Server:
		maker = f.serve
	default:
		maker = f.newRemote
	}
	w.f("\n")
	w.docf(`%s is what the calls of [%s] complete with beside an error. Only the function
of an [%sDiscard] among its options gets to see it.`, f.result, maker, w.fixed(Module))
	w.f("type %s = %sResult\n", f.result, w.fixed(implModule))
}
