package rivals

import (
	"golang.org/x/sync/singleflight"

	"github.com/seed4712c49f/async/bench/internal/table"
)

func singleflightForms() []table.Form {
	return sharingForms("", func() shared {
		g := new(singleflight.Group)
		return func(key string, f task) (int, error) {
			v, err, _ := g.Do(key, func() (any, error) { return f.plain() })
			n, _ := v.(int)
			return n, err
		}
	})
}
