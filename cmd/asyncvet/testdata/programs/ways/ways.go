// Package ways has ways through functions that cannot be taken: past loops that run at least
// once, out of a loop that has another round, between conditions that say the same. Nothing
// is wrong in it.
package ways

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seed4712c49f/async"
)

func work(context.Context) (int, error) { return 1, nil }

func page(ctx context.Context, n int) *async.Call[[]string] {
	return async.Go(ctx, func(context.Context) ([]string, error) { return make([]string, n), nil })
}

// --- loops that run at least once

func patient(ctx context.Context) (n int, err error) {
	call := async.Go(ctx, work)
	for attempt := 0; attempt < 3; attempt++ {
		if n, err = call.Await(ctx); !errors.Is(err, async.ErrCallPending) {
			break
		}
	}
	return n, err
}

const attempts = 3

func patientByNumber(ctx context.Context) (n int, err error) {
	call := async.Go(ctx, work)
	for range attempts {
		if n, err = call.Await(ctx); err == nil {
			return n, nil
		}
	}
	return 0, err
}

func patientByList(ctx context.Context, list [2]time.Duration) (n int, err error) {
	a, b := async.Go(ctx, work), async.Go(ctx, work)
	for _, d := range list {
		timed, cancel := context.WithTimeout(ctx, d)
		n, err = a.Await(timed)
		cancel()
	}
	times := []time.Duration{time.Second, time.Minute}
again:
	for _, d := range times {
		timed, cancel := context.WithTimeout(ctx, d)
		n, err = b.Await(timed)
		cancel()
		if err != nil {
			continue again
		}
	}
	return n, err
}

func untilDone(ctx context.Context) (n int, err error) {
	call := async.Go(ctx, work)
	var done bool
	for !done {
		if n, err = call.Await(ctx); err == nil {
			done = true
		}
	}
	return n, err
}

// --- loops that know whether there is another round

func ahead(ctx context.Context, n int) (all []string, err error) {
	var next *async.Call[[]string]
	for i := 0; i < n; i++ {
		if next == nil {
			next = page(ctx, i)
		}
		texts, err := next.Await(ctx)
		if err != nil {
			next.Release()
			return nil, err
		}
		next = nil
		if i+1 < n {
			next = page(ctx, i+1)
		}
		all = append(all, texts...)
	}
	return all, nil
}

func aheadByRange(ctx context.Context, sizes []int) (all []string, err error) {
	var next *async.Call[[]string]
	for i, size := range sizes {
		if i == 0 {
			next = page(ctx, size)
		}
		texts, err := next.Await(ctx)
		next.Release()
		if err != nil {
			return nil, err
		}
		if i < len(sizes)-1 {
			next = page(ctx, sizes[i+1])
		}
		all = append(all, texts...)
	}
	return all, nil
}

func aheadByFlag(ctx context.Context, n int) (all []string, err error) {
	current, more := page(ctx, 0), true
	for i := 1; more; i++ {
		var next *async.Call[[]string]
		if more = i < n; more {
			next = page(ctx, i)
		}
		texts, err := current.Await(ctx)
		if err != nil {
			current.Release()
			if more {
				next.Release()
			}
			return nil, err
		}
		all = append(all, texts...)
		current = next
	}
	return all, nil
}

func firstToLast(ctx context.Context, n int) (m int, err error) {
	var call *async.Call[int]
	for i := range n {
		if i == 0 {
			call = async.Go(ctx, work)
		}
		fmt.Println(i)
		if i == n-1 {
			m, err = call.Await(ctx)
		}
	}
	return m, err
}

// --- conditions that say the same

func theOtherWay(ctx context.Context, n int) (int, error) {
	var call *async.Call[int]
	if n > 0 {
		call = async.Go(ctx, work)
	}
	if n <= 0 {
		return 0, nil
	}
	return call.Await(ctx)
}

func fromTheOtherSide(ctx context.Context, n int) (int, error) {
	var call *async.Call[int]
	if n >= 2 {
		call = async.Go(ctx, work)
	}
	if !(2 > n) {
		return call.Await(ctx)
	}
	return 0, nil
}

func positive(ctx context.Context, n int) (int, error) {
	var call *async.Call[int]
	if n > 0 {
		call = async.Go(ctx, work)
	}
	if n == 0 {
		return 0, nil
	}
	if n < 0 {
		return 0, errors.New("negative")
	}
	return call.Await(ctx)
}

func lengths(ctx context.Context, names []string) (int, error) {
	call := async.Go(ctx, work)
	if len(names) == 0 {
		call.Release()
	}
	fmt.Println(names)
	if len(names) > 0 {
		return call.Await(ctx)
	}
	return 0, nil
}

const (
	fast = "fast"
	slow = "slow"
)

func modes(ctx context.Context, mode string) (int, error) {
	var call *async.Call[int]
	if mode == fast {
		call = async.Go(ctx, work)
	}
	if mode == slow || "" == mode {
		return 0, nil
	}
	switch mode {
	case "other":
		return 1, nil
	case "fast":
		return call.Await(ctx)
	}
	return 0, errors.New("no such mode")
}

// --- one or another

func oneOrAnother(ctx context.Context, kind string, deep bool) (int, error) {
	var number *async.Call[int]
	var texts *async.Call[[]string]
	var failed error
	switch {
	case kind == "number":
		number = async.Go(ctx, work)
	case kind == "texts" && deep:
		texts = page(ctx, 1)
	default:
		failed = errors.New(kind)
	}
	if failed != nil {
		return 0, failed
	}
	if number != nil {
		return number.Await(ctx)
	}
	all, err := texts.Await(ctx)
	return len(all), err
}

func oneElseAnother(ctx context.Context, deep bool) (int, error) {
	var number *async.Call[int]
	var texts *async.Call[[]string]
	if deep {
		texts = page(ctx, 1)
	} else {
		number = async.Go(ctx, work)
	}
	if texts == nil {
		return number.Await(ctx)
	}
	all, err := texts.Await(ctx)
	return len(all), err
}
