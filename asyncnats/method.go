package asyncnats

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats/internal/shape"
)

// This file is what client and server of an interface have in common: its methods, what
// these look like on the wire, and the error of a call whose method is another one at the
// other side. cmd/asyncgen writes who uses it: proxy.go is the client, stub.go the server.

// A Method is a method of an interface whose parameters travel as a Req and whose results
// travel as a Reply. It is made by [MethodOf] or [Handle].
type Method struct {
	name       string
	req, reply reflect.Type
	door       func(s *Server, m *method) door // of a method that is served
	try        func(opts []async.Option)       // panics where its calls cannot be begun with them
}

// MethodOf returns a method by its name and the structs that travel, whose fields are the
// parameters and the results. Code that asyncgen writes calls it.
func MethodOf[Req, Reply any](name string) Method {
	return Method{name: name, req: reflect.TypeFor[Req](), reply: reflect.TypeFor[Reply]()}
}

// A method is a Method, looked at.
type method struct {
	full        string // with the name of the interface
	name        string
	subject     string
	takes       shape.Shape
	gives       shape.Shape
	fingerprint string // of both
}

// newMethods looks at the methods of an interface. It panics where something of a method
// cannot travel: asyncgen refuses that, and so it is in a type that was changed since, or
// that a type parameter stands for.
func newMethods(prefix, face string, methods []Method) []*method {
	list := make([]*method, len(methods))
	for i, m := range methods {
		full := face + "." + m.name
		list[i] = &method{
			full: full, name: m.name, subject: prefix + "." + m.name,
			takes: shapeOf(full+": parameter ", m.req), gives: shapeOf(full+": result ", m.reply),
		}
		list[i].fingerprint = shape.Fingerprint(list[i].takes, list[i].gives)
	}
	return list
}

func shapeOf(what string, t reflect.Type) shape.Shape {
	s, err := shape.Of(t)
	if err != nil {
		panic("asyncnats: " + what + err.Error())
	}
	return s
}

// A description is a method as a server tells of it.
type description struct {
	Name        string      `json:"name"`
	Subject     string      `json:"subject"`
	Fingerprint string      `json:"fingerprint"`
	Takes       shape.Shape `json:"takes"`
	Gives       shape.Shape `json:"gives"`
}

func (m *method) describe() description {
	return description{m.name, m.subject, m.fingerprint, m.takes, m.gives}
}

// text is the description as it travels beside a refusal.
func (m *method) text() []byte {
	data, _ := json.Marshal(m.describe()) // it has strings alone
	return data
}

// check refuses a request that another method than this one was called by. A request of a
// plain client of NATS says nothing of its method.
func (m *method) check(fingerprint string) error {
	if fingerprint == "" || fingerprint == m.fingerprint {
		return nil
	}
	return &differsError{m}
}

// A differsError refuses a request at the server.
type differsError struct{ method *method }

func (e *differsError) Error() string {
	return ErrDiffers.Error() + ": " + e.method.full + " is another one at the server"
}

func (e *differsError) Unwrap() error { return ErrDiffers }

// A DiffersError says how a method of an interface differs between client and server, or
// that no server has it. The function did not run. By errors.Is it is [ErrDiffers], and
// where no server has the method it is [ErrNoResponders] and [async.ErrNoMethod], too.
//
// Methods of the interface that do not differ can be called all the same.
type DiffersError struct {
	Method  string // with the name of the interface, as in Store.Get
	Subject string
	Service string // the name of the service, where it is known

	// Differences has a line for each parameter, result and field that differs; of these,
	// here is the client and there the server.
	Differences []string

	// Missing says that no server has the method, and Has are the methods that one has.
	Missing bool
	Has     []string
}

func (e *DiffersError) Error() string {
	at := e.Subject
	if e.Service != "" {
		at = e.Service + " (" + e.Subject + ")"
	}
	if e.Missing {
		return fmt.Sprintf("asyncnats: %s: no server has the method %s: there is %s", at, e.Method, strings.Join(e.Has, ", "))
	}
	return fmt.Sprintf("asyncnats: %s: the method %s differs: %s", at, e.Method, strings.Join(e.Differences, "; "))
}

// Is reports whether the error is one of those that a DiffersError is.
func (e *DiffersError) Is(target error) bool {
	return target == ErrDiffers || e.Missing && (target == async.ErrNoMethod || errors.Is(ErrNoResponders, target))
}

// differs makes the error from what a server says of its method.
func (m *method) differs(service string, text []byte) error {
	var there description
	if err := json.Unmarshal(text, &there); err != nil {
		return fmt.Errorf("%w: %s", ErrDiffers, m.full)
	}
	e := &DiffersError{Method: m.full, Subject: m.subject, Service: service}
	for _, line := range shape.Differences(m.takes, there.Takes) {
		e.Differences = append(e.Differences, "parameter "+line)
	}
	for _, line := range shape.Differences(m.gives, there.Gives) {
		e.Differences = append(e.Differences, "result "+line)
	}
	return e
}
