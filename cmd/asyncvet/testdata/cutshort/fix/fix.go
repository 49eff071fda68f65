// Package fix has loops that have one right mend.
package fix

import (
	"context"
	"iter"

	"github.com/seed4712c49f/async"
)

func size(ctx context.Context, name string) (int, error) { return len(name), nil }

func sum(ctx context.Context, names iter.Seq[string]) (n int, err error) {
	for _, r := range async.Map(ctx, names, size) {
		if r.Err != nil {
			return 0, r.Err
		}
		n += r.Value
	}
	return n, nil // want `also ends when ctx does`
}
