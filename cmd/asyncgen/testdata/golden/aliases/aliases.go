// Package aliases gives other names to what it imports.
package aliases

import (
	stdctx "context"
	corev1 "golden/dep/rand"
	nethttp "net/http"

	_ "strings"
	. "time"
)

//go:generate go run github.com/seed4712c49f/async/cmd/asyncgen -type Client
//go:generate go run github.com/seed4712c49f/async/cmd/asyncgen -type net/http.RoundTripper=Tripper -prefix Slow -output tripper.go

// A Client has the imports of its file.
type Client interface {
	// Get gets.
	//
	// It does so in several lines:
	//   - one, with [Client] and "quotes" and %d,
	//   - two.
	Get(ctx stdctx.Context, d Duration) (*corev1.Rand, nethttp.Header, error)
}
