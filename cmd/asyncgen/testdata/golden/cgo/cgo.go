// Package cgo has an interface in a file that imports "C".
package cgo

// int twice(int n) { return 2*n; }
import "C"

//go:generate go run github.com/seed4712c49f/async/cmd/asyncgen -type Twice

// Twice is answered by C.
type Twice interface{ Twice(n int) (int, error) }

// InC calls C.
type InC struct{}

func (InC) Twice(n int) (int, error) { return int(C.twice(C.int(n))), nil }
