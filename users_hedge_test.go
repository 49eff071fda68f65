package async_test

// The number that Hedge gives to each attempt.

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed4712c49f/async"
)

// anyAttempt is a function for Hedge that does the same in every attempt.
func anyAttempt[T any](fn func(context.Context) (T, error)) func(context.Context, int) (T, error) {
	return func(ctx context.Context, _ int) (T, error) { return fn(ctx) }
}

// The attempts are numbered from 0 in the order in which they begin, whether a delay or a
// failure has begun them, and the errors are joined in that order.
func TestW6_HedgeNumbersItsAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var mu sync.Mutex
		began := make(map[int]time.Duration)
		v, err := async.Hedge(t.Context(), time.Second, 4, func(ctx context.Context, attempt int) (string, error) {
			mu.Lock()
			began[attempt] = time.Since(start)
			mu.Unlock()
			switch attempt {
			case 1:
				time.Sleep(time.Millisecond)
				return "", errBoom
			case 2:
				return "the third", nil
			}
			return blockString(ctx)
		})
		wantEq(t, "winner", fmt.Sprint(v, err), "the third<nil>")
		wantEq(t, "began", fmt.Sprint(began), fmt.Sprint(map[int]time.Duration{0: 0, 1: time.Second, 2: time.Second + time.Millisecond}))
	})
}

func blockString(ctx context.Context) (string, error) {
	<-ctx.Done()
	return "", ctx.Err()
}

// Without a delay the attempts begin together: each has a number of its own all the same,
// and the numbers are those of the errors.
func TestW6_HedgeNumbersAttemptsThatBeginTogether(t *testing.T) {
	for range rounds(2000) {
		const n = 5
		var errs [n]error
		for i := range errs {
			errs[i] = errors.New(fmt.Sprint("attempt ", i))
		}
		_, err := async.Hedge(bg, 0, n, func(_ context.Context, attempt int) (int, error) { return 0, errs[attempt] })
		if got := err.Error(); got != errors.Join(errs[:]...).Error() {
			t.Fatalf("joined %q", got)
		}
	}
}
