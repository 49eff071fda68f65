// Package outside has an interface whose faces are written into another package
// and into a test.
package outside

import "context"

//go:generate go run github.com/seed4712c49f/async/cmd/asyncgen -type Service -output faces/service.go -package faces
//go:generate go run github.com/seed4712c49f/async/cmd/asyncgen -type Service -output service_async_test.go -package outside_test
//go:generate go run github.com/seed4712c49f/async/cmd/asyncgen -type Service -prefix Deferred -output deferred.go

type Answer struct{ Text string }

type Service interface {
	Ask(ctx context.Context, outside string) (Answer, error)
	Peer() Service
}
