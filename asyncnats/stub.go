package asyncnats

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/seed4712c49f/async/asyncnats/internal/wire"
)

// This file is the server of an interface: what the code that asyncgen writes calls.

// Handle returns a method that fn serves. Code that asyncgen writes calls it.
func Handle[Req, Reply any](name string, fn func(context.Context, *Req) (*Reply, error)) Method {
	m := MethodOf[Req, Reply](name)
	m.try = tryOptions[*Reply]
	m.door = func(s *Server, of *method) door {
		serve := func(ctx context.Context, r *Req) (*Reply, error) {
			if r == nil {
				return nil, fmt.Errorf("%w: it is null", ErrBadRequest)
			}
			return fn(ctx, r)
		}
		return door{
			microName(name), of.subject, (&service[*Req, *Reply]{s, serve, of}).receive,
			map[string]string{"async-method": of.full, "async-fingerprint": of.fingerprint},
		}
	}
	return m
}

// microName is the name of an interface or a method as package micro takes it.
func microName(name string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x80 {
			return r
		}
		return '-'
	}, name)
}

// ServeMethods is [Serve] for an interface by the name of face, which is the name of the
// service where o has none: one service, with an endpoint for each method, at the prefix, a
// dot, and the name of the method. The methods come from [Handle].
//
// On the subject that ends with an underscore in place of a method's name the server tells
// what methods it has, and what these take and give, in JSON. A request on it may be empty.
//
// ServeMethods panics where a type of the methods cannot travel, which a type parameter may
// stand for, and says which, and where [Serve] does. Its errors are those of Serve.
func ServeMethods(nc *nats.Conn, prefix, face string, o ServeOptions, methods ...Method) (*Server, error) {
	looked := newMethods(prefix, face, methods)
	o.Name = orElse(o.Name, microName(face))
	for _, m := range methods {
		m.try(o.Options)
	}
	if !wire.IsSubject(prefix) {
		return nil, fmt.Errorf("%w: serve %s at %q", ErrBadSubject, face, prefix)
	}
	s, err := newServer(nc, o)
	if err != nil {
		return nil, fmt.Errorf("asyncnats: serve %s at %q: %w", face, prefix, err)
	}
	doors := make([]door, 0, len(methods)+1)
	all := described{Interface: face, Service: o.Name}
	for i, m := range methods {
		doors = append(doors, m.door(s, looked[i]))
		all.Methods = append(all.Methods, looked[i].describe())
	}
	doors = append(doors, door{"methods", prefix + "." + describeToken, tell(all), nil})
	if err := s.open(doors...); err != nil {
		return nil, errors.Join(fmt.Errorf("asyncnats: serve %s at %q: %w", face, prefix, err), s.Shutdown(context.Background()))
	}
	return s, nil
}

// tell returns the handler that tells of an interface.
func tell(all described) micro.HandlerFunc {
	text, _ := json.Marshal(all) // it has strings alone
	return func(r micro.Request) {
		_ = r.Respond(text) // it fails where nobody is to hear it, or the connection is closed
	}
}
