package rivals

import (
	"resenje.org/singleflight"

	"github.com/seed4712c49f/async/bench/internal/table"
)

func resenjeForms() []table.Form {
	return sharingForms("", func() shared {
		g := new(singleflight.Group[string, int])
		return func(key string, f task) (int, error) {
			v, _, err := g.Do(bg, key, f.ctx)
			return v, err
		}
	})
}
