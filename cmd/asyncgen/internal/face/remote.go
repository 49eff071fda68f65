package face

import (
	"fmt"
	"go/types"
	"slices"
	"strings"
)

// This file writes the client of an interface that is served by another process, and the
// server for such clients. What is written is names and types: what is done is done by
// package asyncnats.

// writeRemote writes all of it.
func (f *faceOf) writeRemote(w *writer) {
	for _, m := range f.methods {
		w.at(f, m)
		f.writeMessages(w, m)
	}
	f.writeForms(w)
	f.writeProxy(w)
	f.writeRemoteCalls(w)
	f.writeRemoteClient(w)
	f.writeRemoteObject(w)
	f.writeServeRemote(w)
}

// refuseOwn stops at a method whose name is that of something which the client has itself.
func (f *faceOf) refuseOwn(w *writer, m *method) {
	switch m.name {
	case "CreateCall":
		w.refusef("%s is to have a CreateCall of its own, since it makes call objects: a client for other processes cannot have this method", f.remote)
	case f.face:
		w.refusef("%s is to embed its %s, so a client for other processes cannot have this method; -prefix names the face otherwise", f.remote, f.face)
	}
}

// writeMessages writes the two structs that travel for a method.
func (f *faceOf) writeMessages(w *writer, m *method) {
	w.f("\n// %s is the parameters of %s as they travel.\n", f.request[m.name], m.name)
	w.f("type %s%s struct {\n", f.request[m.name], f.decl(w))
	tags := tagsOf(sourceNames(m.sig.Params()), "arg")
	for i, name := range argFields(m) {
		if name != "" {
			w.f("%s %s `json:%q`\n", name, f.wireType(w, m.sig.Params().At(i).Type()), tags[i])
		}
	}
	w.f("}\n")
	w.f("\n// %s is the results of %s as they travel.\n", f.reply[m.name], m.name)
	w.f("type %s%s struct {\n", f.reply[m.name], f.decl(w))
	tags = tagsOf(sourceNames(m.valueTuple()), "r")
	for i, name := range fields(m) {
		w.f("%s %s `json:%q`\n", name, f.wireType(w, m.value(i).Type()), tags[i])
	}
	w.f("}\n")
}

// tagsOf are the names of variables in JSON: those of the source, or else their places.
func tagsOf(names []string, stem string) []string {
	taken := make(nameSet)
	taken.add(names...)
	list := slices.Clone(names)
	for i, name := range names {
		if name == "" || name == "_" {
			list[i] = taken.fresh(fmt.Sprint(stem, i+1))
		}
	}
	return list
}

// writeProxy writes the function that makes the proxy of the clients.
func (f *faceOf) writeProxy(w *writer) {
	nats := w.fixed(natsModule)
	w.f("\nfunc %s%s(c *%sClient, prefix string) *%sProxy {\n", f.newProxy, f.decl(w), nats, nats)
	w.f("return %sNewProxy(c, prefix, %q,\n", nats, f.as)
	for _, m := range f.methods {
		w.f("%sMethodOf[%s%s, %s%s](%q),\n", nats, f.request[m.name], f.args(), f.reply[m.name], f.args(), m.name)
	}
	w.f(")\n}\n")
}

