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
}

var (
	errLost   = errors.New("another mirror was first")
	errNobody = errors.New("no mirror has it")
)

// A reply is a response that is the file, and the mirror that gave it.
type reply struct {
	mirror int
	resp   *http.Response
}

// run fetches the file. Whatever happens, when it returns every body is closed,
// or will be by Discard as soon as it arrives.
func (f *fetch) run(ctx context.Context) (*file, error) {
	reading, cancel := context.WithCancel(ctx)
	defer cancel() // the winner's body was read under it
	won, err := f.first(reading)
	if err != nil {
		f.board.rest(stateCanceled, err)
		return nil, err
	}
	defer won.resp.Body.Close()

	f.board.won(won.mirror, won.resp.ContentLength)
	f.board.rest(stateLost, errLost)

	got, err := read(ctx, won.resp, f.board)
	if err != nil {
		f.board.failed(ctx, won.mirror, err)
		return nil, err
	}
	f.board.finished(won.mirror)
	return got, nil
}

// first returns the first answer that is the file. While there is none it asks
// one mirror more, when the hedge delay is over or at once when one has failed.
func (f *fetch) first(ctx context.Context) (reply, error) {
	won, err := async.Hedge(ctx, f.hedge, len(f.mirrors), f.ask,
		async.Streaming(), // the body is read under the winner's context, which lives as long as ctx
		async.Discard(func(late reply, _ error) {
			if late.resp != nil { // an answer that nobody wants any more
				late.resp.Body.Close()
				f.board.late(late.mirror)
			}
		}))
	switch {
	case err == nil:
		return won, nil
	case ctx.Err() != nil:
		return reply{}, context.Cause(ctx)
	}
	return reply{}, errNobody
}

// ask asks mirror i. What becomes of a mirror that is asked in vain, because another was
// first or everything was canceled, is not for ask to say.
func (f *fetch) ask(ctx context.Context, i int) (reply, error) {
	f.board.asked(i)
	resp, err := get(ctx, f.client, f.mirrors[i])
	if err != nil && ctx.Err() == nil {
		f.board.failed(ctx, i, err)
	}
	return reply{i, resp}, err
}
