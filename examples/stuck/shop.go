package main

import (
	"context"
	"fmt"
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
		web: scope("web", 16), prices: scope("prices", 4), payments: scope("payments", 0),
		reports: scope("reports", 2), mail: scope("mail", 2), audit: scope("audit", 0),
	}
	s.figures.calls = make(map[string]*async.Call[int])
	s.archive, s.silent = net.Pipe()
	return s
}

// scopes returns all scopes, in the order in which the shop is closed: who begins calls
// comes before who runs them.
func (s *shop) scopes() []*async.Scope {
	return []*async.Scope{s.web, s.prices, s.payments, s.reports, s.mail, s.audit}
}

// open lets visitors in until ctx ends.
func (s *shop) open(ctx context.Context) {
	s.visitors.Go(func() {
		door := time.NewTicker(50 * time.Millisecond)
		defer door.Stop()
		for n := 1; ; n++ {
			select {
			case <-door.C:
				s.visit(ctx, n)
			case <-ctx.Done():
				return
			}
		}
	})
}

// visit shows a page to visitor n. Every seventh visitor leaves before the page is there.
func (s *shop) visit(ctx context.Context, n int) {
	leaves := context.CancelFunc(func() {})
	if n%7 == 0 {
		ctx, leaves = context.WithTimeout(ctx, 5*time.Millisecond)
	}
	page := async.Go(ctx, s.page, s.web, async.Name("page"), async.OnSignal(leaves))
	page.Release()
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
	return asked.All(ctx)
}

// price asks for the price of one thing, which takes a moment.
func price(ctx context.Context, what string) (int, error) {
	took := time.Duration(2+rand.N(20)) * time.Millisecond
	return len(what), async.Sleep(ctx, took)
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
	_ = s.archive.Close()
	_ = s.silent.Close()
	for _, scope := range s.scopes() {
		_ = scope.Shutdown(context.WithoutCancel(ctx))
	}
	return late
}

var errClosing = fmt.Errorf("the shop closes")
