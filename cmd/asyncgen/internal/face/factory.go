package face

// This file writes the factories that make call objects.

// writeFactory writes the factory to embed.
func (f *faceOf) writeFactory(w *writer) {
	async, reflect := w.fixed(Module), w.fixed("reflect")
	w.f("\n")
	w.docf(`%s makes call objects. Embedded in a server it makes that an [%sCallFactory],
which knows [%s] and nothing else; where it is nil, not even that.`, f.factory, async, f.face)
	w.f("type %s%s func() (%s%s, error)\n", f.factory, f.decl(w), f.face, f.args())
	if f.parts.Object {
		w.f("\n")
		w.docf("%s returns a factory of call objects as [%s] makes them.", f.newFactory, f.newFace)
		w.f("func %s%s(server %s, opts ...%sOption) %s%s {\n", f.newFactory, f.decl(w), f.self(w), async, f.factory, f.args())
		w.f("return func() (%s%s, error) { return %s%s(server, opts...), nil }\n}\n", f.face, f.args(), f.newFace, f.args())
	}
	w.f("\n// CreateCall returns a new call object; see [%sCreateCall].\n", async)
	w.f("func (create %s%s) CreateCall(iface %sType) (any, error) {\n", f.factory, f.args(), reflect)
	w.f("switch {\ncase create == nil:\nreturn nil, %sErrNoInterface\n", async)
	w.f("case iface != %sTypeOf((*%s%s)(nil)).Elem():\nreturn nil, %sErrNoMethod\n}\n", reflect, f.face, f.args(), async)
	w.f("return create()\n}\n")
}

// writeFactories writes a type with the factories of several interfaces. Two that are
// embedded side by side leave a server without CreateCall, for it is ambiguous.
func (w *writer) writeFactories(name string, faces []*faceOf) {
	async, reflect := w.fixed(Module), w.fixed("reflect")
	fields := make(nameSet)
	fields.add("CreateCall")
	names := make([]string, len(faces))
	w.f("\n")
	w.docf(`%s is the factories of a server that has several asynchronous faces, to embed in
it. A face whose factory is nil is none of the server's.`, name)
	w.f("type %s struct {\n", name)
	for i, f := range faces {
		w.location, w.what = f.t.Pos, f.as
		if len(f.tparams) > 0 || !f.parts.Factory {
			w.refusef("-factories %s: want types that have no parameters and whose factories are written", name)
		}
		names[i] = fields.fresh(upper(f.as))
		w.f("%s %s\n", names[i], f.factory)
	}
	w.f("}\n")
	w.f("\n// CreateCall returns a new call object; see [%sCreateCall].\n", async)
	w.f("func (x %s) CreateCall(iface %sType) (any, error) {\nswitch iface {\n", name, reflect)
	for i, f := range faces {
		w.f("case %sTypeOf((*%s)(nil)).Elem():\nif x.%s != nil {\nreturn x.%[3]s()\n}\n", reflect, f.face, names[i])
	}
	w.f("}\nreturn nil, %sErrNoMethod\n}\n", async)
}
