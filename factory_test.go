package async_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/seed4712c49f/async"
)

// A lengther is an asynchronous face as cmd/asyncgen writes it, of an interface
// with one method.
type lengther interface {
	BeginLen() error
	FinishLen() (int, error)
	Wait(ctx context.Context) error
	Release()
}

// A lengthCall is a call object for a text.
type lengthCall struct {
	async.Call[int]
	text string
}

func (c *lengthCall) BeginLen() error {
	return c.Begin(bg, func(context.Context) (int, error) { return len(c.text), nil })
}

func (c *lengthCall) FinishLen() (int, error) { return c.Finish() }

// A text is a server that has a factory for one face, or what the test puts
// there.
type text struct {
	s      string
	create func(iface reflect.Type) (any, error)
}

func (s *text) CreateCall(iface reflect.Type) (any, error) {
	if s.create != nil {
		return s.create(iface)
	}
	if iface == reflect.TypeFor[lengther]() {
		return &lengthCall{text: s.s}, nil
	}
	return nil, async.ErrNoMethod
}

func TestH3_CreateCall(t *testing.T) {
	c, err := async.CreateCall[lengther](&text{s: "four"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Release()
	wantEq(t, "begin", c.BeginLen(), nil)
	wantEq(t, "wait", c.Wait(bg), nil)
	n, err := c.FinishLen()
	wantEq(t, "value", n, 4)
	wantEq(t, "error", err, nil)
}

func TestH3_NoInterface(t *testing.T) {
	var none *text
	for name, server := range map[string]any{
		"nil":                                 nil,
		"no factory":                          "four",
		"a value whose pointer has a factory": text{},
	} {
		c, err := async.CreateCall[lengther](server)
		wantEq(t, name, err, async.ErrNoInterface)
		wantEq(t, name, c, nil)
	}
	// A nil pointer is a server, and what it does is its own affair.
	if _, ok := recovered(func() { _, _ = async.CreateCall[lengther](none) }).(error); !ok {
		t.Error("a nil pointer was not asked")
	}
}

func TestH3_NoMethod(t *testing.T) {
	c, err := async.CreateCall[fmt.Stringer](&text{})
	wantEq(t, "another face", err, async.ErrNoMethod)
	wantIs(t, err, async.ErrNoInterface)
	wantEq(t, "object", c, nil)
	l, err := async.CreateCall[lengther](&text{create: func(reflect.Type) (any, error) { return nil, nil }})
	wantEq(t, "nothing", err, async.ErrNoMethod)
	wantEq(t, "object", l, nil)
}

// The factory is asked for the type, and its error is passed on as it is; what it
// returns beside one is dropped.
func TestH3_FactoryDecides(t *testing.T) {
	var asked reflect.Type
	c, err := async.CreateCall[lengther](&text{create: func(iface reflect.Type) (any, error) {
		asked = iface
		return &lengthCall{}, errBoom
	}})
	wantEq(t, "asked", asked, reflect.TypeFor[lengther]())
	wantEq(t, "error", err, errBoom)
	wantEq(t, "object", c, nil)
}

func TestH3_Misuse(t *testing.T) {
	r := recovered(func() { _, _ = async.CreateCall[*lengthCall](&text{}) })
	wantEq(t, "no interface", r, any("async: CreateCall of *async_test.lengthCall, which is not an interface"))
	r = recovered(func() { _, _ = async.CreateCall[int](nil) })
	wantEq(t, "no interface, no server", r, any("async: CreateCall of int, which is not an interface"))
	r = recovered(func() { _, _ = async.CreateCallOr[lengther](&text{}, nil) })
	wantEq(t, "no fallback", r, any("async: CreateCallOr with a nil function"))
}

// A factory that answers with an object of another type is mistaken: the error names both
// types, the object is given up, and CreateCallOr does not hide the mistake.
func TestH3_WrongObject(t *testing.T) {
	object := new(async.Call[string])
	for name, answer := range map[string]any{"1": 1, "with a Release": object} {
		server := &text{create: func(reflect.Type) (any, error) { return answer, nil }}
		c, err := async.CreateCall[lengther](server)
		wantEq(t, name, c, nil)
		wantIs(t, err, async.ErrWrongObject)
		wantEq(t, "no interface", errors.Is(err, async.ErrNoInterface), false)
		wantEq(t, "text", err.Error(), fmt.Sprintf("async: call object of the wrong type: *async_test.text.CreateCall returned a %T for async_test.lengther", answer))
		_, err = async.CreateCallOr(server, func() lengther { t.Error("hidden"); return nil })
		wantIs(t, err, async.ErrWrongObject)
	}
	wantEq(t, "released", object.WaitFor(0), async.ErrReleased)
}

func TestH3_CreateCallOr(t *testing.T) {
	ours := &lengthCall{text: "ours"}
	fallback := func() lengther { return ours }
	broken := func(err error) *text {
		return &text{create: func(reflect.Type) (any, error) { return nil, err }}
	}
	for name, c := range map[string]struct {
		server any
		ours   bool
		err    error
	}{
		"nil":              {nil, true, nil},
		"no factory":       {1, true, nil},
		"no face":          {broken(async.ErrNoMethod), true, nil},
		"no face, wrapped": {broken(fmt.Errorf("text: %w", async.ErrNoMethod)), true, nil},
		"nothing":          {broken(nil), true, nil},
		"a face":           {&text{}, false, nil},
		"own error":        {broken(errBoom), false, errBoom},
	} {
		face, err := async.CreateCallOr(c.server, fallback)
		wantEq(t, name+": error", err, c.err)
		wantEq(t, name+": fallback", face == lengther(ours), c.ours)
		wantEq(t, name+": object", face != nil, c.err == nil)
	}
	if !errors.Is(async.ErrNoMethod, async.ErrNoInterface) {
		t.Error("no face is not no interface")
	}
}
