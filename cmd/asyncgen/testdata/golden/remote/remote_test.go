package remote_test

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"
	. "golden/remote"
	"golden/remote/away"
	"golden/remote/old"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what is to come at once.
const patience = 20 * time.Second

// connect starts a server of NATS on the loopback, and returns connections of a server and
// of a client.
func connect(t *testing.T) (there, here *nats.Conn) {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(patience) {
		t.Fatal("the server of NATS did not start")
	}
	open := func() *nats.Conn {
		nc, err := nats.Connect(s.ClientURL())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		return nc
	}
	return open(), open()
}

// up waits until the subscriptions of a server are known, and shuts it down after the test.
func up(t *testing.T, nc *nats.Conn, s *asyncnats.Server, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
}

func known() []asyncnats.ErrorCode {
	return []asyncnats.ErrorCode{asyncnats.RegisterError("unknown_symbol", ErrUnknown)}
}

func client(t *testing.T, nc *nats.Conn) *asyncnats.Client {
	t.Helper()
	c, err := asyncnats.NewClient(nc, asyncnats.ClientOptions{Errors: known()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// pair serves an implementation, and returns a client of it.
func pair(t *testing.T, p Prices) *RemotePrices {
	t.Helper()
	there, here := connect(t)
	s, err := ServePrices(there, "shop", p, asyncnats.ServeOptions{Errors: known()})
	up(t, there, s, err)
	return NewRemotePrices(client(t, here), "shop")
}

// limited is a context for what is to come at once.
func limited(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// The client is the interface, its asynchronous face, and a factory.
var (
	_ Prices               = (*RemotePrices)(nil)
	_ AsyncPrices          = (*RemotePrices)(nil)
	_ async.CallFactory    = (*RemotePrices)(nil)
	_ Prices               = (*away.RemotePrices)(nil)
	_ Store[string, []int] = (*RemoteStore[string, []int])(nil)
	_ Clash                = (*RemoteClash)(nil)
)

// A shop is an implementation. What it is told, it remembers.
type shop struct {
	mu      sync.Mutex
	resets  int
	blank   string
	hold    func(ctx context.Context) error // of Quote, or nil
	written int                             // what Write returns, with ErrUnknown
}

func (s *shop) Quote(ctx context.Context, symbol string) (Quote, error) {
	if s.hold != nil {
		return Quote{}, s.hold(ctx)
	}
	if symbol != "ACME" {
		return Quote{}, fmt.Errorf("%w: %s", ErrUnknown, symbol)
	}
	return Quote{Symbol: symbol, Price: 12.5, At: time.Unix(1e9, 7).UTC()}, nil
}

func (s *shop) List(_ context.Context, f *Filter) ([]Quote, error) {
	if f == nil {
		return nil, ErrUnknown
	}
	n := 0
	for ; f != nil; f = f.Next {
		n++
	}
	return make([]Quote, n), nil
}

func (s *shop) Sum(first int, more []int, ctx context.Context) (sum int, count int64, err error) {
	for _, n := range more {
		first += n
	}
	return first, int64(len(more)) + 1, ctx.Err()
}

func (s *shop) Join(_ context.Context, sep string, parts ...string) (string, error) {
	if parts == nil {
		return "nothing", nil
	}
	return strings.Join(parts, sep), nil
}

func (s *shop) Write(_ context.Context, data []byte) (int, error) {
	return len(data) / 2, ErrUnknown
}

func (s *shop) Count() (int, bool) { return 3, true }

func (s *shop) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resets++
}

func (s *shop) Blank(_ context.Context, n int, text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blank = fmt.Sprint(n, text)
	return nil
}

func (s *shop) Odd(one int, r string, server bool, x, options, Arg1 int) (int, string) {
	return one + x + options + Arg1, fmt.Sprint(r, server)
}

func (s *shop) Kinds(_ context.Context, k Kinds) (Kinds, error) { return k, nil }

func (s *shop) Größe(context.Context) (string, error) { return "groß", nil }

// checkAll calls every method of the interface itself.
func checkAll(t *testing.T, p Prices, s *shop) {
	t.Helper()
	ctx := limited(t)
	want := func(got, want any, err error) {
		t.Helper()
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %v and %v, want %v", got, err, want)
		}
	}
	q, err := p.Quote(ctx, "ACME")
	want(q, Quote{"ACME", 12.5, time.Unix(1e9, 7).UTC()}, err)
	list, err := p.List(ctx, &Filter{Next: &Filter{Next: &Filter{}}})
	want(len(list), 3, err)
	sum, n, err := p.Sum(1, []int{2, 3}, ctx)
	want([]int64{int64(sum), n}, []int64{6, 3}, err)
	text, err := p.Join(ctx, "-", "a", "b", "c")
	want(text, "a-b-c", err)
	text, err = p.Join(ctx, "-")
	want(text, "nothing", err)
	count, exact := p.Count()
	want(count, 3, nil)
	want(exact, true, nil)
	s.mu.Lock()
	s.resets = 0
	s.mu.Unlock()
	p.Reset()
	want(s.resets, 1, nil)
	err = p.Blank(ctx, 7, "x")
	want(s.blank, "7x", err)
	number, text := p.Odd(1, "r", true, 2, 3, 4)
	want(number, 10, nil)
	want(text, "rtrue", nil)
	text, err = p.Größe(ctx)
	want(text, "groß", err)
	k := kinds()
	back, err := p.Kinds(ctx, k)
	k.Local = "" // it is not to travel
	want(back, k, err)
}

func kinds() Kinds {
	f := float32(1.25)
	return Kinds{
		Address: netip.MustParseAddr("10.0.0.1"), Big: big.NewInt(1 << 40), Plain: *big.NewInt(-7), Raw: []byte(`{"a":1}`),
		Number: "12.50", Wait: time.Second, ByDay: map[time.Weekday]int{time.Friday: 1},
		ByAddr: map[netip.Addr]string{netip.MustParseAddr("::1"): "x"}, Array: [2][]byte{{1}, nil},
		Empty: []int{}, Pointer: &f, Local: "here", Text: 1 << 60, Embedded: Embedded{3}, Pointed: &Pointed{"y"},
	}
}

func TestSynchronous(t *testing.T) {
	s := new(shop)
	checkAll(t, pair(t, s), s)
}

// A server that is asynchronous itself, a client that is not, and the network between.
func TestAsynchronousServer(t *testing.T) {
	s := new(shop)
	checkAll(t, pair(t, NewSyncPricesFrom(NewPricesFactory(s))), s)
}

// The client is a factory of call objects, of which a synchronous client is made again.
func TestSynchronousClientOfTheFactory(t *testing.T) {
	s := new(shop)
	p := pair(t, s)
	checkAll(t, NewSyncPricesFrom(p), s)
	checkAll(t, NewSyncPrices(p), s)
}

// An output in a package of its own speaks the same.
func TestClientOfAnotherPackage(t *testing.T) {
	there, here := connect(t)
	s := new(shop)
	server, err := away.ServePrices(there, "shop", s, asyncnats.ServeOptions{})
	up(t, there, server, err)
	checkAll(t, NewRemotePrices(client(t, here), "shop"), s)
	checkAll(t, away.NewRemotePrices(client(t, here), "shop"), s)
}

func TestErrors(t *testing.T) {
	p := pair(t, new(shop))
	ctx := limited(t)
	if _, err := p.List(ctx, nil); err != ErrUnknown {
		t.Errorf("an error that both sides know arrived as %v", err)
	}
	_, err := p.Quote(ctx, "NONE")
	e := new(asyncnats.RemoteError)
	if !errors.Is(err, ErrUnknown) || !errors.As(err, &e) || e.Service != "Prices" || e.Subject != "shop.Quote" || !strings.Contains(err.Error(), "NONE") {
		t.Errorf("an error that wraps one arrived as %v", err)
	}
	if n, err := p.Write(ctx, make([]byte, 10)); n != 5 || err != ErrUnknown {
		t.Errorf("a value and an error arrived as %d and %v", n, err)
	}
	long := strings.Repeat("x", 5000)
	if n, err := p.Write(ctx, nil); n != 0 || err != ErrUnknown {
		t.Errorf("an error alone arrived as %d and %v", n, err)
	}
	if _, err := p.Quote(ctx, long); !errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), long) {
		t.Error("a long text was lost")
	}
}

