package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/seed4712c49f/async"
)

// This file is the shop as it should be: its scopes, and visitors who come and go. What
// is wrong with it is in faults.go.

// A shop is the program that is looked at. Each kind of work has a scope.
type shop struct {
	web      *async.Scope // pages and orders
	prices   *async.Scope // questions to the price list
	payments *async.Scope // promises, each completed when the bank says so
	reports  *async.Scope // long work over the archive
	mail     *async.Scope // letters to customers
	audit    *async.Scope // records of who did what

	archive net.Conn // to a server that never answers
	silent  net.Conn // that server's end
	figures figures

	visitors sync.WaitGroup
}

// newShop returns a shop that is closed as yet.
func newShop() *shop {
	scope := func(name string, limit int) *async.Scope {
		return async.NewScope(async.ScopeOptions{Name: name, Limit: limit, Track: true})
	}
	s := &shop{
		web: scope("web", 16), prices: scope("prices", 8), payments: scope("payments", 0),
		reports: scope("reports", 2), mail: scope("mail", 2), audit: scope("audit", 0),
	}
	s.figures.calls = make(map[string]*async.Call[int])
	s.archive, s.silent = net.Pipe()
	return s
}

// scopes returns all scopes, in the order in which the shop is closed: the one that begins
// calls before those that run them, and the one that does not stop last.
func (s *shop) scopes() []*async.Scope {
	return []*async.Scope{s.web, s.prices, s.payments, s.mail, s.audit, s.reports}
}

// open lets visitors in until ctx ends.
func (s *shop) open(ctx context.Context) {
	s.visitors.Go(func() {
		door := time.NewTicker(50 * time.Millisecond)
		defer door.Stop()
		for n := 1; ; n++ {
			select {
			case <-door.C:
				s.visitors.Go(func() { s.visit(ctx, n) })
			case <-ctx.Done():
				return
			}
		}
	})
}

// visit shows a page to visitor n. Every seventh visitor has no patience, and leaves.
func (s *shop) visit(ctx context.Context, n int) {
	page := async.Go(ctx, s.page, s.web, async.Name("page"))
	defer page.Release()
	patience := time.Minute
	if n%7 == 0 {
		patience = 5 * time.Millisecond
	}
	wait, done := context.WithTimeout(ctx, patience)
	defer done()
	if _, err := page.Await(wait); err != nil {
		_ = page.Cancel(errLeft)
	}
	s.record(ctx, n)
	if n%2 == 0 {
		s.write(ctx, n)
	}
}

// page is the work for one page: four prices, asked for at the same time.
func (s *shop) page(ctx context.Context) ([]int, error) {
	asked := async.GoEach(ctx, []string{"tea", "coffee", "cocoa", "water"}, price, s.prices,
		async.NameEach(func(what string) string { return "price of " + what }))
	defer asked.Release()
	defer asked.Cancel(nil)
	return asked.All(ctx)
}

// price asks for the price of one thing.
func price(ctx context.Context, what string) (int, error) {
	return len(what), work(ctx, time.Duration(2+rand.N(20))*time.Millisecond)
}

// work plays work that takes a time. It ends early when ctx does, and is no wait of
// package async: whoever works needs the slot.
func work(ctx context.Context, took time.Duration) error {
	done := time.NewTimer(took)
	defer done.Stop()
	select {
	case <-done.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// close ends the shop in order: no visitor is let in any more, and every function has the
// time until ctx ends to return. Then close says which did not, pulls the plug that they
// hang on, and waits for them.
func (s *shop) close(ctx context.Context) []error {
	s.visitors.Wait()
	var late []error
	for _, scope := range s.scopes() {
		scope.Close()
		scope.CancelQueued(errClosing)
		if err := scope.Shutdown(ctx); err != nil {
			late = append(late, err)
		}
	}
	s.figures.release()
	_ = s.archive.Close()
	_ = s.silent.Close()
	for _, scope := range s.scopes() {
		_ = scope.Shutdown(context.WithoutCancel(ctx))
	}
	return late
}

var (
	errClosing = errors.New("the shop closes")
	errLeft    = errors.New("the visitor left")
)
