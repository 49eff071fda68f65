// A queue of jobs on files under a limit, with this library and by hand.

package bench_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/seed4712c49f/async"
)

// The folder of BenchmarkQueue. The store is busy for one file in so many, at first.
const (
	queueFiles = 200
	queueLimit = 8
	queueBusy  = 20
	queueWait  = 2 * time.Millisecond
)

// A queue reads each of 200 files of a folder, compares the file with the hash that its
// name announces, compresses the file and stores the result, eight files at a time. For
// one file in twenty the store is busy at first: the job waits 2 ms and tries again. A
// failure would end the queue. One operation is the whole folder. By hand and in an
// errgroup a job that waits keeps its place; in a Scope another job runs meanwhile.
// The first does what `examples/queue` does, where a Scope has the limit.
func BenchmarkQueue(b *testing.B) {
	folder := newQueueFolder(b)
	for _, p := range []struct {
		name string
		work func(ctx context.Context, f *queueFolder) (kept int, err error)
	}{
		{"raw=workers-and-channels", queueByWorkers},
		{"async=Map-in-a-Scope", queueByScope},
		{"async=Map", queueByMap},
		{"errgroup=SetLimit", queueByErrgroup},
	} {
		b.Run(p.name, func(b *testing.B) {
			oneCaller(b, queueFiles, func() int {
				folder.empty()
				kept, err := p.work(b.Context(), folder)
				if err != nil || kept != folder.total() {
					b.Errorf("%d bytes are kept, %d are in the store: %v", kept, folder.total(), err)
				}
				return len(folder.store)
			})
			b.ReportMetric(float64(b.N)*queueFiles/b.Elapsed().Seconds(), "files/s")
		})
	}
}

// A queueFolder is a folder of files, and the store for what becomes of the files.
type queueFolder struct {
	dir   string
	names []string

	mu    sync.Mutex
	store map[string][]byte
	asked map[string]bool // files for which the store was busy
}

func newQueueFolder(b *testing.B) *queueFolder {
	f := &queueFolder{dir: b.TempDir()}
	for i := range queueFiles {
		text := []byte(strings.Repeat(fmt.Sprintf("call %d, begin, finish, wait. ", i*i), 20+i))
		sum := sha256.Sum256(text)
		name := hex.EncodeToString(sum[:])
		f.names = append(f.names, name)
		if err := os.WriteFile(filepath.Join(f.dir, name), text, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	slices.Sort(f.names)
	return f
}

func (f *queueFolder) empty() { f.store, f.asked = map[string][]byte{}, map[string]bool{} }

// total is how many bytes the store has.
func (f *queueFolder) total() (n int) {
	for text := range maps.Values(f.store) {
		n += len(text)
	}
	return n
}

var errQueueBusy = errors.New("the store is busy")

// put stores a result, or is busy.
func (f *queueFolder) put(i int, name string, text []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if i%queueBusy == 0 && !f.asked[name] {
		f.asked[name] = true
		return errQueueBusy
	}
	f.store[name] = text
	return nil
}

// queueCompressors are kept for the next file: one is large.
var queueCompressors = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

// pack does the file of a number and returns how many bytes are stored. A job that finds
// the store busy waits by sleep.
func (f *queueFolder) pack(ctx context.Context, i int, sleep func(context.Context, time.Duration) error) (int, error) {
	name := f.names[i]
	text, err := os.ReadFile(filepath.Join(f.dir, name))
	if err != nil {
		return 0, err
	}
	if sum := sha256.Sum256(text); hex.EncodeToString(sum[:]) != name {
		return 0, fmt.Errorf("%s is damaged", name)
	}
	var out bytes.Buffer
	z := queueCompressors.Get().(*gzip.Writer)
	defer queueCompressors.Put(z)
	z.Reset(&out)
	_, err = z.Write(text)
	if err := errors.Join(err, z.Close()); err != nil {
		return 0, err
	}
	for {
		if err := f.put(i, name, out.Bytes()); !errors.Is(err, errQueueBusy) {
			return out.Len(), err
		}
		if err := sleep(ctx, queueWait); err != nil {
			return 0, err
		}
	}
}

func queueByWorkers(ctx context.Context, f *queueFolder) (kept int, err error) {
	ctx, cancel := context.WithCancel(ctx)
	type answer struct {
		kept int
		err  error
	}
	jobs, answers := make(chan int), make(chan answer)
	var wg sync.WaitGroup
	for range queueLimit {
		wg.Go(func() {
			for i := range jobs {
				n, err := f.pack(ctx, i, pause)
				answers <- answer{n, err}
			}
		})
	}
	defer wg.Wait()
	defer close(jobs)
	defer cancel()
	next, busy := 0, 0
	for busy > 0 || next < len(f.names) && err == nil {
		var out chan int // nil where there is nothing to send
		if next < len(f.names) && err == nil {
			out = jobs
		}
		select {
		case out <- next:
			next++
			busy++
		case a := <-answers:
			busy--
			if a.err != nil && err == nil {
				err = a.err
				cancel()
			}
			kept += a.kept
		}
	}
	return kept, err
}

// indices yields the number of each file.
func (f *queueFolder) indices(yield func(int) bool) {
	for i := range f.names {
		if !yield(i) {
			return
		}
	}
}

func queueByMap(ctx context.Context, f *queueFolder) (int, error) {
	return f.byMap(ctx, async.AtOnce(queueLimit))
}

func queueByScope(ctx context.Context, f *queueFolder) (int, error) {
	return f.byMap(ctx, async.NewScope(async.ScopeOptions{Limit: queueLimit}), async.AtOnce(2*queueLimit))
}

func (f *queueFolder) byMap(ctx context.Context, opts ...async.Option) (kept int, err error) {
	pack := func(ctx context.Context, i int) (int, error) { return f.pack(ctx, i, async.Sleep) }
	for _, r := range async.Map(ctx, f.indices, pack, opts...) {
		if r.Err != nil {
			return kept, r.Err
		}
		kept += r.Value
	}
	return kept, ctx.Err()
}

func queueByErrgroup(ctx context.Context, f *queueFolder) (int, error) {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(queueLimit)
	var mu sync.Mutex
	kept := 0
	for i := range f.names {
		g.Go(func() error {
			n, err := f.pack(ctx, i, pause)
			mu.Lock()
			defer mu.Unlock()
			kept += n
			return err
		})
	}
	err := g.Wait() // before kept is read
	return kept, err
}
