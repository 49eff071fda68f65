// Package cutshort has loops that the end of a context cuts short.
package cutshort

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed4712c49f/async"
)

func size(ctx context.Context, name string) (int, error) { return len(name), nil }

// --- a part passes for the whole

func sum(ctx context.Context, names iter.Seq[string]) (int, error) {
	n := 0
	for _, r := range async.Map(ctx, names, size) {
		if r.Err != nil {
			return 0, r.Err
		}
		n += r.Value
	}
	return n, nil // want `the loop over async.Map \(line \d+\) also ends when ctx does, and a part is returned as the whole: return ctx.Err\(\)`
}

func sizes(ctx context.Context, names []string) (map[string]int, error) {
	sizes := make(map[string]int)
	calls := async.GoEach(ctx, names, size)
	defer calls.Release()
	for i, r := range calls.Each(ctx) {
		if r.Err != nil {
			return nil, r.Err
		}
		sizes[names[i]] = r.Value
	}
	return sizes, nil // want `the loop over calls.Each .* also ends when ctx does`
}

type report struct {
	count int
	names []string
}

func crawl(ctx context.Context, set *async.Set[*async.Call[string]]) (*report, int, error) {
	out := new(report)
	for call := range set.All(ctx) {
		name, err := call.Finish()
		if err != nil {
			return nil, 0, err
		}
		out.count++
		out.names = append(out.names, name)
	}
	slices.Sort(out.names)
	return out, 1, nil // want `the loop over set.All`
}

func text(ctx context.Context, names iter.Seq[string]) (string, error) {
	var b strings.Builder
loop:
	for name, r := range async.Map(ctx, names, size, async.InOrder()) {
		switch {
		case r.Err != nil:
			return "", r.Err
		case r.Value == 0:
			break loop
		}
		b.WriteString(name)
	}
	return b.String(), nil // want `the loop over async.Map`
}

func inside(ctx context.Context, names []string) (int, error) {
	n := 0
	if len(names) > 1 {
		for _, r := range async.Map(ctx, slices.Values(names), size) {
			if ctx.Err() != nil { // too early
				return 0, ctx.Err()
			}
			n += r.Value
		}
		return n, nil // want `the loop over async.Map`
	}
	return 1, nil
}

func literal(ctx context.Context, names iter.Seq[string]) *async.Call[int] {
	return async.Go(ctx, func(own context.Context) (n int, err error) {
		for _, r := range async.Map(own, names, size) {
			if r.Err != nil {
				return 0, r.Err
			}
			n++
		}
		return n, nil // want `also ends when own does, and .*: return own.Err\(\)`
	})
}

func generic[T any](ctx context.Context, names iter.Seq[string], fn func(context.Context, string) (T, error)) (all []T, err error) {
	for _, r := range async.Map(ctx, names, fn) {
		if r.Err != nil {
			return nil, r.Err
		}
		all = append(all, r.Value)
	}
	return all, nil // want `the loop over async.Map`
}

// --- the context is looked at

func asks(ctx context.Context, names iter.Seq[string]) (n int, err error) {
	for _, r := range async.Map(ctx, names, size) {
		if r.Err != nil {
			return 0, r.Err
		}
		n += r.Value
	}
	return n, ctx.Err()
}

func asksBefore(ctx context.Context, names iter.Seq[string]) (n int, err error) {
	for _, r := range async.Map(ctx, names, size) {
		if r.Err != nil {
			return 0, r.Err
		}
		n += r.Value
	}
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	return n, nil
}

func asksLater(ctx context.Context, names iter.Seq[string]) (n int, err error) {
	defer func() {
		if err == nil {
			err = ctx.Err()
		}
	}()
	for _, r := range async.Map(ctx, names, size) {
		if r.Err != nil {
			return 0, r.Err
		}
		n += r.Value
	}
	return n, nil
}

func asksAnother(ctx context.Context, names iter.Seq[string]) (n int, err error) {
	for _, r := range async.Map(ctx, names, size) {
		if r.Err != nil {
			return 0, r.Err
		}
		n += r.Value
	}
	n += more(ctx)
	return n, nil
}

func more(context.Context) int { return 1 }

func counts(ctx context.Context, names []string) (n int, err error) {
	for _, r := range async.Map(ctx, slices.Values(names), size) {
		if r.Err != nil {
			return 0, r.Err
		}
		n++
	}
	if n < len(names) {
		return 0, errors.New("not all")
	}
	return n, nil
}

func says(ctx context.Context, names []string) (n int, whole bool, err error) {
	for _, r := range async.Map(ctx, slices.Values(names), size) {
		if r.Err != nil {
			return 0, false, r.Err
		}
		n++
	}
	return n, n == len(names), nil
}

func told(ctx context.Context, names iter.Seq[string]) (int, error) {
	n, stopped := 0, false
	until := func(yield func(string) bool) {
		for name := range names {
			if !yield(name) {
				stopped = true
				return
			}
		}
	}
	for _, r := range async.Map(ctx, until, size) {
		if r.Err != nil {
			return 0, r.Err
		}
		n++
	}
	if stopped {
		return 0, errors.New("stopped")
	}
	return n, nil
}

// --- what there is in time is wanted

func inTime(ctx context.Context, names []string) (n int, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	for _, r := range async.Map(ctx, slices.Values(names), size) {
		if r.Err != nil {
			return 0, r.Err
		}
		n++
	}
	return n, nil
}

func whatThereIs(ctx context.Context, names []string) (n int, err error) {
	for _, r := range async.Map(ctx, slices.Values(names), size) {
		if r.Err == nil {
			n++
		}
	}
	return n, nil
}

// --- nothing is cut short, or nothing is returned

func endless(ctx context.Context, names iter.Seq[string]) (n int, err error) {
	for _, r := range async.Map(context.WithoutCancel(ctx), names, size) {
		if r.Err != nil {
			return 0, r.Err
		}
		n++
	}
	return n, nil
}

func replaced(ctx context.Context, names iter.Seq[string]) (n int, err error) {
	ctx = context.WithoutCancel(ctx)
	for _, r := range async.Map(ctx, names, size) {
		if r.Err != nil {
			return 0, r.Err
		}
		n++
	}
	return n, nil
}

func serves(ctx context.Context, names iter.Seq[string], use func(int)) error {
	for _, r := range async.Map(ctx, names, size) {
		if r.Err != nil {
			return r.Err
		}
		use(r.Value)
	}
	return nil // an orderly end
}

func somethingElse(ctx context.Context, names iter.Seq[string], use func(int)) (string, error) {
	state := "served"
	for _, r := range async.Map(ctx, names, size) {
		if r.Err != nil {
			return "", r.Err
		}
		use(r.Value)
	}
	return state, nil
}

func TestSum(t *testing.T) {
	n := 0
	for _, r := range async.Map(t.Context(), slices.Values([]string{"a"}), size) {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		n++
	}
}
