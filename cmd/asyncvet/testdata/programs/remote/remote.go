// Package remote is a shop whose parts are in different processes: a service of prices, a queue
// of invoices, and the desk that asks for both.
package remote

import (
	"context"
	"errors"
	"fmt"
	"log"
	"sync"
	"time"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats"
	"vettest/gen"
)

// An Order is what a customer wants.
type Order struct {
	ID    string
	Items []string
}

// An Invoice is what the customer gets.
type Invoice struct {
	Order string
	Cents int
}

var errBusy = errors.New("remote: busy")

// A Desk asks for prices and invoices.
type Desk struct {
	client *asyncnats.Client
	queue  *asyncnats.Queue
	stores gen.RemoteStoreCalls
	local  gen.StoreCalls
	scope  *async.Scope

	mu   sync.Mutex
	busy bool
	open map[string]*async.Call[Invoice]
}

// NewDesk returns a desk whose calls belong to a scope.
func NewDesk(client *asyncnats.Client, queue *asyncnats.Queue, store gen.Store, scope *async.Scope) *Desk {
	return &Desk{
		client: client, queue: queue, scope: scope,
		stores: gen.NewRemoteStoreCalls(client, "stores", scope),
		local:  gen.NewStoreCalls(store, scope, async.CancelOnAbandon()),
		open:   make(map[string]*async.Call[Invoice]),
	}
}

// Price asks for one price.
func (d *Desk) Price(ctx context.Context, item string) (int, error) {
	call := asyncnats.Begin[int](ctx, d.client, "prices.quote", item, d.scope, async.CancelOnAbandon())
	defer call.Release()
	if d.isBusy() {
		return 0, errBusy
	}
	return call.Await(ctx)
}

// Sum asks for all prices of an order at once.
func (d *Desk) Sum(ctx context.Context, o Order) (int, error) {
	calls := make(async.Calls[int], len(o.Items))
	defer calls.Release()
	for i, item := range o.Items {
		calls[i] = asyncnats.Begin[int](ctx, d.client, "prices.quote", item, d.scope,
			asyncnats.Discard(func(cents int, err error) { log.Print("too late: ", cents, err) }))
	}
	sum := 0
	for _, r := range calls.Each(ctx) {
		if r.Err != nil {
			return 0, r.Err
		}
		sum += r.Value
	}
	return sum, ctx.Err()
}

// Where asks the store here and the one in another process, and takes what comes first.
func (d *Desk) Where(ctx context.Context, item string) (string, error) {
	far := d.stores.Get(ctx, item)
	defer far.Release()
	near := d.local.Get(ctx, item)
	defer near.Release()
	i, err := async.WaitAny(ctx, far, near)
	if err != nil {
		return "", err
	}
	if i == 0 {
		return far.Finish()
	}
	return near.Finish()
}

// Order submits an order, and returns when it is stored.
func (d *Desk) Order(ctx context.Context, o Order) (string, error) {
	call, id, err := asyncnats.Submit[Invoice](ctx, d.queue, o, asyncnats.ID(o.ID), asyncnats.Key(o.Items[0]))
	if err != nil {
		return "", fmt.Errorf("remote: order %s: %w", o.ID, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.busy {
		call.Release() // the workers go on
		return id, errBusy
	}
	d.open[id] = call
	return id, nil
}

// Forget submits an order that nobody here waits for.
func (d *Desk) Forget(ctx context.Context, o Order) error {
	call, _, err := asyncnats.Submit[Invoice](ctx, d.queue, o)
	if err == nil {
		call.Release()
	}
	return err
}

// Invoice returns the invoice of an order that another process may have submitted.
func (d *Desk) Invoice(ctx context.Context, id string) (Invoice, error) {
	call := asyncnats.Attach[Invoice](ctx, d.queue, id, d.scope)
	defer call.Release()
	if d.isBusy() {
		return Invoice{}, errBusy
	}
	return call.Await(ctx)
}

// Warm has the stores look for an item.
func (d *Desk) Warm(ctx context.Context, item string) {
	d.stores.Get(ctx, item).Release()
	asyncnats.Begin[int](ctx, d.client, "prices.warm", item, d.scope).Release()
}

func (d *Desk) isBusy() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.busy
}

// Close gives up what was ordered.
func (d *Desk) Close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.busy = true
	for id, call := range d.open {
		call.Release()
		delete(d.open, id)
	}
}

// An Office makes prices and invoices.
type Office struct {
	scope *async.Scope
	ready async.Event
	desk  *Desk
}

// Run serves until ctx ends.
func (o *Office) Run(ctx context.Context, nc *asyncnats.Conn, queue *asyncnats.Queue) error {
	o.scope = async.NewScope(async.ScopeOptions{Name: "office", Limit: 8})
	_, err := asyncnats.Serve(nc, "prices.quote", o.quote, asyncnats.ServeOptions{
		Name: "prices", Scope: o.scope,
		Options: []async.Option{async.Discard(func(cents int, err error) { log.Print("too late: ", cents, err) })},
	})
	if err != nil {
		return err
	}
	if _, err = gen.ServeStore(nc, "stores", &shelf{office: o}, asyncnats.ServeOptions{Name: "stores", Scope: o.scope}); err != nil {
		return err
	}
	if _, err = asyncnats.Work(ctx, queue, o.invoice, asyncnats.WorkOptions{AtOnce: 8, Scope: o.scope}); err != nil {
		return err
	}
	o.ready.Set()
	<-ctx.Done()
	return o.scope.Shutdown(context.WithoutCancel(ctx))
}

func (o *Office) quote(ctx context.Context, item string) (int, error) {
	if err := o.ready.Wait(ctx); err != nil {
		return 0, err
	}
	if err := async.Sleep(ctx, time.Millisecond); err != nil {
		return 0, err
	}
	return len(item), nil
}

func (o *Office) invoice(ctx context.Context, order Order) (Invoice, error) {
	call := async.Go(ctx, func(ctx context.Context) (int, error) { return o.desk.Sum(ctx, order) }, o.scope)
	cents, err := call.Await(ctx)
	return Invoice{order.ID, cents}, err
}

// A shelf is a store of the office.
type shelf struct {
	office *Office
	filled async.Event
}

// Get waits until the shelf is filled.
func (s *shelf) Get(ctx context.Context, key string) (string, error) {
	if err := s.filled.Wait(ctx); err != nil {
		return "", err
	}
	return "shelf of " + key, nil
}

// Len is how much there is.
func (s *shelf) Len() int { return 1 }
