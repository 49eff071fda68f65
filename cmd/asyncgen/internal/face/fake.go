package face

// This file writes a server for tests, whose calls a test completes.

// writeFake writes the type, and how a test takes calls from it.
func (f *faceOf) writeFake(w *writer) {
	async, context, sync, reflect := w.fixed(Module), w.fixed("context"), w.fixed("sync"), w.fixed("reflect")
	w.f("\n")
	w.docf(`%s is an [%s] for tests. Its calls wait until the test takes them, by Next or by the
Next of one method, and completes them. It is an [%sCallFactory], of which %s makes a
synchronous client.`, f.fake, f.server, async, f.newSyncFrom)
	w.f(`type %[1]s%[2]s struct {
	opts []%[3]sOption

	mu    %[4]sMutex
	calls []any         // that were not taken, in order
	more  chan struct{} // closed when there is one more
}
`, f.fake, f.decl(w), async, sync)
	w.f("\n")
	w.docf("%s returns a server without calls. Its call objects begin calls with opts.", f.newFake)
	w.f(`func %[1]s%[2]s(opts ...%[3]sOption) *%[4]s%[5]s {
	return &%[4]s%[5]s{opts: opts, more: make(chan struct{})}
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
	return x.next(ctx, func(any) bool { return true })
}
`, f.newFake, f.decl(w), async, f.fake, f.args(), reflect, f.face, f.serve, context)
	f.writeFakeQueue(w)
	for _, m := range f.methods {
		w.f(`
// %[1]s has the call wait for %[2]s.
func (x *%[3]s%[4]s) %[1]s(promise *%[5]s%[4]s) { x.put(promise) }

// %[2]s is Next for calls of %[6]s.
func (x *%[3]s%[4]s) %[2]s(ctx %[7]sContext) (*%[5]s%[4]s, error) {
	call, err := x.next(ctx, func(call any) bool { _, ok := call.(*%[5]s%[4]s); return ok })
	promise, _ := call.(*%[5]s%[4]s)
	return promise, err
}
`, act(m, "Serve"), act(m, "Next"), f.fake, f.args(), f.promise[m.name], m.name, context)
	}
}

// writeFakeQueue writes how calls wait to be taken.
func (f *faceOf) writeFakeQueue(w *writer) {
	w.f(`
func (x *%[1]s%[2]s) next(ctx %[3]sContext, want func(call any) bool) (any, error) {
	for {
		call, more := x.take(want)
		if call != nil {
			return call, nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return nil, %[3]sCause(ctx)
		}
	}
}

// take takes the first call that is wanted, or returns what is closed when there is
// one more.
func (x *%[1]s%[2]s) take(want func(call any) bool) (call any, more chan struct{}) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for i, call := range x.calls {
		if want(call) {
			x.calls = append(x.calls[:i:i], x.calls[i+1:]...)
			return call, nil
		}
	}
	return nil, x.more
}

func (x *%[1]s%[2]s) put(call any) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.calls = append(x.calls, call)
	close(x.more)
	x.more = make(chan struct{})
}
`, f.fake, f.args(), w.fixed("context"))
}
