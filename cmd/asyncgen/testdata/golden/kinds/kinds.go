// Package kinds has a parameter or result of every kind of type.
package kinds

import (
	"context"
	"io"
	"net/http"
	"unsafe"
)

//go:generate go run github.com/seed4712c49f/async/cmd/asyncgen -type Kinds

type (
	Number         int
	Text           = string
	Pair[A, B any] struct {
		A A
		B B
	}
	Twin[T any] = Pair[T, T]
	local       struct{ n int }
)

const size = 3

// Kinds has a method for each kind.
type Kinds interface {
	Chans(chan int, <-chan int, chan<- int, chan (<-chan int), chan<- (chan int), <-chan chan<- int) <-chan int
	Funcs(f func(), g func(a, b int, rest ...string) (n int, err error), h func(func(int) int) func() error) func(io.Reader) error
	Arrays([3]int, [size][size]*local, [0]struct{}) [2]Number
	Structs(struct{}, struct {
		A int `json:"a"`
		b int
		*local
		io.Reader
		F func(x int) error "it:\"`s\""
	}) struct{ N int }
	Maps(map[string][]int, map[Pair[int, string]]map[Number]any) (map[string]struct{}, error)
	Pointers(*int, **local, *[]int, unsafe.Pointer, uintptr) *Kinds
	Interfaces(interface{}, any, interface{ Do(x int) error }, interface {
		io.Reader
		unexported()
	}, comparer) error
	Basics(bool, byte, rune, string, int8, uint16, float32, complex128, error) (uint8, int32)
	Aliases(Text, Twin[int], Twin[Text], Pair[Text, http.Header]) (Twin[*local], error)
	Variadic(ctx context.Context, f ...func(...int)) ([]func(...int), error)
	VariadicAny(...any) []any
	Nested(context.Context, ...[]map[string]chan<- struct{ X [4]Twin[error] })
	Handlers(http.ResponseWriter, *http.Request, http.HandlerFunc)
}

type comparer interface{ compare(a, b Number) int }
