//go:build !arm64 || !cgo || cgo

// Package tagged has an interface that is there on some systems only.
package tagged

//go:generate go run github.com/seed4712c49f/async/cmd/asyncgen -type OnLinux

type OnLinux interface{ Do() error }