func TestFace(t *testing.T) {
	p := pair(t, new(shop))
	ctx := limited(t)
	if err := p.BeginQuote(ctx, "ACME"); err != nil {
		t.Fatal(err)
	}
	if err := p.BeginJoin(ctx, "-"); err != async.ErrCallPending {
		t.Errorf("a second call on a busy object: %v", err)
	}
	if _, err := p.FinishJoin(); err != async.ErrCallComplete {
		t.Errorf("the result of another method: %v", err)
	}
	if err := p.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	if q, err := p.FinishQuote(); q.Price != 12.5 || err != nil {
		t.Errorf("%v, %v", q, err)
	}
	if err := p.BeginWrite(ctx, []byte("1234")); err != nil {
		t.Fatal(err)
	}
	p.Wait(ctx)
	if n, err := p.FinishWrite(); n != 2 || err != ErrUnknown {
		t.Errorf("%d, %v", n, err)
	}
	// An error of another call's is no refusal of this one: the object is free again.
	if err := p.BeginList(ctx, nil); err != nil {
		t.Fatal(err)
	}
	p.Wait(ctx)
	if _, err := p.FinishList(); err != ErrUnknown {
		t.Errorf("%v", err)
	}
	if err := p.BeginCount(); err != nil {
		t.Fatal(err)
	}
	p.Wait(ctx)
	if n, exact, err := p.FinishCount(); n != 3 || !exact || err != nil {
		t.Errorf("%d, %v, %v", n, exact, err)
	}
	p.Release()
}

