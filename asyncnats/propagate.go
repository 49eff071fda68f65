package asyncnats

import (
	"context"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/seed4712c49f/async/asyncnats/internal/wire"
)

// A Propagator carries values of a context, such as a trace, over the wire: nothing else
// of a context travels but its deadline. It has the shape of the TextMapPropagator of
// OpenTelemetry, so that an adapter of a few lines makes one from the other. Its methods
// may be called by any number of goroutines at the same time.
type Propagator interface {
	// Inject writes what ctx has into the carrier. Begin and Submit call it, at the client. ctx is
	// the context of the call: it has what the observer of the call's scope has added.
	Inject(ctx context.Context, carrier Carrier)

	// Extract returns ctx with what the carrier has, or nil where it has nothing. The server calls
	// it. Where Extract panics, or calls Goexit, the call ends with that, and its function does not run.
	Extract(ctx context.Context, carrier Carrier) context.Context
}

// A Carrier is what a [Propagator] reads and writes: the headers of a request. Names that
// begin with "Async-" or "Nats-" are not the Propagator's, nor are names and values that
// are no header: Set leaves them out.
type Carrier interface {
	Get(key string) string
	Set(key, value string)
	Keys() []string
}

// carried are the headers that a Propagator has set, as pairs.
type carried []string

func (c *carried) Get(key string) string {
	for i := 0; i < len(*c); i += 2 {
		if (*c)[i] == key {
			return (*c)[i+1]
		}
	}
	return ""
}

func (c *carried) Set(key, value string) {
	if !wire.IsHeaderKey(key) || !wire.IsHeaderText(value) || isReserved(key) {
		return
	}
	for i := 0; i < len(*c); i += 2 {
		if (*c)[i] == key {
			(*c)[i+1] = value
			return
		}
	}
	*c = append(*c, key, value)
}

func (c *carried) Keys() (keys []string) {
	for i := 0; i < len(*c); i += 2 {
		keys = append(keys, (*c)[i])
	}
	return keys
}

// isReserved reports whether a header is this package's or one of NATS.
func isReserved(key string) bool {
	return strings.HasPrefix(key, "Async-") || strings.HasPrefix(key, "Nats-") || key == "Status" || key == "Description"
}

// received are the headers of a request as the server's Propagator sees them.
type received nats.Header

func (r received) Get(key string) string { return nats.Header(r).Get(key) }

// Set does nothing: the request was received as it is.
func (r received) Set(string, string) {}

func (r received) Keys() (keys []string) {
	for key := range r {
		if !isReserved(key) {
			keys = append(keys, key)
		}
	}
	return keys
}
