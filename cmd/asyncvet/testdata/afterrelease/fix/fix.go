// Package fix has a Cancel and a Release that are deferred in the wrong order.
package fix

import (
	"context"
	"errors"

	"github.com/seed4712c49f/async"
)

func get(ctx context.Context, url string) (int, error) { return len(url), nil }

func wrongOrder(ctx context.Context, urls []string) (int, error) {
	calls := async.GoEach(ctx, urls, get)
	defer calls.Cancel(errors.New("no longer needed")) // want `defer the Release first`
	defer calls.Release()
	_, n, err := calls.Any(ctx)
	return n, err
}

type stopped struct{ why string }

func (s *stopped) Error() string { return s.why }

func withACause(ctx context.Context, urls []string) (int, error) {
	calls := async.GoEach(ctx, urls, get)
	defer calls.Cancel(&stopped{why: "late"}) // want `defer the Release first`
	defer calls.Release()
	_, n, err := calls.Any(ctx)
	return n, err
}
