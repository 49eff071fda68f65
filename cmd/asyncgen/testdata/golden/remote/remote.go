// Package remote has interfaces whose clients and servers are other processes. Its tests
// run the outputs against each other over a real server of NATS.
package remote

import (
	"context"
	"encoding/json"
	"errors"
	"math/big"
	"net/netip"
	"time"
)

//go:generate go run github.com/seed4712c49f/async/cmd/asyncgen -remote nats -server -discard Quote,Sum -type Prices
//go:generate go run github.com/seed4712c49f/async/cmd/asyncgen -remote nats -type Store
//go:generate go run github.com/seed4712c49f/async/cmd/asyncgen -remote nats -only remote -type Clash
//go:generate go run github.com/seed4712c49f/async/cmd/asyncgen -remote nats -type hidden
//go:generate go run github.com/seed4712c49f/async/cmd/asyncgen -remote nats -only remote -type Drawing
//go:generate go run github.com/seed4712c49f/async/cmd/asyncgen -remote nats -only remote -type Drawing -output away/drawing.go -package away
//go:generate go run github.com/seed4712c49f/async/cmd/asyncgen -remote nats -only remote -discard Sum -type Prices -output away/away.go -package away
//go:generate go run github.com/seed4712c49f/async/cmd/asyncgen -remote nats -only remote,calls -type database/sql/driver.Result

// ErrUnknown says that there is no price.
var ErrUnknown = errors.New("unknown symbol")

// A Quote is a price at a time.
type Quote struct {
	Symbol string
	Price  float64 `json:"price"`
	At     time.Time
}

// A Filter chooses quotes.
type Filter struct {
	Prefix string
	Tags   map[string][]string
	Next   *Filter
}

// Lister is embedded in Prices.
type Lister interface {
	// List returns the quotes that the filter chooses.
	List(ctx context.Context, filter *Filter) ([]Quote, error)
}

// Prices is a service.
type Prices interface {
	Lister

	// Quote returns the price of a symbol.
	Quote(ctx context.Context, symbol string) (Quote, error)

	// Sum adds numbers. It has its context last.
	Sum(first int, more []int, ctx context.Context) (sum int, count int64, err error)

	// Join joins texts.
	Join(ctx context.Context, sep string, parts ...string) (string, error)

	// Write returns how much was written, with an error too.
	Write(ctx context.Context, data []byte) (n int, err error)

	// Count has no context and no error.
	Count() (n int, exact bool)

	// Reset has nothing at all.
	Reset()

	// Blank has parameters without names.
	Blank(context.Context, int, string) error

	// Odd has a parameter that is blank, and names that the output uses itself.
	Odd(_ int, r string, server bool, x, options, Arg1 int) (err int, ctx string)

	// Kinds gives back what it takes.
	Kinds(ctx context.Context, k Kinds) (Kinds, error)

	// Größe has a name that is not ASCII.
	Größe(ctx context.Context) (string, error)
}

// Kinds has what can travel.
type Kinds struct {
	Address netip.Addr
	Big     *big.Int
	Plain   big.Int
	Raw     json.RawMessage
	Number  json.Number
	Wait    time.Duration
	ByDay   map[time.Weekday]int
	ByAddr  map[netip.Addr]string
	Array   [2][]byte
	Empty   []int
	Nil     []int
	Pointer *float32
	Local   string `json:"-"`
	Text    int64  `json:",string"`
	Embedded
	*Pointed
}

// Embedded is written beside the fields of the struct that embeds it.
type Embedded struct{ Inner uint8 }

// Pointed is, too, where it is there.
type Pointed struct{ Further string }

// Store has type parameters.
type Store[K comparable, V any] interface {
	Get(ctx context.Context, key K) (value V, ok bool, err error)
	Put(ctx context.Context, key K, value V) error
	Keys(ctx context.Context) ([]K, error)
}

// Clash has methods that the asynchronous face has, too.
type Clash interface {
	Wait(ctx context.Context) (int, error)
	Cancel(ctx context.Context, order string) error
	Release()
	Calls(ctx context.Context) (int, error)
	Begin(proxy, opts string) error
}

type hidden interface {
	peek(ctx context.Context, at int) (rune, error)
}

// A Shape has a few forms.
//
//async:form Circle, *Square
type Shape interface{ Area() float64 }

// A Circle is a form of Shape.
type Circle struct{ Radius float64 }

// Area is that of the circle.
func (c Circle) Area() float64 { return 3 * c.Radius * c.Radius }

// A Square is a form of Shape by its pointer.
type Square struct{ Side float64 }

// Area is that of the square.
func (s *Square) Area() float64 { return s.Side * s.Side }

// A Triangle is a Shape, and no form.
type Triangle struct{}

// Area is that of the triangle.
func (Triangle) Area() float64 { return 0 }

// Drawing has parameters and results that are interfaces.
type Drawing interface {
	Largest(ctx context.Context, first Shape, more ...Shape) (Shape, error)
	All(ctx context.Context, shapes []Shape) (back []Shape, none Shape, err error)
	Bad(ctx context.Context) (Shape, error)
	Area(shape Shape) float64
}
