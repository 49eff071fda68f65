package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/seed4712c49f/async"
)

// A queue works on every file of a folder.
type queue struct {
	folder *folder
	store  *store
	limit  int
	grace  time.Duration
	scope  *async.Scope

	mu sync.Mutex
	tally
}

// A tally is how far a queue has come.
type tally struct {
	files      int
	start, end time.Time // end is zero while the queue works
	done       int       // files that are in the store
	cut        int       // files whose jobs had begun and were stopped
	failed     []failure
	retries    int
	read, kept int64 // bytes
}

// A failure is a file that could not be done.
type failure struct {
	name string
	err  error
}

// A packed is what became of a file.
type packed struct {
	read, kept int64 // bytes
	retries    int
}

// Why a job has no result.
var (
	errStopped  = errors.New("stopped before it began")
	errGrace    = errors.New("the time for the jobs that run is up")
	errDamaged  = errors.New("the file is not what its name announces")
	errTooOften = errors.New("the store was busy too often")
)

func newQueue(f *folder, s *store, o *options) *queue {
	return &queue{
		folder: f, store: s, limit: o.limit, grace: o.grace,
		scope: async.NewScope(async.ScopeOptions{Name: "queue", Limit: o.limit}),
		tally: tally{files: o.files, start: time.Now()},
	}
}

// run works on every file until ctx ends. Then no job is started any more, and those
// that run have the time of grace.
//
// So ctx ends the sequence of names, and another context the jobs. Twice as many jobs are
// in flight as may run: those that wait before they try again lend their slots to the
// others.
func (q *queue) run(ctx context.Context) error {
	jobs, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	defer context.AfterFunc(ctx, func() {
		_ = async.Sleep(jobs, q.grace)
		cancel(errGrace)
	})()
	pack := func(own context.Context, name string) (packed, error) {
		if ctx.Err() != nil {
			return packed{}, errStopped // it had waited for a slot
		}
		return q.pack(own, name)
	}
	for name, r := range async.Map(jobs, q.names(ctx), pack, q.scope, async.AtOnce(2*q.limit),
		async.NameEach(func(name string) string { return name })) {
		q.note(name, r)
	}
	err := q.scope.Shutdown(context.WithoutCancel(ctx)) // at once: every job has returned
	q.mu.Lock()
	defer q.mu.Unlock()
	q.end = time.Now()
	q.cut += int(q.scope.Stats().Stopped) // the jobs that ran when the loop was over
	return err
}

// names yields the name of each file, until ctx ends.
func (q *queue) names(ctx context.Context) iter.Seq[string] {
	return func(yield func(string) bool) {
		for name := range q.folder.names() {
			if ctx.Err() != nil || !yield(name) {
				return
			}
		}
	}
}

// note notes what became of a file.
func (q *queue) note(name string, r async.Result[packed]) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.retries += r.Value.retries
	switch {
	case r.Err == nil:
		q.done++
		q.read += r.Value.read
		q.kept += r.Value.kept
	case errors.Is(r.Err, errStopped), errors.Is(r.Err, async.ErrCanceled): // while it waited for a slot
	case errors.Is(r.Err, errGrace):
		q.cut++
	default:
		q.failed = append(q.failed, failure{name, r.Err})
	}
}

const (
	attempts  = 5                    // of a job, at most
	firstWait = 5 * time.Millisecond // before the second attempt; doubled for each after it
)

// pack does one file: it is read, compared with its hash, compressed and stored. Where
// the store is busy, pack waits by the context of the job, so the slot is lent meanwhile,
// and tries again.
func (q *queue) pack(ctx context.Context, name string) (p packed, err error) {
	text, err := os.ReadFile(filepath.Join(q.folder.dir, name))
	if err != nil {
		return p, err
	}
	sum := sha256.Sum256(text)
	if !strings.HasPrefix(name, hex.EncodeToString(sum[:])[:hashShown]) {
		return p, errDamaged
	}
	small, err := compress(text)
	if err != nil {
		return p, err
	}
	p.read, p.kept = int64(len(text)), int64(len(small))
	for wait := firstWait; ; wait *= 2 {
		err := q.store.put(name, small)
		switch {
		case !errors.Is(err, errBusy):
			return p, err
		case p.retries == attempts-1:
			return p, fmt.Errorf("%w: %d times", errTooOften, attempts)
		}
		if err := async.Sleep(ctx, wait); err != nil {
			return p, err
		}
		p.retries++
	}
}

// compressors are kept for the next file: one is large.
var compressors = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

func compress(text []byte) ([]byte, error) {
	var out bytes.Buffer
	z := compressors.Get().(*gzip.Writer)
	defer compressors.Put(z)
	z.Reset(&out)
	_, err := z.Write(text)
	err = errors.Join(err, z.Close()) // which writes the rest
	return out.Bytes(), err
}
