// Failfast needs a number from each of several files, some of which are yet to
// be written. Where all arrive it has them in the order of the names, whichever
// came first. Where one is not a number, the whole is over at once, although
// another file is still awaited.
//
// Output:
//
//	all three: [40 1 1]
//	invalid.txt: "forty" is not a number
//	async: call canceled: no longer needed
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/seed4712c49f/async"
)

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "failfast")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for name, text := range map[string]string{"a.txt": "40", "b.txt": "1", "invalid.txt": "forty"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	read := func(ctx context.Context, name string) (int, error) {
		return readNumber(ctx, filepath.Join(dir, name))
	}

	good := async.GoEach(ctx, []string{"a.txt", "b.txt", "b.txt"}, read)
	defer good.Release()
	numbers, err := good.All(ctx)
	if err != nil {
		return err
	}
	fmt.Println("all three:", numbers)

	bad := async.GoEach(ctx, []string{"missing.txt", "a.txt", "invalid.txt"}, read)
	defer bad.Release()
	_, err = bad.All(ctx)
	bad.Cancel(errors.New("no longer needed"))
	fmt.Println(err)
	_, err = bad[0].Await(ctx) // missing.txt
	fmt.Println(err)
	return nil
}

// readNumber waits for a file to appear and reads the number in it.
func readNumber(ctx context.Context, name string) (int, error) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		text, err := os.ReadFile(name)
		if err == nil {
			n, err := strconv.Atoi(string(text))
			if err != nil {
				return 0, fmt.Errorf("%s: %q is not a number", filepath.Base(name), text)
			}
			return n, nil
		}
		if !errors.Is(err, os.ErrNotExist) {
			return 0, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}
