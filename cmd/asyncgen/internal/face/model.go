package face

import (
	"cmp"
	"go/token"
	"go/types"
	"slices"

	"github.com/seed4712c49f/async/cmd/asyncgen/internal/load"
)

// A method is one method of the interface. Its names are those of the source; a
// missing one is empty.
type method struct {
	name     string
	pos      token.Pos
	sig      *types.Signature
	exported bool
	ctx      int  // the parameter that is the context, or -1
	hasErr   bool // the last result is an error
	doc      load.Comment
	more     []load.Comment // where interfaces that are embedded declare the method, too
	stream   bool           // the result goes on using the context
	discard  bool           // the plain client has a Discard for it
}

// values is the number of results without the error.
func (m *method) values() int {
	if m.hasErr {
		return m.sig.Results().Len() - 1
	}
	return m.sig.Results().Len()
}

func (m *method) value(i int) *types.Var { return m.sig.Results().At(i) }

func (m *method) valueTypes() []types.Type {
	var list []types.Type
	for i := range m.values() {
		list = append(list, m.value(i).Type())
	}
	return list
}

// valueTuple is the results without the error.
func (m *method) valueTuple() *types.Tuple {
	var list []*types.Var
	for i := range m.values() {
		list = append(list, m.value(i))
	}
	return types.NewTuple(list...)
}

// methodsOf returns the methods of an interface, embedded ones with them, in the
// order in which they are written where that can be told, else by name.
func methodsOf(p *load.Package, t *load.Type) []*method {
	var all []*types.Func
	files := make(map[string]bool)
	fset := p.Position
	for m := range t.Iface.Methods() {
		all = append(all, m)
		files[fset(m.Pos()).Filename] = true
	}
	slices.SortStableFunc(all, func(a, b *types.Func) int {
		if len(files) > 1 {
			return cmp.Compare(a.Name(), b.Name())
		}
		p, q := fset(a.Pos()), fset(b.Pos())
		return cmp.Or(cmp.Compare(p.Line, q.Line), cmp.Compare(p.Column, q.Column), cmp.Compare(a.Name(), b.Name()))
	})
	methods := make([]*method, len(all))
	for i, m := range all {
		methods[i] = newMethod(m)
		methods[i].doc = p.MethodComment(m)
		for _, other := range declarations(t.Iface, m.Name(), make(map[*types.Interface]bool)) {
			if other.Pos() != m.Pos() {
				methods[i].more = append(methods[i].more, p.MethodComment(other))
			}
		}
	}
	return methods
}

// declarations returns every declaration of a method in an interface and in those that it embeds.
func declarations(iface *types.Interface, name string, seen map[*types.Interface]bool) []*types.Func {
	if seen[iface] {
		return nil
	}
	seen[iface] = true
	var list []*types.Func
	for m := range iface.ExplicitMethods() {
		if m.Name() == name {
			list = append(list, m)
		}
	}
	for t := range iface.EmbeddedTypes() {
		if embedded, ok := t.Underlying().(*types.Interface); ok {
			list = append(list, declarations(embedded, name, seen)...)
		}
	}
	return list
}

func newMethod(f *types.Func) *method {
	sig := f.Signature()
	m := &method{name: f.Name(), pos: f.Pos(), sig: sig, exported: f.Exported(), ctx: -1}
	for i := range sig.Params().Len() {
		if isContext(sig.Params().At(i).Type()) {
			m.ctx = i
			break
		}
	}
	if n := sig.Results().Len(); n > 0 {
		m.hasErr = types.Identical(sig.Results().At(n-1).Type(), types.Universe.Lookup("error").Type())
	}
	return m
}

func isContext(t types.Type) bool {
	named, ok := types.Unalias(t).(*types.Named)
	return ok && named.Obj().Name() == "Context" && named.Obj().Pkg() != nil && named.Obj().Pkg().Path() == "context"
}

// typeParamsOf returns the type parameters of a type or alias.
func typeParamsOf(name *types.TypeName) *types.TypeParamList {
	switch t := name.Type().(type) {
	case *types.Alias:
		return t.TypeParams()
	case *types.Named:
		return t.TypeParams()
	}
	return nil
}

// vetoed are the method names that go vet keeps for one signature, so a method
// of the plain client, which returns a call, must not have them.
func vetoed(name string) bool {
	switch name {
	case "Format", "GobDecode", "GobEncode", "MarshalJSON", "MarshalXML", "ReadByte", "ReadFrom", "ReadRune",
		"Scan", "Seek", "UnmarshalJSON", "UnmarshalXML", "UnreadByte", "UnreadRune", "WriteByte", "WriteTo":
		return true
	}
	return false
}
