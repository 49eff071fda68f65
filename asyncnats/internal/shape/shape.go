// Package shape says what a Go type looks like on the wire, and whether all that a value of
// the type has gets there. Package asyncnats compares the shapes of a method at client and
// server, which were compiled at different times, and refuses methods whose parameters or
// results would lose something on the way.
//
// The rules are those of encoding/json. cmd/asyncgen applies the same ones to source code,
// where the types are known then; a type parameter is known here alone.
package shape

import (
	"crypto/sha256"
	"encoding"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// A Shape is what a type looks like: a line for each value that a message may have, which is
// the place of the value and its kind, as in
//
//	order.lines[].price float64
//
// Names of types are no part of a shape, but for types that write themselves: these are
// known by nothing else.
type Shape []string

// Of returns the shape of a type, or an error that says what would be lost, and where. A
// struct is a message: its fields are the first elements of places.
func Of(t reflect.Type) (Shape, error) {
	s, err := of(t, false)
	if err == errLong {
		return of(t, true)
	}
	return s, err
}

// of is Of by one walk, which looks at each type once, or at each place.
func of(t reflect.Type, once bool) (Shape, error) {
	w := &walker{once: once, seen: make(map[met]string), embeds: make(map[reflect.Type]bool)}
	err := w.walk(place{addressable: true}, t)
	return w.lines, err
}

// maxLines is how many lines a shape has in which a type that stands in several places has its lines
// in each of them. A type with more may have more than can be counted. Its shape has them where the
// walk comes first, and so the order of fields is a difference.
const maxLines = 10_000

var errLong = errors.New("shape: too many lines")

// Fingerprint returns a text of eleven characters that two lists of shapes share only where
// they are the same, but for the order of lines: what travels has a name.
func Fingerprint(shapes ...Shape) string {
	h := sha256.New()
	for _, s := range shapes {
		fmt.Fprintf(h, "%d\n", len(s))
		for _, line := range slices.Sorted(slices.Values(s)) {
			fmt.Fprintln(h, line)
		}
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:8])
}

// A place is where in a message a walker is.
type place struct {
	path        string
	addressable bool // encoding/json can call methods that have a pointer for a receiver
}

func (p place) field(name string) place {
	if p.path != "" {
		name = p.path + "." + name
	}
	return place{name, p.addressable}
}

func (p place) below(mark string, addressable bool) place { return place{p.path + mark, addressable} }

func (p place) errorf(format string, args ...any) error {
	return fmt.Errorf("%s: %s", p.path, fmt.Sprintf(format, args...))
}

// A met is a type, and whether it was met where it is addressable: what is right there may be lost
// where it is not.
type met struct {
	t           reflect.Type
	addressable bool
}

// A walker collects the lines of a shape.
type walker struct {
	lines  Shape
	once   bool
	seen   map[met]string        // where a named type is that the current place is in; with once, where it was met first
	embeds map[reflect.Type]bool // the structs that the current one is embedded in, by pointers
}

func (w *walker) line(p place, kind string) error {
	if !w.once && len(w.lines) == maxLines {
		return errLong
	}
	w.lines = append(w.lines, strings.TrimSpace(p.path+" "+kind))
	return nil
}

func (w *walker) walk(p place, t reflect.Type) error {
	if t.Kind() != reflect.Interface && t.Kind() != reflect.Pointer {
		if own, err := writesItself(p, t); own || err != nil {
			if err != nil {
				return err
			}
			return w.line(p, fullName(t))
		}
	}
	if t.Name() != "" && t.PkgPath() != "" && isComposite(t) {
		m := met{t, p.addressable || t.Kind() == reflect.Slice || t.Kind() == reflect.Map} // whose elements are so, or not, wherever these stand
		if at, ok := w.seen[m]; ok {
			return w.line(p, "="+at)
		}
		w.seen[m] = p.path
		if !w.once {
			defer delete(w.seen, m)
		}
	}
	switch t.Kind() {
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return w.line(p, t.Kind().String())
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 && !isMarshaler(reflect.PointerTo(t.Elem())) {
			return w.line(p, "bytes")
		}
		return w.walk(p.below("[]", true), t.Elem())
	case reflect.Array:
		return w.walk(p.below("["+strconv.Itoa(t.Len())+"]", p.addressable), t.Elem())
	case reflect.Pointer:
		return w.pointer(p, t)
	case reflect.Map:
		return w.mapping(p, t)
	case reflect.Struct:
		return w.structure(p, t)
	default:
		return p.errorf("%s cannot travel", why(t))
	}
}

// isComposite reports whether a type may have itself in it.
func isComposite(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Struct, reflect.Slice, reflect.Array, reflect.Map:
		return true
	}
	return false
}

// why says what a type is that cannot travel.
func why(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Func:
		return "a func"
	case reflect.Chan:
		return "a channel"
	case reflect.Interface:
		return "the interface " + t.String()
	case reflect.Uintptr, reflect.UnsafePointer:
		return "the address " + t.String()
	}
	return t.String()
}

func (w *walker) pointer(p place, t reflect.Type) error {
	switch elem := t.Elem(); elem.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		if !isMarshaler(t) {
			return p.errorf("%s is a pointer to what may be nil itself, and one nil would become the other", t)
		}
	}
	return w.walk(p.below("?", true), t.Elem())
}

