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
