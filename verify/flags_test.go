package verify_test

import (
	"context"
	"errors"
	"flag"
)

var (
	operations = flag.Int("operations", 100_000, "operations to record of each kind of object")
	seed       = flag.Uint64("seed", 1, "of the first history")
)

var (
	bg     = context.Background()
	ended  = endedContext()
	errOne = errors.New("one")
)

func endedContext() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