// writeRemoteCalls writes the client whose methods return calls.
func (f *faceOf) writeRemoteCalls(w *writer) {
	async, nats := w.fixed(Module), w.fixed(natsModule)
	proxy, opts := f.remoteFields()
	w.f("\n")
	w.docf(`%s is a client of %s, which another process serves by [%s]. Its methods return a call
each, so that any number may go on at a time, and be waited for by Calls, Set, WaitAny and
Hedge; no call needs a goroutine. It comes from [%s].`, f.remoteCalls, f.link(w), f.serveRemote, f.newRemoteCalls)
	w.f("type %s%s struct {\n%s *%sProxy\n%s []%sOption\n", f.remoteCalls, f.decl(w), proxy, nats, opts, async)
	discards := f.discardFields(w, proxy, opts)
	w.f("}\n")
	w.f("\n")
	w.docf(`%s returns a client of what is served at the prefix. It begins each call with opts.`, f.newRemoteCalls)
	w.f("func %s%s(c *%sClient, prefix string, opts ...%sOption) %s%s {\n", f.newRemoteCalls, f.decl(w), nats, async, f.remoteCalls, f.args())
	w.f("return %s%s{%s: %s%s(c, prefix), %s: append([]%sOption(nil), opts...)}\n}\n", f.remoteCalls, f.args(), proxy, f.newProxy, f.args(), opts, async)
	for _, m := range f.methods {
		w.at(f, m)
		if m.discard {
			f.writeDiscard(w, m, f.remoteCalls, discards[m.name])
		}
		names, busy := w.paramNames(m)
		x, r := busy.fresh("x"), busy.fresh("r")
		w.f("\n// %s begins a call of %s.\n", f.clients[m.name], m.name)
		w.copied(m)
		w.methodDoc(m.doc.Text)
		w.f("func (%s %s%s) %s(%s) *%sCall[%s] {\n", x, f.remoteCalls, f.args(), f.clients[m.name],
			w.list(m.sig.Params(), m.sig.Variadic(), names), async, f.valueType(w, m))
		options := x + "." + opts
		if m.discard {
			options = busy.fresh("opts")
			w.f("%s := %s.%s\nif %s.%s != nil {\n", options, x, opts, x, discards[m.name])
			w.f("%s = append(%[1]s[:len(%[1]s):len(%[1]s)], %s.%s)\n}\n", options, x, discards[m.name])
		}
		w.f("return %sInvoke(%s, %s.%s, %q, %s, func(%s *%s%s) %s { return %s }, %s...)\n}\n", nats, w.outerContext(m, names), x, proxy,
			m.name, f.requestOf(w, m, names), r, f.reply[m.name], f.args(), f.valueType(w, m), f.valueOf(w, m, r), options)
	}
}

// remoteFields are the names of the fields of that client, which are none of its methods.
func (f *faceOf) remoteFields() (proxy, opts string) {
	taken := make(nameSet)
	for _, name := range f.clients {
		taken.add(name)
	}
	for _, name := range f.discard {
		taken.add(name)
	}
	return taken.fresh("proxy"), taken.fresh("opts")
}

// copied writes that what a method is given travels as a copy, where that matters.
func (w *writer) copied(m *method) {
	for i, v := range allOf(m.sig.Params()) {
		if i != m.ctx && refers(v.Type()) {
			w.docf("What the server does to its parameters is not seen here: they are copies.")
			return
		}
	}
}

// requestOf is the message of a call with parameters of these names.
func (f *faceOf) requestOf(w *writer, m *method, names []string) string {
	var list []string
	for i, name := range argFields(m) {
		if name != "" {
			list = append(list, name+": "+f.toWire(w, m.sig.Params().At(i).Type(), names[i]))
		}
	}
	return "&" + f.request[m.name] + f.args() + "{" + strings.Join(list, ", ") + "}"
}

// resultsOf are the results in a reply.
func (f *faceOf) resultsOf(w *writer, m *method, r string) []string {
	list := fields(m)
	for i, name := range list {
		list[i] = f.fromWire(w, m.value(i).Type(), r+"."+name)
	}
	return list
}

// valueOf is the value of a call, made from its reply.
func (f *faceOf) valueOf(w *writer, m *method, r string) string {
	switch values := f.resultsOf(w, m, r); len(values) {
	case 0:
		return "struct{}{}"
	case 1:
		return values[0]
	default:
		return f.structOf(m, values)
	}
}