func (w *walker) mapping(p place, t reflect.Type) error {
	key := t.Key()
	var kind string
	switch {
	case key.Kind() == reflect.String, key.Kind() >= reflect.Int && key.Kind() <= reflect.Uint64 && key.Kind() != reflect.Uintptr:
		kind = key.Kind().String()
		if why := keyTravels(key); why != "" {
			return p.errorf("a map with keys of type %s cannot travel: %s", key, why)
		}
	case key.Kind() != reflect.Interface && key.Implements(textMarshaler()) && reflect.PointerTo(key).Implements(textUnmarshaler()):
		kind = fullName(key)
	default:
		return p.errorf("a map with keys of type %s cannot travel", key)
	}
	return w.walk(p.below("{"+kind+"}", false), t.Elem())
}

// keyTravels returns why a key that is a string or an integer cannot travel. encoding/json
// reads it by its UnmarshalText, and writes an integer by a MarshalText that needs no pointer,
// a string as it is.
func keyTravels(key reflect.Type) string {
	pointer := reflect.PointerTo(key)
	integer := key.Kind() != reflect.String
	writes, reads := key.Implements(textMarshaler()), pointer.Implements(textUnmarshaler())
	switch {
	case reads && !pointer.Implements(textMarshaler()):
		return "it has UnmarshalText and no MarshalText"
	case integer && writes && !reads:
		return "it has MarshalText and no UnmarshalText"
	case integer && reads && !writes:
		return "its MarshalText needs a pointer, which a key has not"
	}
	return ""
}

func (w *walker) structure(p place, t reflect.Type) error {
	before := len(w.lines)
	if err := w.fields(p, t, make(map[string]bool)); err != nil {
		return err
	}
	if len(w.lines) == before {
		return w.line(p, "{}")
	}
	return nil
}

// fields walks through the fields of a struct, and those of embedded structs, which
// encoding/json writes side by side. Of two that have one name it writes one, or none.
func (w *walker) fields(p place, t reflect.Type, names map[string]bool) error {
	for f := range t.Fields() {
		tag := f.Tag.Get("json")
		name, options, _ := strings.Cut(tag, ",")
		if tag == "-" || f.Name == "_" {
			continue
		}
		if f.Anonymous && name == "" {
			if embedded, ok := isStruct(f.Type); ok {
				if err := w.embedded(p, f, embedded, names); err != nil {
					return err
				}
				continue
			}
		}
		if name == "" {
			name = f.Name
		}
		at := p.field(strings.ReplaceAll(name, " ", "_")) // a line is split at its first space
		switch {
		case !f.IsExported():
			return at.errorf("the field is not exported, and would be lost")
		case names[name]:
			return at.errorf("two fields have the name in JSON, and one would be lost")
		}
		names[name] = true
		if err := w.field(at, f.Type, options); err != nil {
			return err
		}
	}
	return nil
}

// field walks through the type of a field. A number with the option string is text.
func (w *walker) field(at place, t reflect.Type, options string) error {
	before := len(w.lines)
	if err := w.walk(at, t); err != nil {
		return err
	}
	for o := range strings.SplitSeq(options, ",") {
		if o == "string" && len(w.lines) == before+1 {
			w.lines[before] += " as text"
		}
	}
	return nil
}

func (w *walker) embedded(p place, f reflect.StructField, t reflect.Type, names map[string]bool) error {
	if f.Type.Kind() == reflect.Pointer {
		if !f.IsExported() {
			return p.field(f.Name).errorf("an embedded pointer to a struct that is not exported cannot be read")
		}
		if w.embeds[t] {
			return p.field(f.Name).errorf("a struct that embeds itself cannot travel")
		}
		w.embeds[t] = true
		defer delete(w.embeds, t)
		p = p.below("?", true)
	}
	return w.fields(p, t, names)
}

// isStruct returns the struct that an embedded field has, directly or by a pointer.
func isStruct(t reflect.Type) (reflect.Type, bool) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t, t.Kind() == reflect.Struct
}

// writesItself reports whether a type has methods by which encoding/json writes and reads it.
// A type that has one half of them is refused.
func writesItself(p place, t reflect.Type) (bool, error) {
	pointer := reflect.PointerTo(t)
	for _, pair := range []struct {
		write, read reflect.Type
		name        string
	}{
		{jsonMarshaler(), jsonUnmarshaler(), "JSON"},
		{textMarshaler(), textUnmarshaler(), "Text"},
	} {
		writes, reads := pointer.Implements(pair.write), pointer.Implements(pair.read)
		switch {
		case writes && !reads:
			return false, p.errorf("%s has Marshal%s and no Unmarshal%s", t, pair.name, pair.name)
		case reads && !writes:
			return false, p.errorf("%s has Unmarshal%s and no Marshal%s", t, pair.name, pair.name)
		case writes && !p.addressable && !t.Implements(pair.write):
			return false, p.errorf("Marshal%s of %s needs a pointer, which the value of a map has not", pair.name, t)
		case writes:
			return true, nil
		}
	}
	return false, nil
}

func isMarshaler(t reflect.Type) bool {
	return t.Implements(jsonMarshaler()) || t.Implements(textMarshaler())
}

func fullName(t reflect.Type) string {
	if t.PkgPath() == "" {
		return t.String()
	}
	return t.PkgPath() + "." + t.Name()
}

func jsonMarshaler() reflect.Type   { return reflect.TypeFor[json.Marshaler]() }
func jsonUnmarshaler() reflect.Type { return reflect.TypeFor[json.Unmarshaler]() }
func textMarshaler() reflect.Type   { return reflect.TypeFor[encoding.TextMarshaler]() }
func textUnmarshaler() reflect.Type { return reflect.TypeFor[encoding.TextUnmarshaler]() }
