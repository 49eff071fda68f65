// Package old is an earlier version of the service in package remote.
package old

import "context"

//go:generate go run github.com/seed4712c49f/async/cmd/asyncgen -remote nats -only remote -type Prices

// A Quote has no time yet, and its price is a whole number.
type Quote struct {
	Symbol string
	Price  int64 `json:"price"`
}

// A Filter is as it is later.
type Filter struct {
	Prefix string
	Tags   map[string][]string
	Next   *Filter
}

// Prices has fewer methods, and one that is different.
type Prices interface {
	Quote(ctx context.Context, ticker string) (Quote, error)
	Join(ctx context.Context, sep string, parts ...string) (string, error)
	Count() (n int, exact bool)
}
