package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// maxFiles is how many files a folder has at most: some gigabytes.
const maxFiles = 1_000_000

// hashShown is how much of a file's hash its name has, in digits.
const hashShown = 16

// A folder is one that the program has made.
type folder struct {
	dir  string
	size int64
}

// makeFolder makes the files of the folder, each of up to 8 KiB of words. The name of a
// file begins with the hash of what the file should have.
func makeFolder(ctx context.Context, root string, o *options) (*folder, error) {
	f := &folder{dir: filepath.Join(root, "files")}
	if err := os.Mkdir(f.dir, 0o700); err != nil {
		return nil, err
	}
	random := rand.New(rand.NewPCG(o.seed, 0))
	for i := range o.files {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		text := []byte(words(random, 1+random.IntN(1024)))
		sum := sha256.Sum256(text)
		if i < o.damaged {
			text[0] ^= 1
		}
		name := hex.EncodeToString(sum[:])[:hashShown] + "-" + strconv.Itoa(i)
		if err := os.WriteFile(filepath.Join(f.dir, name), text, 0o600); err != nil {
			return nil, err
		}
		f.size += int64(len(text))
	}
	return f, nil
}

// words returns n words.
func words(random *rand.Rand, n int) string {
	some := []string{"call ", "begin ", "finish ", "wait ", "signal ", "slot ", "queue ", "result "}
	var b strings.Builder
	for range n {
		b.WriteString(some[random.IntN(len(some))])
	}
	return b.String()
}

// names yields the names of the files, without ever having all of them in memory.
func (f *folder) names() iter.Seq[string] {
	return func(yield func(string) bool) {
		dir, err := os.Open(f.dir)
		if err != nil {
			return
		}
		defer dir.Close()
		for {
			some, err := dir.Readdirnames(256)
			for _, name := range some {
				if !yield(name) {
					return
				}
			}
			if err != nil { // io.EOF, after the last
				return
			}
		}
	}
}

// errBusy is what a store says that has no time now. It is worth while to try again.
var errBusy = errors.New("the store is busy")

// A store keeps files. It is busy for some of them, at first.
type store struct {
	dir  string
	busy int

	mu     sync.Mutex
	random *rand.Rand
}

func newStore(root string, o *options) *store {
	return &store{dir: root, busy: o.busy, random: rand.New(rand.NewPCG(o.seed, 1))}
}

// put keeps a file under its name, whole or not at all.
func (s *store) put(name string, text []byte) error {
	if s.isBusy() {
		return errBusy
	}
	half := filepath.Join(s.dir, name+".half")
	if err := os.WriteFile(half, text, 0o600); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return os.Rename(half, filepath.Join(s.dir, name+".gz"))
}

func (s *store) isBusy() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.busy > 0 && s.random.IntN(s.busy) == 0
}
