// Package waitloop has loops around WaitAny.
package waitloop

import (
	"context"
	"slices"

	"github.com/seed4712c49f/async"
)

func get(ctx context.Context, url string) (int, error) { return len(url), nil }
func use(int)                                          {}

func takesOut(ctx context.Context, members []async.Waitable) error {
	for len(members) > 0 {
		i, err := async.WaitAny(ctx, members...) // want `async.WaitAny in a loop over members registers with every member each time: use a Set`
		if err != nil {
			return err
		}
		members = slices.Delete(members, i, i+1)
	}
	return nil
}

func appends(ctx context.Context, members []async.Waitable) error {
	for range len(members) {
		i, err := async.WaitAny(ctx, members...) // want `use a Set`
		if err != nil {
			return err
		}
		members = append(members[:i], members[i+1:]...)
	}
	return nil
}

func swaps(ctx context.Context, calls []*async.Call[int]) error {
	members := make([]async.Waitable, 0, len(calls))
	for _, c := range calls {
		members = append(members, c)
	}
	for len(members) > 0 {
		i, err := async.WaitAny(ctx, members...) // want `use a Set`
		if err != nil {
			return err
		}
		last := len(members) - 1
		members[i] = members[last]
		members = members[:last]
	}
	return nil
}

type pool struct{ members []async.Waitable }

func (p *pool) replaces(ctx context.Context, next func() async.Waitable) error {
	for {
		i, err := async.WaitAny(ctx, p.members...) // want `WaitAny in a loop over p.members`
		if err != nil {
			return err
		}
		p.members[i] = next()
	}
}

func races(ctx context.Context, urls []string) error {
	calls := async.GoEach(ctx, urls, get)
	defer calls.Release()
	rest := slices.Clone(calls)
	for len(rest) > 0 {
		i, n, err := rest.Race(ctx) // want `rest.Race in a loop over rest registers with every member each time: use Calls.Each, or a Set`
		if err != nil {
			return err
		}
		use(n)
		rest = slices.Delete(rest, i, i+1)
	}
	return nil
}

func fillsEachTime(ctx context.Context, calls []*async.Call[int]) error {
	for len(calls) > 0 {
		members := make([]async.Waitable, len(calls))
		for i, c := range calls {
			members[i] = c
		}
		i, err := async.WaitAny(ctx, members...) // want `async.WaitAny in a loop over calls registers`
		if err != nil {
			return err
		}
		calls = append(calls[:i], calls[i+1:]...)
	}
	return nil
}

// --- what is right

func measures(ctx context.Context, events []async.Waitable, rounds int) error {
	for range rounds {
		events[0] = new(async.Event)
		members := make([]async.Waitable, len(events))
		for i, e := range events {
			members[i] = e
		}
		if _, err := async.WaitAny(ctx, members...); err != nil {
			return err
		}
	}
	return nil
}

func fillsOthers(ctx context.Context, next func() []*async.Call[int]) error {
	for {
		calls := next()
		members := make([]async.Waitable, len(calls))
		for i, c := range calls {
			members[i] = c
		}
		if _, err := async.WaitAny(ctx, members...); err != nil {
			return err
		}
	}
}

func once(ctx context.Context, members []async.Waitable) (int, error) {
	return async.WaitAny(ctx, members...)
}

func others(ctx context.Context, lists [][]async.Waitable) error {
	for _, members := range lists {
		if _, err := async.WaitAny(ctx, members...); err != nil {
			return err
		}
	}
	return nil
}

func retries(ctx context.Context, members []async.Waitable, more func() async.Waitable) (int, error) {
	for range 3 {
		if i, err := async.WaitAny(ctx, members...); err == nil {
			return i, nil
		}
		members = append(members, more())
	}
	return -1, ctx.Err()
}

func few(ctx context.Context, a, b *async.Event, quit chan struct{}) error {
	members := []async.Waitable{a, b, async.Chan(quit)}
	for {
		i, err := async.WaitAny(ctx, members...)
		if err != nil || i == 2 {
			return err
		}
		members[i] = async.Chan(nil)
	}
}

func named(ctx context.Context, a, b *async.Event) error {
	for {
		i, err := async.WaitAny(ctx, a, b)
		if err != nil || i == 1 {
			return err
		}
		a = new(async.Event)
	}
}

func inAFunction(ctx context.Context, members []async.Waitable) (fs []func() error) {
	for range 3 {
		fs = append(fs, func() error {
			_, err := async.WaitAny(ctx, members...)
			return err
		})
		members = members[1:]
	}
	return fs
}

func set(ctx context.Context, members []async.Waitable) error {
	var s async.Set[int]
	defer s.Release()
	for i, m := range members {
		s.Add(i, m)
	}
	for i := range s.All(ctx) {
		use(i)
	}
	return ctx.Err()
}