// An error of the server's that is one of the object's own leaves the object free.
func TestErrorsOfTheObject(t *testing.T) {
	for _, want := range []error{async.ErrCallPending, async.ErrCallComplete, async.ErrReleased} {
		p := pair(t, &shop{hold: func(context.Context) error { return want }})
		ctx := limited(t)
		for range 2 {
			if err := p.BeginQuote(ctx, "ACME"); err != nil {
				t.Fatal(err)
			}
			p.Wait(ctx)
			if _, err := p.FinishQuote(); err != want {
				t.Errorf("%v", err)
			}
		}
	}
}

func TestCreateCall(t *testing.T) {
	p := pair(t, new(shop))
	ctx := limited(t)
	var objects []AsyncPrices
	for range 100 {
		object, err := async.CreateCall[AsyncPrices](p)
		if err != nil {
			t.Fatal(err)
		}
		if err := object.BeginSum(1, []int{len(objects)}, ctx); err != nil {
			t.Fatal(err)
		}
		objects = append(objects, object)
	}
	for i, object := range objects {
		if err := object.Wait(ctx); err != nil {
			t.Fatal(err)
		}
		if sum, n, err := object.FinishSum(); sum != 1+i || n != 2 || err != nil {
			t.Errorf("%d, %d, %v", sum, n, err)
		}
		object.Release()
	}
	if _, err := async.CreateCall[AsyncStore[int, int]](p); !errors.Is(err, async.ErrNoMethod) {
		t.Errorf("a face that the client does not know: %v", err)
	}
}

func TestCalls(t *testing.T) {
	there, here := connect(t)
	scope := async.NewScope(async.ScopeOptions{Track: true})
	s, err := ServePrices(there, "shop", new(shop), asyncnats.ServeOptions{})
	up(t, there, s, err)
	c := NewRemotePricesCalls(client(t, here), "shop", scope)
	var calls async.Calls[string]
	for i := range 50 {
		calls = append(calls, c.Join(limited(t), ".", fmt.Sprint(i), "x"))
	}
	all, err := calls.All(limited(t))
	if err != nil || all[49] != "49.x" {
		t.Errorf("%v, %v", all, err)
	}
	calls.Release()
	call := c.Sum(1, nil, limited(t))
	if name := call.Info().Name; name != "Prices.Sum" {
		t.Errorf("the call has the name %q", name)
	}
	if v, err := call.Await(limited(t)); v != (PricesSumResult{Sum: 1, Count: 1}) || err != nil {
		t.Errorf("%v, %v", v, err)
	}
	call.Release()
	p := NewRemotePrices(client(t, here), "shop", scope)
	if _, err := p.Quote(limited(t), "ACME"); err != nil {
		t.Error(err)
	}
	for left := range scope.Unreleased() {
		t.Errorf("a call was not released: %v", left)
	}
	if err := scope.Shutdown(limited(t)); err != nil {
		t.Error(err)
	}
}

