// Gate holds 1,000 waiters back until a configuration was read. It opens once,
// for all of them, and what was written before it opened is seen by everyone who
// came through. One that would not wait so long has left before, alone.
//
// Output:
//
//	through before it opened: 0
//	one has left: async: wait timed out
//	opened: true
//	opened again: false
//	through with the same config: 1000
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/seed4712c49f/async"
)

const waiters = 1000

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "gate")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "config")
	if err := os.WriteFile(name, []byte("verbose"), 0o600); err != nil {
		return err
	}

	var (
		gate   async.Event
		config string // written before the gate is open, read after it: no lock
		passed atomic.Int64
	)
	calls := async.GoEach(ctx, make([]struct{}, waiters), func(ctx context.Context, _ struct{}) (string, error) {
		if err := gate.Wait(ctx); err != nil {
			return "", err
		}
		passed.Add(1)
		return config, nil
	})
	defer calls.Release()
	defer calls.Cancel(nil)
	fmt.Println("through before it opened:", passed.Load())
	fmt.Println("one has left:", gate.WaitFor(time.Millisecond))

	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	config = string(text)
	fmt.Println("opened:", gate.Set())
	fmt.Println("opened again:", gate.Set())

	seen, err := calls.All(ctx)
	same := 0
	for _, s := range seen {
		if s == "verbose" {
			same++
		}
	}
	fmt.Println("through with the same config:", same)
	return err
}
