// Package rand has the name of two others.
package rand

type Rand struct{ Seed int }

type hidden = int

// Seeder mentions an alias that only this package can name.
type Seeder interface {
	Seed(hidden) (hidden, error)
}