// writeRemoteClient writes the client that is the interface itself.
func (f *faceOf) writeRemoteClient(w *writer) {
	async, nats, reflect := w.fixed(Module), w.fixed(natsModule), w.fixed("reflect")
	taken := make(nameSet)
	for _, m := range f.methods {
		taken.add(m.name)
	}
	calls := taken.fresh("calls")
	w.f("\n")
	w.docf(`%[1]s is a client of %[2]s, which another process serves by [%[3]s]. It is the interface
itself, for any number of goroutines at the same time; it is an [%[4]s], which carries one call at a
time; and it is an [%[5]sCallFactory] of more of these. It comes from [%[6]s].

A method waits for its result. Where its context ends before, it returns an
[*%[5]sCanceledError], and the server is told. A method that has no error panics with what
goes wrong on the way. See package asyncnats for what can.`, f.remote, f.link(w), f.serveRemote, f.face, async, f.newRemote)
	w.f("type %s%s struct {\n%s%s // unless a method of the interface has the name of one of these\n%s %s%s\n}\n",
		f.remote, f.decl(w), f.face, f.args(), calls, f.remoteCalls, f.args())
	w.f("\n")
	w.docf(`%s returns a client of what is served at the prefix: the subject of a method is the prefix,
a dot, and the name of the method. It begins each call with opts.`, f.newRemote)
	w.f("func %s%s(c *%sClient, prefix string, opts ...%sOption) *%s%s {\n", f.newRemote, f.decl(w), nats, async, f.remote, f.args())
	w.f("x := &%s%s{%s: %s%s(c, prefix, opts...)}\n", f.remote, f.args(), calls, f.newRemoteCalls, f.args())
	w.f("x.%s = %s%s(x.%s)\nreturn x\n}\n", f.face, f.newRemoteObject, f.args(), calls)
	w.f("\n// CreateCall returns a new call object; see [%sCreateCall].\n", async)
	w.f("func (x *%s%s) CreateCall(iface %sType) (any, error) {\n", f.remote, f.args(), reflect)
	w.f("if iface != %sTypeOf((*%s%s)(nil)).Elem() {\nreturn nil, %sErrNoMethod\n}\n", reflect, f.face, f.args(), async)
	w.f("return %s%s(x.%s), nil\n}\n", f.newRemoteObject, f.args(), calls)
	for _, m := range f.methods {
		w.at(f, m)
		f.writeRemoteMethod(w, m, calls)
	}
}

func (f *faceOf) writeRemoteMethod(w *writer, m *method, calls string) {
	context := w.fixed("context")
	names, busy := w.paramNames(m)
	x, c := busy.fresh("x"), busy.fresh("c")
	v, err := busy.fresh("v"), busy.fresh("err")
	results := w.list(m.sig.Results(), false, make([]string, m.sig.Results().Len()))
	if m.sig.Results().Len() > 1 {
		results = "(" + results + ")"
	}
	w.f("\n// %s calls %s, and waits for the result.\n", m.name, m.name)
	w.copied(m)
	w.methodDoc(m.doc.Text)
	w.f("func (%s *%s%s) %s(%s) %s {\n", x, f.remote, f.args(), m.name, w.list(m.sig.Params(), m.sig.Variadic(), names), results)
	w.f("%s := %s.%s.%s(%s)\ndefer %s.Release()\n", c, x, calls, f.clients[m.name], call(m, names), c)
	wait := context + "Background()"
	if m.ctx >= 0 {
		wait = context + "WithoutCancel(" + names[m.ctx] + ")"
	}
	if m.values() == 0 {
		v = "_"
	}
	if m.hasErr && m.values() == 1 {
		w.f("return %s.Await(%s)\n}\n", c, wait)
		return
	}
	w.f("%s, %s := %s.Await(%s)\n", v, err, c, wait)
	list := []string{v}
	switch m.values() {
	case 0:
		list = nil
	case 1:
	default:
		list = fields(m)
		for i, name := range list {
			list[i] = v + "." + name
		}
	}
	if m.hasErr {
		w.f("return %s\n}\n", strings.Join(append(list, err), ", "))
		return
	}
	w.f("if %s != nil {\npanic(%[1]s)\n}\n", err)
	if len(list) > 0 {
		w.f("return %s\n", strings.Join(list, ", "))
	}
	w.f("}\n")
}

// refers reports whether two values of a type may be one thing.
func refers(t types.Type) bool {
	switch t.Underlying().(type) {
	case *types.Pointer, *types.Slice, *types.Map:
		return true
	}
	return false
}

