package face

import (
	"go/types"
	"strings"

	"github.com/seed4712c49f/async/cmd/asyncgen/internal/load"
)

// This file has interfaces travel. Above its declaration an interface is said to have types:
//
//	//async:form Circle, *Square
//	type Shape interface{ Area() float64 }
//
// A parameter or result that is a Shape, or a slice of them, travels as a struct with a
// pointer for each of the types, of which one is set, or none for nil. Within other types it
// cannot travel: encoding/json writes these, and knows nothing of it.

// A form is an interface that can travel.
type form struct {
	iface *types.Named
	list  []types.Type
	name  string // of the struct
	of    string // the function that makes one of a value
}

// formOf returns the form of a type, or of the elements of a slice, or nil.
func (f *faceOf) formOf(t types.Type) (found *form, slice bool) {
	t = types.Unalias(t)
	if s, ok := t.(*types.Slice); ok {
		t, slice = types.Unalias(s.Elem()), true
	}
	named, ok := t.(*types.Named)
	if !ok {
		return nil, false
	}
	return f.forms[named.Obj()], slice
}

// findForms looks for the forms of all parameters and results.
func (f *faceOf) findForms(w *writer) {
	f.forms = make(map[*types.TypeName]*form)
	for _, m := range f.methods {
		w.at(f, m)
		for _, v := range append(allOf(m.sig.Params()), allOf(m.valueTuple())...) {
			t := types.Unalias(v.Type())
			if s, ok := t.(*types.Slice); ok {
				t = types.Unalias(s.Elem())
			}
			named, ok := t.(*types.Named)
			if !ok || !types.IsInterface(named) || named.Obj().Pkg() == nil || f.forms[named.Obj()] != nil {
				continue
			}
			for _, d := range w.p.TypeComment(named.Obj()).Directives {
				if d.Name == "form" {
					f.forms[named.Obj()] = newForm(named, d)
					f.formList = append(f.formList, f.forms[named.Obj()])
				}
			}
		}
	}
}

// newForm reads the comment of an interface.
func newForm(iface *types.Named, d load.Directive) *form {
	refuse := func(format string, args ...any) {
		panic(refusal{load.Errorf(d.Pos, "//async:form: "+format, args...)})
	}
	if iface.TypeArgs().Len() > 0 {
		refuse("%s has type parameters", iface.Obj().Name())
	}
	form := &form{iface: iface}
	for _, text := range strings.FieldsFunc(d.Args, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' }) {
		name, pointer := strings.CutPrefix(text, "*")
		obj, ok := iface.Obj().Pkg().Scope().Lookup(name).(*types.TypeName)
		if !ok {
			refuse("there is no type %s beside %s", name, iface.Obj().Name())
		}
		t := obj.Type()
		if pointer {
			t = types.NewPointer(t)
		}
		switch {
		case types.IsInterface(obj.Type()):
			refuse("%s is an interface itself", name)
		case !types.Implements(t, iface.Underlying().(*types.Interface)):
			refuse("%s is no %s", text, iface.Obj().Name())
		}
		travels := t
		if !pointer {
			travels = types.NewPointer(t) // which is the field of the struct
		}
		if why := newTraveler().walk(spot{text, true}, travels); why != "" {
			refuse("%s", why)
		}
		form.list = append(form.list, t)
	}
	if len(form.list) == 0 {
		refuse("want the types that %s can have", iface.Obj().Name())
	}
	return form
}

// wireType is a type as it travels.
func (f *faceOf) wireType(w *writer, t types.Type) string {
	switch form, slice := f.formOf(t); {
	case form == nil:
		return w.typ(t)
	case slice:
		return "[]" + form.name
	default:
		return form.name
	}
}

// toWire is a value as it travels.
func (f *faceOf) toWire(w *writer, t types.Type, value string) string {
	switch form, slice := f.formOf(t); {
	case form == nil:
		return value
	case slice:
		return w.fixed(natsModule) + "EachForm(" + value + ", " + form.of + ")"
	default:
		return form.of + "(" + value + ")"
	}
}

// fromWire is a value made of what has traveled.
func (f *faceOf) fromWire(w *writer, t types.Type, value string) string {
	switch form, slice := f.formOf(t); {
	case form == nil:
		return value
	case slice:
		return w.fixed(natsModule) + "EachForm(" + value + ", " + form.name + ".value)"
	default:
		return value + ".value()"
	}
}

// writeForms writes the structs of all forms, and how to make one, and a value of one.
func (f *faceOf) writeForms(w *writer) {
	for _, form := range f.formList {
		fields := make(nameSet)
		fields.add("Other", "value")
		names, list := make([]string, len(form.list)), make([]string, len(form.list))
		for i, t := range form.list {
			list[i] = w.typ(t)
			names[i] = fields.fresh(title(strings.TrimLeft(strings.TrimLeft(list[i][strings.LastIndexByte(list[i], '.')+1:], "*"), "_")))
		}
		nats, iface := w.fixed(natsModule), w.typ(form.iface)
		busy := w.block.clone()
		if busy == nil {
			busy = make(nameSet)
		}
		v, made := busy.fresh("v"), busy.fresh("form")
		w.f("\n// %s is a [%s] as it travels: what is set, or nil.\n", form.name, iface)
		w.f("type %s struct {\n", form.name)
		for i, name := range names {
			w.f("%s *%s `json:\",omitempty\"`\n", name, strings.TrimPrefix(list[i], "*"))
		}
		w.f("Other *%sOtherForm `json:\",omitempty\"`\n}\n", nats)
		w.f("\nfunc %s(%s %s) (%s %s) {\nswitch %[2]s := %[2]s.(type) {\ncase nil:\n", form.of, v, iface, made, form.name)
		for i, name := range names {
			address := "&"
			if strings.HasPrefix(list[i], "*") {
				address = ""
			}
			w.f("case %s:\n%s.%s = %s%s\n", list[i], made, name, address, v)
		}
		w.f("default:\n%s.Other = %sNewOtherForm(%s, %q)\n}\nreturn %[1]s\n}\n", made, nats, v, form.iface.Obj().Name())
		w.f("\nfunc (form %s) value() %s {\nswitch {\n", form.name, iface)
		for i, name := range names {
			star := "*"
			if strings.HasPrefix(list[i], "*") {
				star = ""
			}
			w.f("case form.%s != nil:\nreturn %sform.%[1]s\n", name, star)
		}
		w.f("}\nreturn nil\n}\n")
	}
}