// A result that nobody took goes to the Discard of its method, and to no other client's.
func TestDiscard(t *testing.T) {
	there, here := connect(t)
	s, err := ServePrices(there, "shop", new(shop), asyncnats.ServeOptions{})
	up(t, there, s, err)
	plain := NewRemotePricesCalls(client(t, here), "shop", async.Name("mine"))
	late := make(chan PricesSumResult, 1)
	c := plain.DiscardSum(func(r PricesSumResult, err error) {
		if err != nil {
			t.Error(err)
		}
		late <- r
	}).DiscardQuote(func(q Quote, _ error) { t.Errorf("discarded %v", q) })
	for _, c := range []RemotePricesCalls{plain, c} {
		call := c.Sum(1, []int{2}, limited(t))
		if err := call.Wait(limited(t)); err != nil {
			t.Error(err)
		}
		call.Release()
	}
	if r := next(t, late); r != (PricesSumResult{Sum: 3, Count: 2}) {
		t.Errorf("discarded %v", r)
	}
	if _, err := c.Quote(limited(t), "ACME").Await(limited(t)); err != nil {
		t.Error(err)
	}
}

// holding returns a client of a server whose Quote waits for the end of its context, and the
// contexts of the calls that run there, and their ends.
func holding(t *testing.T) (p *RemotePrices, began <-chan context.Context, ended <-chan error) {
	a, b := make(chan context.Context, 1), make(chan error, 1)
	p = pair(t, &shop{hold: func(ctx context.Context) error {
		a <- ctx
		<-ctx.Done()
		b <- context.Cause(ctx)
		return ctx.Err()
	}})
	return p, a, b
}

func next[T any](t *testing.T, from <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(patience):
		t.Fatal("nothing came")
	}
	return v
}

func TestCancel(t *testing.T) {
	p, began, ended := holding(t)
	if err := p.BeginQuote(t.Context(), "ACME"); err != nil {
		t.Fatal(err)
	}
	next(t, began)
	why := errors.New("the user has closed the window")
	if err := p.Cancel(why); err != nil {
		t.Fatal(err)
	}
	if _, err := p.FinishQuote(); !errors.Is(err, why) || !errors.Is(err, async.ErrCanceled) {
		t.Errorf("%v", err)
	}
	if cause := next(t, ended); !strings.Contains(cause.Error(), why.Error()) {
		t.Errorf("the server heard %v", cause)
	}
}

func TestCancelOfTheContext(t *testing.T) {
	p, began, ended := holding(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := p.Quote(ctx, "ACME")
		done <- err
	}()
	next(t, began)
	cancel()
	if err := next(t, done); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	next(t, ended)
}

