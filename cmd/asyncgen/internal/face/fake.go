package face

// This file writes a server for tests, whose calls a test completes.

// writeFake writes the type, and how a test takes calls from it.
func (f *faceOf) writeFake(w *writer) {
	async, context, impl, reflect := w.fixed(Module), w.fixed("context"), w.fixed(implModule), w.fixed("reflect")
	w.f("\n")
	client := ""
	if f.parts.Sync {
		client = ", of which [" + f.newSyncFrom + "] makes a synchronous client"
	}
	w.docf(`%s is an [%s] for tests. Its calls wait until the test takes them, by Next or by the
Next of one method, and completes them. It is an [%sCallFactory]%s.`, f.fake, f.server, async, client)
	w.f("type %s%s struct {\nopts []%sOption\nqueue %sQueue\n}\n", f.fake, f.decl(w), async, impl)
	w.f("\n")
	w.docf("%s returns a server without calls. Its call objects begin calls with opts.", f.newFake)
	w.f(`func %[1]s%[2]s(opts ...%[3]sOption) *%[4]s%[5]s {
	return &%[4]s%[5]s{opts: opts}
}

// CreateCall returns a new call object; see [%[3]sCreateCall].
func (x *%[4]s%[5]s) CreateCall(iface %[6]sType) (any, error) {
	if iface != %[6]sTypeOf((*%[7]s%[5]s)(nil)).Elem() {
		return nil, %[3]sErrNoMethod
	}
	return %[8]s%[5]s(x, x.opts...), nil
}

// Next waits for a call and takes it: the first of those that are there, as a pointer
// to the promise of its method. The error is the cause of the end of ctx.
func (x *%[4]s%[5]s) Next(ctx %[9]sContext) (any, error) {
	return x.queue.Next(ctx, func(any) bool { return true })
}
`, f.newFake, f.decl(w), async, f.fake, f.args(), reflect, f.face, f.serve, context)
	for _, m := range f.methods {
		w.f(`
// %[1]s has the call wait for %[2]s.
func (x *%[3]s%[4]s) %[1]s(promise *%[5]s%[4]s) { x.queue.Put(promise) }

// %[2]s is Next for calls of %[6]s.
func (x *%[3]s%[4]s) %[2]s(ctx %[7]sContext) (*%[5]s%[4]s, error) {
	call, err := x.queue.Next(ctx, func(call any) bool { _, ok := call.(*%[5]s%[4]s); return ok })
	promise, _ := call.(*%[5]s%[4]s)
	return promise, err
}
`, act(m, "Serve"), act(m, "Next"), f.fake, f.args(), f.promise[m.name], m.name, context)
	}
}
