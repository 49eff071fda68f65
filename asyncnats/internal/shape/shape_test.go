package shape_test

import (
	"context"
	"encoding/json"
	"math/big"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/seed4712c49f/async/asyncnats/internal/shape"
)

type order struct {
	ID    int64 `json:"id,string"`
	Lines []line
	Note  *string `json:"note,omitempty"`
	Tags  map[string]bool
	At    time.Time
	Big   big.Int
	Data  []byte
	Pair  [2]float32
	Up    *order
	base
	*Extra
	Skipped func() `json:"-"`
	_       int
}

type line struct{ Price float64 }

type base struct{ Who string }

type Extra struct{ More line }

func TestShape(t *testing.T) {
	got, err := shape.Of(reflect.TypeFor[struct {
		O order `json:"o"`
		L line
	}]())
	if err != nil {
		t.Fatal(err)
	}
	want := shape.Shape{
		"o.id int64 as text", "o.Lines[].Price float64", "o.note? string", "o.Tags{string} bool",
		"o.At time.Time", "o.Big math/big.Int", "o.Data bytes", "o.Pair[2] float32", "o.Up? =o",
		"o.Who string", "o?.More.Price float64", "L.Price float64",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

type half struct{}

func (half) UnmarshalText([]byte) error { return nil }

type loop struct{ *loop }

type Loop struct{ *Loop }

type wide struct {
	In struct{ N big.Int }
	Up []*wide
}

type level int

func (level) MarshalText() ([]byte, error) { return nil, nil }

type mark string

func (*mark) UnmarshalText([]byte) error { return nil }

type pointed uint8

func (*pointed) MarshalText() ([]byte, error) { return nil, nil }
func (*pointed) UnmarshalText([]byte) error   { return nil }

// A key of either kind is written and read as it is.
type name string

func (name) MarshalText() ([]byte, error) { return nil, nil }

type number int

func (*number) MarshalText() ([]byte, error) { return nil, nil }

func TestWhatIsAKey(t *testing.T) {
	want := shape.Shape{"A{string} int", "B{int} int"}
	if got, err := shape.Of(reflect.TypeFor[struct {
		A map[name]int
		B map[number]int
	}]()); err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestWhatCannotTravel(t *testing.T) {
	for _, tt := range []struct {
		of   reflect.Type
		want string
	}{
		{reflect.TypeFor[struct{ F func() }](), "F: a func cannot travel"},
		{reflect.TypeFor[struct{ C []chan int }](), "C[]: a channel cannot travel"},
		{reflect.TypeFor[struct{ V map[string]any }](), "V{string}: the interface interface {} cannot travel"},
		{reflect.TypeFor[struct{ Err error }](), "Err: the interface error cannot travel"},
		{reflect.TypeFor[struct{ Ctx context.Context }](), "Ctx: the interface context.Context cannot travel"},
		{reflect.TypeFor[struct{ P unsafe.Pointer }](), "P: the address unsafe.Pointer cannot travel"},
		{reflect.TypeFor[struct{ P uintptr }](), "P: the address uintptr cannot travel"},
		{reflect.TypeFor[struct{ C complex64 }](), "C: complex64 cannot travel"},
		{reflect.TypeFor[struct{ In struct{ hidden int } }](), "In.hidden: the field is not exported, and would be lost"},
		{reflect.TypeFor[struct{ M map[bool]int }](), "M: a map with keys of type bool cannot travel"},
		{reflect.TypeFor[struct{ P **int }](), "P: **int is a pointer to what may be nil itself, and one nil would become the other"},
		{reflect.TypeFor[struct{ P *[]int }](), "P: *[]int is a pointer to what may be nil itself, and one nil would become the other"},
		{reflect.TypeFor[struct{ H *half }](), "H?: shape_test.half has UnmarshalText and no MarshalText"},
		{reflect.TypeFor[struct{ M map[string]big.Int }](), "M{string}: MarshalJSON of big.Int needs a pointer, which the value of a map has not"},
		{reflect.TypeFor[struct {
			A int
			B int `json:"A"`
		}](), "A: two fields have the name in JSON, and one would be lost"},
		{reflect.TypeFor[struct {
			base
			Who string
		}](), "Who: two fields have the name in JSON, and one would be lost"},
		{reflect.TypeFor[struct{ *loop }](), "loop: an embedded pointer to a struct that is not exported cannot be read"},
		{reflect.TypeFor[struct {
			A []wide
			B map[string]wide
		}](), "B{string}.In.N: MarshalJSON of big.Int needs a pointer, which the value of a map has not"},
		{reflect.TypeFor[struct{ M map[level]int }](), "M: a map with keys of type shape_test.level cannot travel: it has MarshalText and no UnmarshalText"},
		{reflect.TypeFor[struct{ M map[mark]int }](), "M: a map with keys of type shape_test.mark cannot travel: it has UnmarshalText and no MarshalText"},
		{reflect.TypeFor[struct{ M map[pointed]int }](), "M: a map with keys of type shape_test.pointed cannot travel: its MarshalText needs a pointer, which a key has not"},
		{reflect.TypeFor[struct{ *Loop }](), "?.Loop: a struct that embeds itself cannot travel"},
	} {
		if _, err := shape.Of(tt.of); err == nil || err.Error() != tt.want {
			t.Errorf("%v\ngot  %v\nwant %s", tt.of, err, tt.want)
		}
	}
}

// What has a shape is the same when it has traveled.
func TestWhatCanTravel(t *testing.T) {
	text := "x"
	o := order{
		ID: 1 << 60, Lines: []line{{1.5}}, Note: &text, Tags: map[string]bool{"a": true}, At: time.Unix(1, 2).UTC(),
		Big: *big.NewInt(9), Data: []byte{1}, Pair: [2]float32{1, 2}, Up: &order{Lines: []line{}}, base: base{"me"}, Extra: &Extra{line{2}},
	}
	data, err := json.Marshal(&o)
	if err != nil {
		t.Fatal(err)
	}
	var back order
	if err := json.Unmarshal(data, &back); err != nil || !reflect.DeepEqual(back, o) {
		t.Errorf("%v\n%+v\n%+v", err, back, o)
	}
}

func TestDifferences(t *testing.T) {
	of := func(v any) shape.Shape {
		s, err := shape.Of(reflect.TypeOf(v))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	here := of(struct {
		A int
		B string
		C []netip.Addr
	}{})
	there := of(struct {
		B int
		A int
		D bool
	}{})
	want := []string{"B is string here, and int there", "C[] is net/netip.Addr here, and not there", "D is bool there, and not here"}
	if got := shape.Differences(here, there); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if got := shape.Differences(here, here); got != nil {
		t.Errorf("between one and itself: %q", got)
	}
	if got := shape.Differences(of(struct{}{}), here); len(got) != 4 || got[0] != "the message is {} here, and not there" {
		t.Errorf("from nothing: %q", got)
	}
}

// The order of fields is no difference. Which of two messages something is in is one, and so
// is each kind.
func TestFingerprint(t *testing.T) {
	prints := make(map[string]int)
	for i, pair := range [][2]shape.Shape{
		{{"A int", "B int"}, {"{}"}}, {{"A int"}, {"B int"}}, {{"A int", "B int", "{}"}, nil},
		{nil, {"A int", "B int", "{}"}}, {{"A int", "B int8"}, {"{}"}},
	} {
		f := shape.Fingerprint(pair[0], pair[1])
		if j, ok := prints[f]; ok || len(f) != 11 || f != shape.Fingerprint(backward(pair[0]), pair[1]) {
			t.Errorf("%d has the fingerprint %s, which %d has", i, f, j)
		}
		prints[f] = i
	}
}

type point struct{ X, Y int }

type spot struct{ X, Y int }

type node struct {
	Left, Right *node
	At          point
}

type branches []branches

type names map[string]names

type (
	d0 struct{ A, B d1 }
	d1 struct{ A, B d2 }
	d2 struct{ A, B d3 }
	d3 struct{ A, B d4 }
	d4 struct{ A, B d5 }
	d5 struct{ A, B [2]*d6 }
	d6 struct{ A, B, C, D, E, F, G, H d7 }
	d7 struct{ A, B, C, D, E, F, G, H d8 }
	d8 struct{ A, B, C, D, E, F, G, H d9 }
	d9 struct{ A, B int }
)

// A type may have itself in it by a slice or a map, and may be in so many places that their lines
// cannot be counted.
func TestShape_Endless(t *testing.T) {
	got, err := shape.Of(reflect.TypeFor[struct {
		B branches
		N names
	}]())
	if want := (shape.Shape{"B[] =B", "N{string} =N"}); err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := shape.Of(reflect.TypeFor[d0]()); err != nil || len(got) > 1000 {
		t.Errorf("%d lines, %v", len(got), err)
	}
}

// The order of fields is no difference either where several have one type, and neither is the name of
// a type: what travels is the same.
func TestFingerprint_TypesThatRepeat(t *testing.T) {
	type (
		one       struct{ A, B point }
		backward  struct{ B, A point }
		otherType struct {
			A point
			B spot
		}
		tree     struct{ A, B *node }
		treeBack struct{ B, A *node }
	)
	for _, same := range [][]reflect.Type{
		{reflect.TypeFor[one](), reflect.TypeFor[backward](), reflect.TypeFor[otherType]()},
		{reflect.TypeFor[tree](), reflect.TypeFor[treeBack]()},
	} {
		prints := make(map[string]bool)
		for _, typ := range same {
			s, err := shape.Of(typ)
			if err != nil {
				t.Fatal(err)
			}
			prints[shape.Fingerprint(s)] = true
		}
		if len(prints) != 1 {
			t.Errorf("%v have %d fingerprints", same, len(prints))
		}
	}
}

func backward(s shape.Shape) shape.Shape {
	s = slices.Clone(s)
	slices.Reverse(s)
	return s
}