func TestDeadline(t *testing.T) {
	p, began, ended := holding(t)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := p.Quote(ctx, "ACME"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	if _, ok := next(t, began).Deadline(); !ok {
		t.Error("the deadline did not travel")
	}
	next(t, ended)
}

func TestPanic(t *testing.T) {
	p := pair(t, &shop{hold: func(context.Context) error { panic("out of stock") }})
	if _, err := p.Quote(limited(t), "ACME"); !errors.Is(err, asyncnats.ErrPanicked) || !strings.Contains(err.Error(), "out of stock") {
		t.Errorf("%v", err)
	}
	if n, _ := p.Count(); n != 3 {
		t.Error("the server does not live on")
	}
}

func TestNobodyServes(t *testing.T) {
	_, here := connect(t)
	p := NewRemotePrices(client(t, here), "shop")
	_, err := p.Quote(limited(t), "ACME")
	if !errors.Is(err, asyncnats.ErrNoResponders) || errors.Is(err, asyncnats.ErrDiffers) {
		t.Errorf("%v", err)
	}
	defer func() {
		if err, ok := recover().(error); !ok || !errors.Is(err, asyncnats.ErrNoResponders) {
			t.Errorf("a method without an error panicked with %v", err)
		}
	}()
	p.Count()
}

// oldShop serves the interface as it was.
type oldShop struct{ ran chan string }

func (s oldShop) Quote(_ context.Context, ticker string) (old.Quote, error) {
	s.ran <- ticker
	return old.Quote{Symbol: ticker, Price: 12}, nil
}

func (s oldShop) Join(_ context.Context, sep string, parts ...string) (string, error) {
	return strings.Join(parts, sep), nil
}

func (s oldShop) Count() (n int, exact bool) { return 1, false }

func TestServerOfAnOlderInterface(t *testing.T) {
	there, here := connect(t)
	impl := oldShop{make(chan string, 9)}
	s, err := old.ServePrices(there, "shop", impl, asyncnats.ServeOptions{Name: "prices-eu"})
	up(t, there, s, err)
	p := NewRemotePrices(client(t, here), "shop")
	ctx := limited(t)

	if text, err := p.Join(ctx, "-", "a", "b"); text != "a-b" || err != nil {
		t.Errorf("a method that is the same: %q, %v", text, err)
	}
	if n, exact := p.Count(); n != 1 || exact {
		t.Errorf("a method that is the same: %d, %v", n, exact)
	}
	_, err = p.Quote(ctx, "ACME")
	const how = "asyncnats: prices-eu (shop.Quote): the method Prices.Quote differs: parameter symbol is string here, and not there; " +
		"parameter ticker is string there, and not here; result r1.price is float64 here, and int64 there; result r1.At is time.Time here, and not there"
	if !errors.Is(err, asyncnats.ErrDiffers) || err.Error() != how {
		t.Errorf("got  %v\nwant %s", err, how)
	}
	if len(impl.ran) > 0 {
		t.Error("the method ran with what another one was given")
	}
	if err := p.BeginQuote(ctx, "ACME"); err != nil {
		t.Fatal(err)
	}
	p.Wait(ctx)
	if _, err := p.FinishQuote(); !errors.Is(err, asyncnats.ErrDiffers) {
		t.Errorf("by the face: %v", err)
	}
	_, err = p.List(ctx, nil)
	const missing = "asyncnats: prices-eu (shop.List): no server has the method Prices.List: there is Quote, Join, Count"
	if !errors.Is(err, asyncnats.ErrDiffers) || !errors.Is(err, async.ErrNoMethod) || !errors.Is(err, asyncnats.ErrNoResponders) || err.Error() != missing {
		t.Errorf("got  %v\nwant %s", err, missing)
	}
}

// While old and new servers share a subject, new methods go to the new ones.
func TestOldAndNewServers(t *testing.T) {
	there, here := connect(t)
	s, err := old.ServePrices(there, "shop", oldShop{make(chan string, 99)}, asyncnats.ServeOptions{})
	up(t, there, s, err)
	s, err = ServePrices(there, "shop", new(shop), asyncnats.ServeOptions{})
	up(t, there, s, err)
	p := NewRemotePrices(client(t, here), "shop")
	for range 30 {
		if _, err := p.List(limited(t), new(Filter)); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Quote(limited(t), "ACME"); err != nil && !errors.Is(err, asyncnats.ErrDiffers) {
			t.Fatal(err)
		}
	}
}

func TestPlainClient(t *testing.T) {
	there, here := connect(t)
	s, err := ServePrices(there, "shop", new(shop), asyncnats.ServeOptions{})
	up(t, there, s, err)
	for _, tt := range []struct{ method, request, want string }{
		{"Join", `{"sep":"+","parts":["1","2"]}`, `{"r1":"1+2"}`},
		{"Sum", `{"first":1,"more":[2]}`, `{"sum":3,"count":2}`},
		{"Reset", `{}`, `{}`},
		{"Größe", `{}`, `{"r1":"groß"}`},
	} {
		m, err := here.Request("shop."+tt.method, []byte(tt.request), patience)
		if err != nil || string(m.Data) != tt.want {
			t.Errorf("%s %s: %s, %v", tt.method, tt.request, m.Data, err)
		}
	}
	for _, request := range []string{``, `null`, `7`, `{"parts":1}`} {
		m, err := here.Request("shop.Join", []byte(request), patience)
		if err != nil || !strings.Contains(m.Header.Get("Nats-Service-Error"), "bad request") {
			t.Errorf("%q: %s %v, %v", request, m.Data, m.Header, err)
		}
	}
	m, err := here.Request("shop._", nil, patience)
	if err != nil || !strings.Contains(string(m.Data), `"name":"Sum","subject":"shop.Sum"`) || !strings.Contains(string(m.Data), `"takes":["first int","more[] int"],"gives":["sum int","count int64"]`) {
		t.Errorf("%s, %v", m.Data, err)
	}
}

// A plain responder of NATS can be called.
func TestPlainServer(t *testing.T) {
	there, here := connect(t)
	sub, err := there.Subscribe("shop.Join", func(m *nats.Msg) { m.Respond([]byte(`{"r1":"plain"}`)) })
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Unsubscribe()
	there.Flush()
	c, err := asyncnats.NewClient(here, asyncnats.ClientOptions{Plain: []string{"shop.>"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if text, err := NewRemotePrices(c, "shop").Join(limited(t), "-"); text != "plain" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
}

// memory is a store.
type memory map[string][]int

func (m memory) Get(_ context.Context, key string) ([]int, bool, error) {
	v, ok := m[key]
	return v, ok, nil
}

func (m memory) Put(_ context.Context, key string, value []int) error {
	m[key] = value
	return nil
}

func (m memory) Keys(context.Context) ([]string, error) { return []string{"a"}, nil }

func TestTypeParameters(t *testing.T) {
	there, here := connect(t)
	s, err := ServeStore(there, "store.ints", Store[string, []int](memory{}), asyncnats.ServeOptions{})
	up(t, there, s, err)
	p := NewRemoteStore[string, []int](client(t, here), "store.ints")
	ctx := limited(t)
	if err := p.Put(ctx, "a", []int{1, 2}); err != nil {
		t.Fatal(err)
	}
	if v, ok, err := p.Get(ctx, "a"); len(v) != 2 || !ok || err != nil {
		t.Errorf("%v, %v, %v", v, ok, err)
	}
	other := NewRemoteStore[string, []string](client(t, here), "store.ints")
	if _, _, err := other.Get(ctx, "a"); !errors.Is(err, asyncnats.ErrDiffers) || !strings.Contains(err.Error(), "result value[] is string here, and int there") {
		t.Errorf("a store of other values: %v", err)
	}
	if keys, err := other.Keys(ctx); len(keys) != 1 || err != nil {
		t.Errorf("a method that is the same for both: %v, %v", keys, err)
	}
	defer func() {
		if r := recover(); r != "asyncnats: Store.Get: result value: a func cannot travel" {
			t.Errorf("panicked with %v", r)
		}
	}()
	NewRemoteStore[string, func()](client(t, here), "store.funcs")
}

// clash is an implementation of Clash.
type clash struct{}

func (clash) Wait(context.Context) (int, error)            { return 1, nil }
func (clash) Cancel(_ context.Context, order string) error { return errors.New(order) }
func (clash) Release()                                     {}
func (clash) Calls(context.Context) (int, error)           { return 2, nil }
func (clash) Begin(proxy, opts string) error               { return errors.New(proxy + opts) }

// Where a method has the name of one of the face's, the face is behind CreateCall.
func TestClash(t *testing.T) {
	there, here := connect(t)
	s, err := ServeClash(there, "clash", clash{}, asyncnats.ServeOptions{})
	up(t, there, s, err)
	p := NewRemoteClash(client(t, here), "clash")
	ctx := limited(t)
	if n, err := p.Wait(ctx); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if err := p.Cancel(ctx, "4711"); err == nil || !strings.Contains(err.Error(), "4711") {
		t.Error(err)
	}
	p.Release()
	object, err := async.CreateCall[AsyncClash](p)
	if err != nil {
		t.Fatal(err)
	}
	defer object.Release()
	if err := object.BeginBegin("a", "b"); err != nil {
		t.Fatal(err)
	}
	if err := object.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	if err := object.FinishBegin(); err == nil || !strings.Contains(err.Error(), "ab") {
		t.Error(err)
	}
}

// drawing is an implementation of Drawing.
type drawing struct{}

func (drawing) Largest(_ context.Context, first Shape, more ...Shape) (Shape, error) {
	for _, s := range more {
		if s.Area() > first.Area() {
			first = s
		}
	}
	return first, nil
}

func (drawing) All(_ context.Context, shapes []Shape) ([]Shape, Shape, error) {
	return shapes, nil, nil
}

func (drawing) Bad(context.Context) (Shape, error) { return Triangle{}, nil }

func (drawing) Area(s Shape) float64 { return s.Area() }

// An interface that is said to have forms travels as one of these, and comes back as what it
// was. What is no form is an error, at either side.
func TestForms(t *testing.T) {
	there, here := connect(t)
	s, err := ServeDrawing(there, "draw", drawing{}, asyncnats.ServeOptions{})
	up(t, there, s, err)
	ctx := limited(t)
	c := client(t, here)
	for _, d := range []Drawing{NewRemoteDrawing(c, "draw"), away.NewRemoteDrawing(c, "draw")} {
		if s, err := d.Largest(ctx, Circle{1}); s != (Circle{1}) || err != nil {
			t.Errorf("%v, %v", s, err)
		}
		s, err := d.Largest(ctx, Circle{1}, Circle{2}, &Square{9})
		if square, ok := s.(*Square); !ok || square.Side != 9 || err != nil {
			t.Errorf("%v, %v", s, err)
		}
		for _, list := range [][]Shape{nil, {}, {nil}, {Circle{}, &Square{}, nil, Circle{3}}} {
			back, none, err := d.All(ctx, list)
			if !reflect.DeepEqual(back, list) || none != nil || err != nil {
				t.Errorf("%v came back as %v and %v, %v", list, back, none, err)
			}
		}
		if area := d.Area(&Square{3}); area != 9 {
			t.Errorf("%v", area)
		}
		if _, err := d.Largest(ctx, Triangle{}); !errors.Is(err, asyncnats.ErrEncode) || !strings.Contains(err.Error(), "a remote.Triangle is none of the forms of Shape") {
			t.Errorf("%v", err)
		}
		if _, err := d.Bad(ctx); !errors.Is(err, asyncnats.ErrBadReply) || !strings.Contains(err.Error(), "a remote.Triangle is none of the forms of Shape") {
			t.Errorf("%v", err)
		}
	}
	object, err := async.CreateCall[AsyncDrawing](NewRemoteDrawing(c, "draw"))
	if err != nil {
		t.Fatal(err)
	}
	defer object.Release()
	if err := object.BeginLargest(ctx, nil, nil); err != nil {
		t.Fatal(err)
	}
	object.Wait(ctx)
	if _, err := object.FinishLargest(); !errors.Is(err, asyncnats.ErrPanicked) { // there is nothing that has an area
		t.Errorf("%v", err)
	}
	m, err := here.Request("draw.Largest", []byte(`{"first":{"Other":"x"}}`), patience)
	if err != nil || !strings.Contains(m.Header.Get("Nats-Service-Error"), "none of the forms") {
		t.Errorf("%s, %v, %v", m.Data, m.Header, err)
	}
}

func TestServeOfNothing(t *testing.T) {
	there, _ := connect(t)
	defer func() {
		if r := recover(); r != "asyncnats: ServePrices with a nil Prices" {
			t.Errorf("panicked with %v", r)
		}
	}()
	ServePrices(there, "shop", nil, asyncnats.ServeOptions{})
}
