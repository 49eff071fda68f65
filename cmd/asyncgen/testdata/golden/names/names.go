// Package names has names that clash: with imports, types, builtins, and what
// the output uses itself.
package names

import (
	"bytes"
	"context"
	crand "crypto/rand"
	htemplate "html/template"
	"math/rand"
	. "net/url"
	"text/template"

	thing "golden/dep/go-thing"
	other "golden/dep/rand"
)

//go:generate go run github.com/seed4712c49f/async/cmd/asyncgen -type Clashes,Imports

// What the output would import is declared here, and some of its locals.
var (
	async   = crand.Reader
	sync    = 1
	time    = 2
	reflect = 3
	x       = 4
	ctx     = 5
	err     = 6
	v1      = 7
)

type method struct{}

// Clashes has parameters and results that are named like other things.
type Clashes interface {
	Imports(context context.Context, bytes *bytes.Buffer, rand *rand.Rand) (template *template.Template, err error)
	Types(method method, Clashes Clashes, AsyncClashes int) (x method, AsyncClashesResult Clashes)
	Builtins(string string, error error, any any, int int, nil bool, true bool, append, panic, len, new int) (byte byte, uint64 uint64, err2 error)
	Locals(x, v1, v2, r, v, err, fn, object, server, opts, taken, begun, iface, create int) (x2, v12 int, err3 error)
	Again(ctx int, ctx2 context.Context, ctx_ string) (err int, ok error)
	Blank(_ int, _ context.Context, _ string) (_ int, _ error)
	Missing(int, context.Context, ...string) (int, string, error)
	Last(err error) (error, error)
	NotLast() (err error, n int)
	Same() (n, N, _n, R1 int, _ bool)
	Umlaut(ä int) (ä2, 世 int)
	Variadic(async ...int) (sync []int)
}

// Imports has packages of one name, renamed and dot imports, and a package that
// is not called as its path ends.
type Imports interface {
	Templates(*template.Template, *htemplate.Template) (htemplate.HTML, error)
	Rands(*rand.Rand, *other.Rand) other.Rand
	Dot(*URL, Values) (*Userinfo, error)
	Thing(thing.Thing, func(thing thing.Thing) error) thing.Thing
}
