package face

import (
	"fmt"
	"slices"

	"github.com/seed4712c49f/async/cmd/asyncgen/internal/load"
)

// Options say what is written, beside the types.
type Options struct {
	Prefix   string // of the face's name
	Parts    Parts
	Stream   Methods          // that stream
	NoStream Methods          // that do not, whatever they look like
	Discard  Methods          // whose results are discarded by a function of their own
	Comment  []load.Directive // what the //async:gen of the interface says of methods: names that begin with "gen -"
}

// Parts are the parts of an output.
type Parts struct {
	Object, Sync, Factory, Calls, Server, Fake bool
	Remote                                     bool // a client for other processes, and a server for such clients
}

// DefaultParts are written where nothing is said.
func DefaultParts() Parts { return Parts{Object: true, Sync: true, Factory: true, Calls: true} }

// ParseParts reads a list of parts.
func ParseParts(list []string) (Parts, error) {
	var p Parts
	for _, name := range list {
		switch name {
		case "object":
			p.Object = true
		case "sync":
			p.Sync = true
		case "factory":
			p.Factory = true
		case "calls":
			p.Calls = true
		case "server":
			p.Server = true
		case "fake":
			p.Fake = true
		case "remote":
			p.Remote = true
		default:
			return p, fmt.Errorf("%s: there is object, sync, factory, calls, server, fake and remote", name)
		}
	}
	return p, nil
}

// face reports whether the interface of the face is written.
func (p Parts) face() bool { return p != Parts{Calls: true} }

// result reports whether there is a call object.
func (p Parts) result() bool { return p.Object || p.Server || p.Remote }

// calls reports whether there is a client whose methods return calls.
func (p Parts) calls() bool { return p.Calls || p.Remote }

// Methods are methods by name, or by type and name as in Store.Watch, where the type has its
// own name or the one that it is given. What was met is
// noted, so that a name which is of no method is found out.
type Methods struct {
	flag string
	list []string
	met  map[string]bool
}

// NewMethods returns the methods that a flag lists.
func NewMethods(flag string, list []string) Methods {
	return Methods{flag, list, make(map[string]bool)}
}

// Any reports whether the flag lists any.
func (l Methods) Any() bool { return len(l.list) > 0 }

func (l Methods) has(f *faceOf, m *method) bool {
	found := false
	for _, name := range []string{m.name, f.as + "." + m.name, f.t.Name.Name() + "." + m.name} {
		if slices.Contains(l.list, name) {
			l.met[name] = true
			found = true
		}
	}
	return found
}

// Unmet returns an error for the first name that no type had.
func (o *Options) Unmet() error {
	for _, l := range []Methods{o.Stream, o.NoStream, o.Discard} {
		for _, name := range l.list {
			if !l.met[name] {
				return fmt.Errorf("-%s %s: no such method", l.flag, name)
			}
		}
	}
	return nil
}
