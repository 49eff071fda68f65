package main

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/seed4712c49f/async"
)

// A fetch asks many mirrors for one file and reads it from the first to answer.
type fetch struct {
	client  *http.Client
	mirrors []*url.URL
	hedge   time.Duration // how long to wait for an answer before the next is asked; 0: all at once
	board   *board        // shows what happens

	calls async.Calls[*http.Response] // one for each mirror that was asked
}

var (
	errLost   = errors.New("another mirror was first")
	errNobody = errors.New("no mirror has it")
)

// run fetches the file. Whatever happens, when it returns every body is closed,
// or will be by Discard as soon as it arrives.
func (f *fetch) run(ctx context.Context) (*file, error) {
	defer func() { f.calls.Release() }() // and what came second goes to Discard
	i, resp, err := f.first(ctx)
	if err != nil {
		f.board.rest(stateCanceled, err)
		return nil, err
	}
	defer resp.Body.Close()

	f.calls.Cancel(errLost) // all but the winner, whose call is complete
	f.board.won(i, resp.ContentLength)
	f.board.rest(stateLost, errLost)

	got, err := read(ctx, resp, f.board)
	if err != nil {
		f.board.failed(ctx, i, err)
		return nil, err
	}
	f.board.finished(i)
	return got, nil
}

// first returns the first answer that is the file. While there is none it asks
// one mirror more, when the hedge delay is over or at once when one has failed.
func (f *fetch) first(ctx context.Context) (int, *http.Response, error) {
	var over async.Set[int] // gives out the calls, by index, as they complete
	defer over.Release()
	for failures := 0; failures < len(f.mirrors); {
		for more := true; more && len(f.calls) < len(f.mirrors); more = f.hedge == 0 {
			i := len(f.calls)
			f.calls = append(f.calls, f.ask(ctx, i))
			over.Add(i, f.calls[i])
		}
		turn, stop := ctx, context.CancelFunc(func() {})
		if len(f.calls) < len(f.mirrors) {
			turn, stop = context.WithTimeout(ctx, f.hedge)
		}
		i, err := over.Next(turn)
		stop()
		if err == nil { // a call is complete; else the delay is over
			resp, err := f.calls[i].Await(ctx)
			if err == nil {
				return i, resp, nil
			}
			f.board.failed(ctx, i, err)
			failures++
		}
		if ctx.Err() != nil {
			return -1, nil, context.Cause(ctx)
		}
	}
	return -1, nil, errNobody
}

// ask begins the call on mirror i.
func (f *fetch) ask(ctx context.Context, i int) *async.Call[*http.Response] {
	f.board.asked(i)
	return async.Go(ctx,
		func(ctx context.Context) (*http.Response, error) { return get(ctx, f.client, f.mirrors[i]) },
		async.Name(f.mirrors[i].Redacted()),
		async.Streaming(), // the body is read under the call's context, until Release
		async.Discard(func(resp *http.Response, _ error) {
			if resp != nil { // an answer that nobody wants any more
				resp.Body.Close()
				f.board.late(i)
			}
		}))
}
