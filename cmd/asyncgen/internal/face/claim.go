package face

import (
	"maps"
	"slices"

	"github.com/seed4712c49f/async/cmd/asyncgen/internal/load"
)

// This file gives names to what is declared, and sees to it that nobody has them.

// nameClients names the methods of the plain client.
func (f *faceOf) nameClients(taken nameSet) {
	f.clients, f.discard = make(map[string]string), make(map[string]string)
	for _, m := range f.methods {
		if !vetoed(m.name) {
			f.clients[m.name] = m.name
			taken.add(m.name)
		}
	}
	for _, m := range f.methods {
		if vetoed(m.name) {
			f.clients[m.name] = taken.fresh(m.name + "Call")
		}
	}
	for _, m := range f.methods {
		if m.discard {
			f.discard[m.name] = taken.fresh(act(m, "Discard"))
		}
	}
}

// claim takes the names of the declarations, which nobody may have.
func (f *faceOf) claim(w *writer, top nameSet) error {
	if err := f.claimPublic(w, top, f.declared()); err != nil {
		return err
	}
	private := nameSet{}
	private.add(w.p.Names(w.built)...)
	private.add(slices.Collect(maps.Keys(w.p.ImportNames()))...)
	for name := range top {
		private.add(name)
	}
	for _, name := range []*string{&f.object, &f.adapter, &f.served, &f.callsGo, &f.remoteObject, &f.newRemoteObject, &f.newProxy} {
		*name = private.fresh(*name)
		top.add(*name)
	}
	for _, form := range f.formList {
		form.name = private.fresh(lower(f.base) + upper(form.iface.Obj().Name()) + "Form")
		form.of = private.fresh(form.name + "Of")
		top.add(form.name, form.of)
	}
	for _, m := range f.methods {
		if f.parts.Remote {
			stem := lower(f.base) + upper(m.name)
			f.request[m.name], f.reply[m.name] = private.fresh(stem+"Request"), private.fresh(stem+"Reply")
			top.add(f.request[m.name], f.reply[m.name])
		}
	}
	return nil
}

// claimPublic takes names that others may use.
func (f *faceOf) claimPublic(w *writer, top nameSet, names []string) error {
	for _, name := range names {
		if pos, ok := w.p.Taken(name, w.built); ok {
			return load.Errorf(pos, "%s is declared here, and for %s the output would declare it", name, f.t.Spec)
		}
		if pos, ok := w.p.ImportNames()[name]; ok {
			return load.Errorf(pos, "%s is an import here, and for %s the output would declare it", name, f.t.Spec)
		}
		if top[name] {
			return load.Errorf(f.t.Pos, "the output would declare %s twice", name)
		}
		top.add(name)
	}
	return nil
}

// declared are the names that others may use: those of the parts that are written.
func (f *faceOf) declared() []string {
	var list []string
	for _, part := range []struct {
		written bool
		names   []string
	}{
		{f.parts.face(), []string{f.face}},
		{f.parts.result(), []string{f.result}},
		{f.parts.Object, []string{f.newFace}},
		{f.parts.Sync, []string{f.newSync, f.newSyncFrom}},
		{f.parts.Factory, []string{f.factory}},
		{f.parts.Factory && f.parts.Object, []string{f.newFactory}},
		{f.parts.Calls, []string{f.calls, f.newCalls}},
		{f.parts.Server, []string{f.server, f.serve}},
		{f.parts.Server && f.parts.Calls, []string{f.serveCalls}},
		{f.parts.Fake, []string{f.fake, f.newFake}},
		{f.parts.Remote, []string{f.remote, f.newRemote, f.remoteCalls, f.newRemoteCalls, f.serveRemote}},
	} {
		if part.written {
			list = append(list, part.names...)
		}
	}
	for _, m := range f.methods {
		if name, ok := f.structs[m.name]; ok && (f.parts.result() || f.parts.calls()) {
			list = append(list, name)
		}
		if name, ok := f.promise[m.name]; ok {
			list = append(list, name)
		}
	}
	return list
}

// nameTypeParams gives the type parameters names that nothing else in the file
// has.
func (f *faceOf) nameTypeParams(w *writer, busy nameSet) {
	for _, path := range w.needs {
		busy.add(w.pkgs[path].Name())
	}
	busy.add("x", "ctx", "method", "fn", "taken", "begun", "err", "r", "server", "opts", "object", "create", "iface", "face", "cause", "d",
		"start", "more", "name", "o", "promise", "call", "serve", "take", "drop", "late", "i", "want", "c", "prefix", "nc", "v1", "proxy", "options", "calls")
	for i, p := range f.tparams {
		want := p.Obj().Name()
		if want == "_" {
			want = "T"
		}
		f.params[i] = busy.fresh(want)
		w.params[p] = f.params[i]
	}
}
