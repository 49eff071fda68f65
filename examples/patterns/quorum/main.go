// Quorum stores a record with several replicas and is content when two of them
// have it. It does not wait for a replica that is slow, and gives up as soon as
// too many have failed for two to be left.
//
// Output:
//
//	stored by replicas [0 2]
//	not stored, a directory is missing: true
package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"slices"

	"github.com/seed4712c49f/async"
)

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "quorum")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, name := range []string{"a", "c"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			return err
		}
	}

	won, err := storeTwice(ctx, dir, "a", "slow", "c")
	if err != nil {
		return err
	}
	fmt.Println("stored by replicas", won)

	_, err = storeTwice(ctx, dir, "slow", "gone", "lost")
	fmt.Println("not stored, a directory is missing:", errors.Is(err, fs.ErrNotExist))
	return nil
}

// storeTwice returns which two of the replicas have stored the record.
func storeTwice(ctx context.Context, dir string, replicas ...string) ([]int, error) {
	calls := async.GoEach(ctx, replicas, func(ctx context.Context, name string) (struct{}, error) {
		if name == "slow" {
			<-ctx.Done()
			return struct{}{}, ctx.Err()
		}
		return struct{}{}, os.WriteFile(filepath.Join(dir, name, "record"), []byte("42"), 0o600)
	})
	defer calls.Release()
	defer calls.Cancel(nil)
	won, _, err := calls.Quorum(ctx, 2)
	slices.Sort(won) // they come in the order of completion
	return won, err
}
