package label_test

import (
	"context"
	"fmt"
	"runtime/pprof"
	"sync"
	"testing"

	"github.com/seed4712c49f/async/internal/label"
)

func labelsOf(ctx context.Context) (s string) {
	pprof.ForLabels(ctx, func(key, value string) bool {
		s += key + "=" + value + " "
		return true
	})
	return s
}

// The context of the function has the labels, beside those of others, and what it had.
func TestRun(t *testing.T) {
	type key struct{}
	l := label.New("s")
	run := func(ctx context.Context, call, want string) {
		t.Helper()
		err := l.Run(context.WithValue(ctx, key{}, 1), call, func(ctx context.Context) error {
			if got := labelsOf(ctx); got != want || ctx.Value(key{}) != 1 {
				t.Errorf("labels %q, want %q", got, want)
			}
			return context.Canceled
		})
		if err != context.Canceled {
			t.Errorf("error %v", err)
		}
	}
	for range 2 {
		run(context.Background(), "c", "async.call=c async.scope=s ")
		run(context.Background(), "", "async.call= async.scope=s ")
		pprof.Do(context.Background(), pprof.Labels("own", "1", label.Call, "outer"), func(ctx context.Context) {
			run(ctx, "c", "async.call=c async.scope=s own=1 ")
		})
	}
}

// Names beyond the bound have labels, too; goroutines that are first to use a name at once
// agree.
func TestRun_ManyNames(t *testing.T) {
	l := label.New("s")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 2000 {
				name := fmt.Sprint(i)
				_ = l.Run(context.Background(), name, func(ctx context.Context) error {
					if got := labelsOf(ctx); got != "async.call="+name+" async.scope=s " {
						t.Errorf("labels %q", got)
					}
					return nil
				})
			}
		})
	}
	wg.Wait()
}

// A name that was used before costs the context, and nothing else.
func TestRun_Allocations(t *testing.T) {
	l := label.New("s")
	f := func(context.Context) error { return nil }
	if n := testing.AllocsPerRun(100, func() { _ = l.Run(context.Background(), "c", f) }); n > 1 {
		t.Errorf("%v allocations", n)
	}
}