// writeRemoteObject writes the call object of the client.
func (f *faceOf) writeRemoteObject(w *writer) {
	async, nats, impl := w.fixed(Module), w.fixed(natsModule), w.fixed(implModule)
	proxy, opts := f.remoteFields()
	w.f("\n")
	w.docf("%s is a call object whose calls another process serves.", f.remoteObject)
	w.f("type %s%s struct {\n%s%s\nproxy *%sProxy\n}\n", f.remoteObject, f.decl(w), f.object, f.args(), nats)
	w.f("\nfunc %s%s(calls %s%s) *%s%s {\n", f.newRemoteObject, f.decl(w), f.remoteCalls, f.args(), f.remoteObject, f.args())
	w.f("return &%s%s{%s%s{Object: %sNew(calls.%s...)}, calls.%s}\n}\n", f.remoteObject, f.args(), f.object, f.args(), w.fixed(implModule), opts, proxy)
	for _, m := range f.methods {
		w.at(f, m)
		names, busy := w.paramNames(m)
		x, r := busy.fresh("x"), busy.fresh("r")
		on, options := busy.fresh("on"), busy.fresh("opts")
		w.f("\nfunc (%s *%s%s) %s(%s) error {\n", x, f.remoteObject, f.args(), begin(m), w.list(m.sig.Params(), m.sig.Variadic(), names))
		w.f("return %sStart(%s.Object, %q, func(%s *%sCall[%s], %s []%sOption) error {\n", impl, x, f.full(m), on, async, f.result, options, async)
		w.f("return %sInvokeOn(%s, %s, %s.proxy, %q, %s, func(%s *%s%s) %s {\n", nats, w.outerContext(m, names), on, x, m.name,
			f.requestOf(w, m, names), r, f.reply[m.name], f.args(), f.result)
		w.f("return %sResultOf(%q, %s)\n}, %s...)\n})\n}\n", impl, f.full(m), f.boxed(m, f.resultsOf(w, m, r)), options)
	}
}

// writeServeRemote writes the function that serves an implementation.
func (f *faceOf) writeServeRemote(w *writer) {
	nats, conn, context := w.fixed(natsModule), w.fixed(natsClient), w.fixed("context")
	w.f("\n")
	w.docf(`%[1]s serves clients as [%[2]s] and [%[3]s] make them: each method at the subject that is the
prefix, a dot, and its name. Servers at the same prefix share the calls. The calls of server run in
goroutines of their own, as options say. A method that has no context cannot hear that its call was
canceled. See [%[4]sServeMethods]; it panics where server is nil.`, f.serveRemote, f.newRemote, f.newRemoteCalls, nats)
	w.f("func %s%s(nc *%sConn, prefix string, server %s, options %sServeOptions) (*%sServer, error) {\n",
		f.serveRemote, f.decl(w), conn, f.self(w), nats, nats)
	w.f("if server == nil {\npanic(%q)\n}\n", "asyncnats: "+f.serveRemote+" with a nil "+f.t.Name.Name())
	w.f("return %sServeMethods(nc, prefix, %q, options,\n", nats, f.as)
	for _, m := range f.methods {
		w.at(f, m)
		f.writeHandle(w, m, nats, context)
	}
	w.f(")\n}\n")
}

func (f *faceOf) writeHandle(w *writer, m *method, nats, context string) {
	reply := f.reply[m.name] + f.args()
	ctx, r := "ctx", "r"
	if m.ctx < 0 {
		ctx = ""
	}
	args := argFields(m)
	used := false
	for i, name := range args {
		if i == m.ctx {
			args[i] = ctx
			continue
		}
		args[i] = f.fromWire(w, m.sig.Params().At(i).Type(), r+"."+name)
		used = true
	}
	if !used {
		r = ""
	}
	w.f("%sHandle(%q, func(%s %sContext, %s *%s%s) (*%s, error) {\n", nats, m.name, orBlank(ctx), context, orBlank(r), f.request[m.name], f.args(), reply)
	_, busy := w.paramNames(m)
	busy.add("server", "ctx", "r")
	values, err := locals(busy, m.values())
	server := "server." + m.name + "(" + call(m, args) + ")"
	all := slices.Clone(values)
	if m.hasErr {
		all = append(all, err)
	} else {
		err = "nil"
	}
	if len(all) == 0 {
		w.f("%s\n", server)
	} else {
		w.f("%s := %s\n", strings.Join(all, ", "), server)
	}
	for i, name := range fields(m) {
		values[i] = name + ": " + f.toWire(w, m.value(i).Type(), values[i])
	}
	w.f("return &%s{%s}, %s\n}),\n", reply, strings.Join(values, ", "), err)
}

func orBlank(name string) string {
	if name == "" {
		return "_"
	}
	return name
}
