package main

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"time"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats"
)

// This file is the service: what a child process runs.

const (
	subject   = "prices.quote"
	heartbeat = 500 * time.Millisecond
	atOnce    = 64 // quotes that a server makes at the same time; others wait for their turn
)

// A Request asks for the price of something.
type Request struct{ Symbol string }

// A Quote is a price, and who made it.
type Quote struct {
	Symbol string
	Cents  uint64
	Server string
}

var errNoSymbol = errors.New("no such symbol")

// known are the errors that have a name on both sides.
func known() []asyncnats.ErrorCode {
	return []asyncnats.ErrorCode{asyncnats.RegisterError("no_symbol", errNoSymbol)}
}

// priceOf is the price that every server makes for a symbol, so that quotes can be checked.
func priceOf(symbol string) uint64 {
	h := fnv.New64a()
	_, _ = io.WriteString(h, symbol) // never fails
	return h.Sum64()%100_000 + 1
}

// beServer serves until ctx or the input ends: the parent that holds the other end of it is
// gone then.
func (o *options) beServer(ctx context.Context, in io.Reader, out io.Writer) error {
	nc, err := connect(o.url)
	if err != nil {
		return err
	}
	defer nc.Close()
	scope := async.NewScope(async.ScopeOptions{Name: o.serve, Limit: atOnce})
	server, err := asyncnats.Serve(nc, subject, o.quote, asyncnats.ServeOptions{
		Name: "prices", Version: "1.0.0", Description: "quotes", Scope: scope, Heartbeat: heartbeat, Errors: known(),
	})
	if err != nil {
		return err
	}
	if err := nc.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(out, "ready")
	parent := async.Go(ctx, func(context.Context) (int64, error) { return io.Copy(io.Discard, in) })
	defer parent.Release()
	_ = parent.Wait(ctx) // Ctrl-C is for all processes of the terminal
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	return errors.Join(server.Shutdown(grace), scope.Shutdown(grace))
}

// quote makes a quote: mostly in 10 to 50 milliseconds, and sometimes in one to three
// seconds. It stops when nobody waits for it any more.
func (o *options) quote(ctx context.Context, r Request) (Quote, error) {
	if r.Symbol == "" {
		return Quote{}, errNoSymbol
	}
	work := 10*time.Millisecond + rand.N(40*time.Millisecond)
	if rand.IntN(100) < o.slow {
		work = time.Second + rand.N(2*time.Second)
	}
	select {
	case <-ctx.Done():
		return Quote{}, context.Cause(ctx)
	case <-time.After(work):
		return Quote{Symbol: r.Symbol, Cents: priceOf(r.Symbol), Server: o.serve}, nil
	}
}
