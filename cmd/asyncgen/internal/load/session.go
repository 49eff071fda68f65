package load

import (
	"go/build"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"
	"strings"
)

// This file runs the loading for one run of the tool: it reads the destinations, has
// the go command list what they need, once for each module, and has each checked.

// A Request says what to load for one destination.
type Request struct {
	Dir     string   // of the package that the types without a path are of
	Outputs []string // the files to be written, whose folder is the destination
	Package string   // its package, or nothing for the one that is there
	Types   []string // "Name", or "import/path.Name"
	Stubs   Stubs    // what the outputs are going to declare
	Needs   []string // import paths that the outputs will have of themselves
}

// Stubs returns the names of the types that the output declares for a type, so
// that code which uses them can be checked before they are there.
type Stubs func(typeName string) []string

// A Session loads for one run of the tool, with the same build tags throughout.
type Session struct {
	tags     string
	fset     *token.FileSet
	folders  map[string]*Folder
	contexts map[string]*build.Context
	modfile  string   // of -modfile among the go command's flags, with its path, or nothing
	env      []string // for the go command, or nil
}

// NewSession returns a session with build tags as for go build.
func NewSession(tags string) *Session {
	return &Session{tags: tags, fset: token.NewFileSet(), folders: make(map[string]*Folder), contexts: make(map[string]*build.Context)}
}

// Load loads what is asked for: for each request the destination, and the types in the
// order in which they were asked for. The go command is run once for each module.
func (ss *Session) Load(requests []*Request) ([]*Package, [][]*Type, error) {
	ps := make([]*Package, len(requests))
	specs := make([][]spec, len(requests))
	for i, r := range requests {
		var err error
		if ps[i], specs[i], err = ss.open(r); err != nil {
			return nil, nil, err
		}
	}
	if err := ss.list(requests, ps); err != nil {
		return nil, nil, err
	}
	found := make([][]*Type, len(requests))
	for i, p := range ps {
		p.check(requests[i], specs[i])
		var err error
		if found[i], err = p.find(specs[i]); err != nil {
			return nil, nil, err
		}
	}
	return ps, found, nil
}

// open reads the files of a destination.
func (ss *Session) open(r *Request) (*Package, []spec, error) {
	if _, err := findModule(r.Dir); err != nil {
		return nil, nil, err
	}
	mod, err := findModule(filepath.Dir(r.Outputs[0]))
	if err != nil {
		return nil, nil, err
	}
	ctx, err := ss.buildContext(r.Dir)
	if err != nil {
		return nil, nil, err
	}
	if ss.modfile != "" {
		if mod, err = mod.as(ss.modfile); err != nil {
			return nil, nil, err
		}
	}
	if err := builtHere(r.Outputs, ctx); err != nil {
		return nil, nil, err
	}
	fs, err := ss.scan(r, mod)
	if err != nil {
		return nil, nil, err
	}
	p := &Package{
		Name: fs.name, Path: fs.path,
		fset: fs.fset, files: fs.built, skipped: fs.skipped, tests: fs.tests, version: mod.goVersion, module: mod,
		sizes: types.SizesFor("gc", ctx.GOARCH),
	}
	p.taken = declared(p.fset, p.files, p.skipped)
	specs, err := split(r, p, mod)
	p.roots = slices.Concat(importsOf(p.files), importsOf(p.tests), r.Needs)
	for _, s := range specs {
		if s.path != "" {
			p.roots = append(p.roots, s.path)
		}
	}
	return p, specs, err
}

// builtHere refuses an output whose name is that of a file for another system: what is there,
// and what the types are, can be told of the system alone that the go command builds for.
func builtHere(outputs []string, ctx *build.Context) error {
	named := *ctx
	named.OpenFile = emptyFile
	for _, name := range outputs {
		if ok, err := named.MatchFile("", filepath.Base(name)); err == nil && !ok {
			return Errorf(token.Position{}, "-output %s: the name is that of a file for %s: set GOOS and GOARCH to that", name, ConstraintOfName(name))
		}
	}
	return nil
}

// list has the go command list what the destinations import, once for each module.
func (ss *Session) list(requests []*Request, ps []*Package) error {
	for i, p := range ps {
		if p.world != nil {
			continue
		}
		var needs, paths []string
		for j, q := range ps {
			if q.module.dir == p.module.dir {
				needs = append(needs, missingIn(needs, requests[j].Needs)...)
				paths = append(paths, q.roots...)
			}
		}
		dir := filepath.Dir(requests[i].Outputs[0])
		if err := ss.have(dir, needs, p.module); err != nil {
			return err
		}
		w, err := ss.listWorld(dir, paths, p.sizes)
		if err != nil {
			return err
		}
		for _, q := range ps {
			if q.module.dir == p.module.dir {
				q.world = w
			}
		}
		for _, need := range needs {
			if err := w.missing(need); err != nil {
				return err
			}
		}
	}
	return nil
}

// missingIn returns what one list has and another has not.
func missingIn(list, more []string) []string {
	return slices.DeleteFunc(slices.Clone(more), func(s string) bool { return slices.Contains(list, s) })
}

// A spec is one type asked for, by path and name. The path is empty for a type
// of the destination.
type spec struct{ text, path, name string }

// split reads what -type lists.
func split(r *Request, p *Package, mod *module) ([]spec, error) {
	source, err := mod.pathOf(r.Dir)
	if err != nil {
		return nil, err
	}
	var specs []spec
	for _, text := range r.Types {
		s := spec{text: text, name: text}
		if i := strings.LastIndex(text, "."); i >= 0 {
			s.path, s.name = text[:i], text[i+1:]
		} else if source != p.Path {
			s.path = source
		}
		if !token.IsIdentifier(s.name) || s.path == "" && strings.Contains(text, ".") {
			return nil, Errorf(token.Position{}, "-type %s: want Name or import/path.Name", text)
		}
		if _, ok := p.taken[s.name]; s.path == p.Path || ok && s.path+"_test" == p.Path {
			s.path = ""
		}
		specs = append(specs, s)
	}
	return specs, nil
}
