package face

import (
	"go/build/constraint"
	"slices"
	"strings"

	"github.com/seed4712c49f/async/cmd/asyncgen/internal/load"
)

// This file says what an output is made from, and what can be told of it: its
// constraint, the command in its first line, and who is to blame for a fault.

// A Target is one type that an output is for.
type Target struct {
	Type    *load.Type
	As      string // the name that the declarations are derived from
	Options *Options
}

// An Output is what one file is made from.
type Output struct {
	Name      string // of the file
	Targets   []Target
	Factories string          // the name of a type with the factories of all, or nothing
	Claimed   map[string]bool // names that other outputs for the package declare; it adds its own

	written []*faceOf // by Generate
	p       *load.Package
}

// Remote reports whether the output has a client for other processes.
func (o *Output) Remote() bool {
	return slices.ContainsFunc(o.Targets, func(t Target) bool { return t.Options.Parts.Remote })
}

// constraint joins the build constraints of the types, each once.
func (o *Output) constraint() string {
	var all []constraint.Expr
	seen := make(nameSet)
	for _, target := range o.Targets {
		t := target.Type
		if t.Constraint == "" || seen[t.Constraint] {
			continue
		}
		seen.add(t.Constraint)
		if x, err := constraint.Parse("//go:build " + t.Constraint); err == nil {
			all = append(all, x)
		}
	}
	return load.And(all...)
}

// Command is the part of the command line that decides what the output declares.
func (o *Output) Command() string {
	return "asyncgen -type " + strings.Join(o.faces(), ",")
}

// faces are the types as the first line of the output has them: by their paths where
// they are of other packages, and with the name of the face where that is not the usual.
func (o *Output) faces() []string {
	var list []string
	for _, t := range o.Targets {
		text := t.Type.Name.Name()
		if t.Type.Path != "" {
			text = t.Type.Path + "." + text
		}
		if face := newNames(t.Options.Prefix, t.As, false).face; face != newNames(DefaultPrefix, t.Type.Name.Name(), false).face {
			text += "=" + face
		}
		list = append(list, text)
	}
	return list
}

// Foreign returns the types that the command of an old output names, where none of them
// is among those of this one.
func (o *Output) Foreign(command string) []string {
	_, list, ok := strings.Cut(command, " -type ")
	if !ok {
		return nil
	}
	old := strings.Split(list, ",")
	if slices.ContainsFunc(o.faces(), func(text string) bool { return slices.Contains(old, text) }) {
		return nil
	}
	return old
}

// Blame returns the error for a fault of the output: it names the method, where the
// source has it, and what to do where something can be done.
func (o *Output) Blame(fault *load.Fault) error {
	for _, f := range o.written {
		for _, m := range f.methods {
			if !f.declares(m, fault) {
				continue
			}
			hint := ""
			if fault.Recv == f.adapter {
				hint = "; -only object,factory,calls leaves that out"
			}
			return load.Errorf(f.position(o.p, m), "%s.%s: %s%s", f.as, m.name, fault.What, hint)
		}
	}
	t := o.Targets[0].Type
	return load.Errorf(t.Pos, "%s: %s", t.Name.Name(), fault.What)
}

// declares reports whether a fault is in what is written for a method.
func (f *faceOf) declares(m *method, fault *load.Fault) bool {
	switch fault.Recv {
	case f.adapter, f.remote:
		return fault.Decl == m.name
	case f.calls, f.remoteCalls:
		return fault.Decl == f.clients[m.name] || fault.Decl == f.discard[m.name]
	case f.object, f.served, f.remoteObject:
		return fault.Decl == begin(m) || fault.Decl == finish(m)
	}
	for _, name := range []string{f.structs[m.name], f.promise[m.name]} {
		if name != "" && (fault.Decl == name || fault.Recv == name) {
			return true
		}
	}
	return fault.Decl == f.face && (fault.In == begin(m) || fault.In == finish(m))
}
