// Package face writes the asynchronous faces of interfaces.
package face

import (
	"bytes"
	"fmt"
	"go/format"
	"go/types"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/seed4712c49f/async/cmd/asyncgen/internal/load"
)

// Module is the import path of the library that the output uses.
const Module = "github.com/seed4712c49f/async"

// implModule is the package that the output is made of.
const implModule = Module + "/asyncimpl"

// The import paths of what an output with a client for other processes uses, too.
const (
	natsModule = Module + "/asyncnats"
	natsClient = "github.com/nats-io/nats.go"
)

// Needs returns the import paths of every output, and of one with a client for other
// processes.
func Needs(remote bool) []string {
	list := []string{"context", "reflect", "time", Module, implModule}
	if remote {
		list = append(list, natsModule, natsClient)
	}
	return list
}

// nameOfNeed is the name of the package with such a path.
func nameOfNeed(from string) string {
	if from == natsClient {
		return "nats"
	}
	return path.Base(from)
}

// Stubs returns the types that an output declares for a type that goes by name,
// whatever the methods are, so that code which uses them can be checked before they
// exist.
func Stubs(prefix, name string) []string {
	n := newNames(prefix, name, false)
	return []string{n.face, n.factory, n.calls, n.server, n.fake, n.remote, n.remoteCalls}
}

// A writer writes one output.
type writer struct {
	*typeWriter
	buf   bytes.Buffer
	p     *load.Package
	block nameSet // names that parameters and locals must not have

	needs      []string        // import paths that the output may need of itself
	needed     map[string]bool // those that it uses
	constraint string          // of the output
	built      string          // the same, with what the name of the file says
}

func (w *writer) f(format string, args ...any) { fmt.Fprintf(&w.buf, format, args...) }

// docf writes a comment, in lines of at most 80 columns. An empty line in the
// text is one between paragraphs.
func (w *writer) docf(format string, args ...any) {
	for i, text := range strings.Split(fmt.Sprintf(format, args...), "\n\n") {
		if i > 0 {
			w.f("//\n")
		}
		line := "//"
		for word := range strings.FieldsSeq(text) {
			if len(line) > 2 && len(line)+1+len(word) > 80 {
				w.f("%s\n", line)
				line = "//"
			}
			line += " " + word
		}
		w.f("%s\n", line)
	}
}

// Generate returns the text of the output for a package.
func (o *Output) Generate(p *load.Package) (text []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			why, ok := r.(refusal)
			if !ok {
				panic(r)
			}
			text, err = nil, why.error
		}
	}()
	w := &writer{p: p, needs: Needs(o.Remote()), needed: make(map[string]bool), typeWriter: &typeWriter{
		own:        types.NewPackage(p.Path, p.Name),
		importable: p.Importable,
		aliasOf:    p.PublicAlias,
		aliases:    make(map[*types.TypeName]*types.TypeName),
		pkgs:       make(map[string]*types.Package),
		alias:      make(map[string]string),
		named:      make(map[string]bool),
		typed:      make(map[string]bool),
		builtin:    make(map[string]bool),
		params:     make(map[*types.TypeParam]string),
	}}
	for _, need := range w.needs {
		w.pkgs[need] = types.NewPackage(need, nameOfNeed(need))
	}
	w.constraint = o.constraint()
	w.built = load.Join(w.constraint, load.ConstraintOfName(o.Name))
	var faces []*faceOf
	for _, t := range o.Targets {
		faces = append(faces, newFace(w, t))
	}
	o.written, o.p = faces, p
	for _, f := range faces { // to learn what is named
		f.write(w)
	}
	if o.Factories != "" {
		w.writeFactories(o.Factories, faces)
	}
	if err := w.settle(faces, o); err != nil {
		return nil, err
	}
	w.buf.Reset()
	w.head(o)
	for _, f := range faces {
		f.write(w)
	}
	if o.Factories != "" {
		w.writeFactories(o.Factories, faces)
	}
	text, err = formatted(w.buf.Bytes())
	if err != nil {
		return nil, fmt.Errorf("%s: the text does not parse: %w", o.Targets[0].Type.Spec, err)
	}
	return text, nil
}

// formatted formats a text until nothing changes any more: once is not always enough.
func formatted(text []byte) ([]byte, error) {
	for range 4 {
		next, err := format.Source(text)
		if err != nil || bytes.Equal(next, text) {
			return next, err
		}
		text = next
	}
	return text, nil
}

// used are the predeclared names that every output uses.
var used = []string{"any", "append", "bool", "error", "false", "nil", "panic", "string", "true"}

// settle gives names to what the first run has found.
func (w *writer) settle(faces []*faceOf, o *Output) error {
	top := nameSet(o.Claimed) // names that are taken at the top of the package
	others := top.clone()
	for _, f := range faces {
		if err := f.claim(w, top); err != nil {
			return err
		}
	}
	if o.Factories != "" {
		if err := faces[0].claimPublic(w, top, []string{o.Factories}); err != nil {
			return err
		}
	}
	for _, name := range append(slices.Sorted(maps.Keys(w.builtin)), used...) {
		if pos, ok := w.p.Taken(name, w.built); ok {
			return load.Errorf(pos, "the package declares %s, which the output needs as it is predeclared", name)
		}
	}
	busy := predeclared()
	busy.add("init") // which is no name for an import
	maps.Copy(busy, top)
	busy.add(w.p.Names(w.built)...)
	w.block = top.clone() // but for what other outputs declare, which no body uses
	maps.DeleteFunc(w.block, func(name string, _ bool) bool { return others[name] })
	w.block.add(used...)
	for _, m := range []map[string]bool{w.named, w.builtin} {
		maps.Copy(w.block, m)
	}
	imports := make(nameSet)
	for _, f := range faces {
		f.nameTypeParams(w, busy.clone())
		for _, name := range f.params {
			imports.add(name)
		}
	}
	maps.Copy(w.block, imports)
	maps.Copy(busy, imports)
	given := w.p.NamesIn(o.Targets[0].Type.Name)
	for _, path := range w.sortedImports() {
		name := w.pkgs[path].Name()
		if as, ok := given[path]; ok && !slices.Contains(w.needs, path) {
			name = as
		}
		name = busy.fresh(name)
		w.alias[path] = name
		w.block.add(name)
	}
	return nil
}

// sortedImports returns the import paths with those that every output has first,
// so that they have the first choice of a name.
func (w *writer) sortedImports() []string {
	paths := slices.Clone(w.needs)
	for _, path := range slices.Sorted(maps.Keys(w.pkgs)) {
		if !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
	}
	return paths
}

// head writes what stands before the declarations.
func (w *writer) head(o *Output) {
	w.f("%s\n", load.Header(o.Command()))
	if w.constraint != "" {
		w.f("//go:build %s\n\n", w.constraint)
	}
	w.f("package %s\n\nimport (\n", w.p.Name)
	std, others := []string{}, []string{}
	for _, from := range slices.Sorted(maps.Keys(w.pkgs)) {
		if slices.Contains(w.needs, from) && !w.needed[from] && !w.typed[from] {
			continue
		}
		spec := fmt.Sprintf("%q", from)
		if name := w.alias[from]; name != path.Base(from) {
			spec = name + " " + spec
		}
		if first, _, _ := strings.Cut(from, "/"); strings.Contains(first, ".") {
			others = append(others, spec)
		} else {
			std = append(std, spec)
		}
	}
	w.f("%s\n\n%s\n)\n", strings.Join(std, "\n"), strings.Join(others, "\n"))
}
