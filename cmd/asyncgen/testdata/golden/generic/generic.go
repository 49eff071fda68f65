// Package generic has interfaces with type parameters.
package generic

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"iter"
)

//go:generate go run github.com/seed4712c49f/async/cmd/asyncgen -type Store,Sorter,Odd,Mapped,Renamed,Recursive,Ints,Shadow,Lone

type (
	Number interface{ ~int | ~float64 }

	// Store has constraints from another package, and calls on itself.
	Store[K cmp.Ordered, V any] interface {
		Get(ctx context.Context, key K) (V, error)
		Put(ctx context.Context, key K, value V) error
		Range(ctx context.Context, from, to K) (iter.Seq2[K, V], error)
		Both() (key K, value V)
		Next() Store[K, V]
		Face() (AsyncStore[K, V], error)
	}

	// Sorter has constraints that name other parameters, and literal ones.
	Sorter[S ~[]E, E interface {
		comparable
		fmt.Stringer
	}, N Number, M ~int | ~string, P interface {
		*E
		io.Writer
	}] interface {
		Sort(S, func(a, b E) N) (M, P)
	}

	// Odd has parameters that are named like other things.
	Odd[context, async any, error2 fmt.Stringer, any2 comparable, x ~string, face any] interface {
		Do(context, async) (error2, any2, x, error)
		Int(x int) int
	}

	// Mapped is an alias with a parameter.
	Mapped[V any] = Store[string, V]

	// Ints is an instance.
	Ints = Store[int, []int]

	// Renamed has a parameter without a name.
	Renamed[_ any, T any] interface{ Do(T) T }

	// Recursive is bounded by itself.
	Recursive[T Recursive[T]] interface{ Compare(T) int }

	// Lone has one parameter, whose constraint reads like the length of an array.
	Lone[P *K,] interface{ Do(P) P }

	// K is hidden by a parameter of the same name, but not in what it embeds.
	K struct{}

	base interface{ Base(K) K }

	Shadow[K any] interface {
		base
		Own(K) K
	}
)
