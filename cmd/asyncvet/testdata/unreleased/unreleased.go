// Package unreleased has handles that somebody releases, and some that nobody does.
package unreleased

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"sync"
	"testing"

	"github.com/seed4712c49f/async"
	"golang.org/x/sync/errgroup"
	"vettest/helper"
)

func work(context.Context) (int, error)                { return 1, nil }
func dial(context.Context) (net.Conn, error)           { return nil, io.EOF }
func closing(c net.Conn, err error)                    {}
func get(ctx context.Context, url string) (int, error) { return len(url), nil }

var errBusy = errors.New("busy")

// --- a statement

func statements(ctx context.Context, scope *async.Scope, g *errgroup.Group, call *async.Call[int], opts ...async.Option) {
	async.Go(ctx, work)                                             // want `the handle that async.Go returns is never released$`
	async.GoEach(ctx, []string{"a"}, get)                           // want `the handle that async.GoEach returns is never released`
	async.Go(ctx, dial, async.Discard(closing))                     // want `never released: Discard does not get a result that comes in time`
	async.Go(ctx, dial, scope, async.Discard(closing))              // want `never released: Discard does not get`
	async.Go(ctx, work, async.CancelOnAbandon())                    // want `nothing abandons the call, and so CancelOnAbandon does not cancel it`
	_ = async.Go(ctx, work)                                         // want `the handle that async.Go returns is never released`
	go async.Go(ctx, work)                                          // want `never released`
	helper.Fetch(ctx)                                               // want `the handle that helper.Fetch returns is never released`
	helper.Start(ctx, 1)                                            // want `the handle that helper.Start returns is never released`
	_, _ = helper.Try(ctx, true)                                    // want `the handle that helper.Try returns is never released`
	promise, _ := async.NewPromise[int](ctx)                        // want `the handle that async.NewPromise\[int\] returns is never released`
	_, _ = async.Go(ctx, work, async.Streaming()).Await(ctx)        // want `is lost after Await, and never released: its context never ends`
	<-async.Go(ctx, work).Done()                                    // want `the handle that async.Go returns is lost after Done, and never released`
	async.Go(ctx, dial, async.Discard(closing)).Cancel(nil)         // want `is lost after Cancel, and never released: Discard does not get`
	async.Go(ctx, work, scope)                                      // want `the handle that async.Go returns is never released: the scope counts its result as untaken`
	async.Go(ctx, work, async.Name("a"), scope, opts[0])            // want `the scope counts its result as untaken`
	async.Go(ctx, work, scope, async.InGroup(g))                    // want `the scope counts its result as untaken`
	helper.InScope(ctx, scope)                                      // want `the handle that helper.InScope returns is never released: the scope counts its result as untaken`
	_, _ = async.NewPromise[int](ctx, scope)                        // want `the scope counts its result as untaken`
	async.Go(ctx, work, async.OnSignal(func() { promise.Break() })) // want `the handle that async.Go returns is never released$`
	call.Clone()                                                    // want `the handle that call.Clone returns is never released$`
	_ = call.Clone()                                                // want `the handle that call.Clone returns is never released`
	call.Signal()                                                   // want `the handle that call.Signal returns is never released`
	_ = call.Signal().Clone()                                       // want `the handle that call.Signal\(\).Clone returns is never released` `the handle that call.Signal returns is lost after Clone`
	go call.Clone()                                                 // want `the handle that call.Clone returns is never released`
	async.Go(ctx, work, async.InGroup(g))                           // the group has the error, and a panic
	helper.InGroup(ctx, g)                                          // the group has it
	async.Go(ctx, work, opts...)                                    // who knows
	async.Go(ctx, work).Release()                                   // the mend
	async.Go(ctx, dial, async.Discard(closing), scope).Release()    // the mend
	_, _ = async.Go(ctx, work).Await(ctx)                           // taken
	async.Go(ctx, work).Cancel(nil)                                 // nothing is left
	new(helper.Server).Call()                                       // the server's own
	async.Ready(1, nil)                                             // there is nothing behind it
	async.Go(ctx, work)                                             //asyncvet:ignore unreleased: the line says so
}

// --- paths

func onePath(ctx context.Context, busy bool) (int, error) {
	call := async.Go(ctx, work) // want `call is neither awaited, finished nor released on the way to a return \(line \d+\)`
	if busy {
		return 0, errBusy
	}
	return call.Await(ctx)
}

func deferred(ctx context.Context, busy bool) (int, error) {
	call := async.Go(ctx, work)
	defer call.Release()
	if busy {
		return 0, errBusy
	}
	return call.Await(ctx)
}

func deferredTooLate(ctx context.Context, busy bool) error {
	call := async.Go(ctx, work) // want `call is neither`
	if busy {
		return errBusy
	}
	defer call.Release()
	return call.Wait(ctx)
}

func onlyWaits(ctx context.Context) error {
	call := async.Go(ctx, work) // want `call is neither`
	return call.Wait(ctx)
}

func onlyWaitsForAny(ctx context.Context, quit chan struct{}) (int, error) {
	call := async.Go(ctx, work) // want `call is neither`
	return async.WaitAny(ctx, call, async.Chan(quit))
}

func selects(ctx context.Context) (int, error) {
	call := async.Go(ctx, work) // want `call is neither`
	select {
	case <-call.Done():
		return call.Finish()
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func streams(ctx context.Context) (int, error) {
	call := async.Go(ctx, work, async.Streaming()) // want `call is not released on the way to a return \(line \d+\): its context never ends`
	return call.Await(ctx)
}

func mayStream(ctx context.Context, opts ...async.Option) (int, error) {
	call := async.Go(ctx, work, opts...)
	return call.Await(ctx)
}

func streamsElsewhere(ctx context.Context) (string, error) {
	call := helper.Stream(ctx) // want `call is not released`
	return call.Await(ctx)
}

func canceled(ctx context.Context) error {
	call := async.Go(ctx, work)
	defer call.Cancel(nil)
	return call.Wait(ctx)
}

func canceledWithDiscard(ctx context.Context) error {
	call := async.Go(ctx, dial, async.Discard(closing)) // want `Discard does not get`
	defer call.Cancel(nil)
	return call.Wait(ctx)
}

func raced(ctx context.Context, urls []string) (int, error) {
	calls := async.GoEach(ctx, urls, get) // want `calls is neither awaited nor released`
	_, n, err := calls.Race(ctx)
	return n, err
}

func each(ctx context.Context, urls []string) (n int) {
	calls := async.GoEach(ctx, urls, get)
	for _, r := range calls.Each(ctx) {
		n += r.Value
	}
	return n
}

func inALoop(ctx context.Context, urls []string) {
	for _, url := range urls {
		call := async.Go(ctx, func(ctx context.Context) (int, error) { return get(ctx, url) }) // want `call is neither`
		if call.Wait(ctx) != nil {
			continue
		}
		call.Release()
	}
}

func again(ctx context.Context) (int, error) {
	call := async.Go(ctx, work) // want `call is neither awaited, finished nor released before it is assigned again \(line \d+\)`
	if call.Wait(ctx) != nil {
		call = async.Go(ctx, work)
	}
	return call.Await(ctx)
}

func ends(ctx context.Context, busy bool) (int, error) {
	call := async.Go(ctx, work)
	if busy {
		panic("busy")
	}
	return call.Await(ctx)
}

// --- tasks

func task(ctx context.Context) (int, error) {
	g, ctx := errgroup.WithContext(ctx)
	call := async.Go(ctx, work, async.InGroup(g))
	if err := g.Wait(); err != nil {
		return 0, err // the group had it
	}
	return call.Finish()
}

func taskWithDiscard(ctx context.Context) (net.Conn, error) {
	g, ctx := errgroup.WithContext(ctx)
	call := async.Go(ctx, dial, async.InGroup(g), async.Discard(closing)) // want `Discard does not get`
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return call.Finish()
}

func taskOfAScope(ctx context.Context, scope *async.Scope) (int, error) {
	g, ctx := errgroup.WithContext(ctx)
	call := async.Go(ctx, work, async.InGroup(g), scope) // want `call is neither .*: the scope counts its result as untaken`
	if err := g.Wait(); err != nil {
		return 0, err
	}
	return call.Finish()
}

// --- switches

func eachCase(ctx context.Context) {
	for i := range 300 {
		call := async.Go(ctx, work)
		switch i % 3 {
		case 0:
			call.Release()
		case 1:
			_ = call.Wait(ctx)
			call.Release()
		case 2:
			call.Release()
			continue
		}
	}
}

func eachKind(ctx context.Context, err error) {
	call := async.Go(ctx, work)
	switch err.(type) {
	case *net.OpError, *net.DNSError:
		call.Release()
	case nil:
		_, _ = call.Await(ctx)
	}
}

func oneCaseKeeps(ctx context.Context, i int) {
	call := async.Go(ctx, work) // want `call is neither`
	switch i % 3 {
	case 0:
		call.Release()
	case 1:
		_ = call.Wait(ctx)
	case 2:
		call.Release()
	}
}

func oneCase(ctx context.Context, i int) {
	call := async.Go(ctx, work) // want `call is neither`
	switch i % 3 {
	case 0, 1:
		call.Release()
	}
}

func casesLeave(ctx context.Context, kind string) (int, error) {
	call := async.Go(ctx, work) // want `call is neither`
	switch kind {
	case "a":
		return call.Await(ctx)
	case "b":
		call.Release()
		return 0, nil
	}
	return 0, errBusy // of another kind
}

func casesOfAnother(ctx context.Context, i int, other *async.Call[int]) {
	call := async.Go(ctx, work) // want `call is neither`
	_ = call.Wait(ctx)
	switch i {
	case 0:
		other.Release()
	case 1:
		other.Release()
	}
}

func releasedInCases(ctx context.Context, i int) {
	call := helper.Fetch(ctx)
	helper.Cases(call, i) // who knows
}

// --- conditions

func conditional(ctx context.Context, want bool) (int, error) {
	var call *async.Call[int]
	if want {
		call = async.Go(ctx, work)
	}
	prepare()
	if call != nil {
		return call.Await(ctx)
	}
	return 0, nil
}

func sameCondition(ctx context.Context, want bool) (n int, err error) {
	var call *async.Call[int]
	if want && n == 0 {
		call = async.Go(ctx, work)
	}
	prepare()
	if want {
		n, err = call.Await(ctx)
	}
	return n, err
}

func twoConditions(ctx context.Context, want bool, n int) {
	var call *async.Call[int]
	if want && n > 3 {
		call = async.Go(ctx, work)
	}
	if n > 3 && !(!want) {
		call.Release()
	}
}

func triedOrNothing(ctx context.Context) (string, error) {
	call, err := helper.Try(ctx, true)
	if err != nil || call == nil {
		return "", err
	}
	return call.Await(ctx)
}

func otherCondition(ctx context.Context, want bool, n int) {
	var call *async.Call[int]
	if want {
		call = async.Go(ctx, work) // want `call is neither`
	}
	if want && n > 3 {
		call.Release()
	}
}

func prepare() {}

func tried(ctx context.Context) (string, error) {
	call, err := helper.Try(ctx, true)
	if err != nil {
		return "", err
	}
	return call.Await(ctx)
}

func triedAndLost(ctx context.Context, busy bool) (string, error) {
	call, err := helper.Try(ctx, true) // want `call is neither`
	if err != nil {
		return "", err
	}
	if busy {
		return "", errBusy
	}
	return call.Await(ctx)
}

func sameCondition2(ctx context.Context, keep bool) (int, error) {
	call := async.Go(ctx, work) // want `call is neither`
	if !keep {
		prepare()
	}
	if keep {
		return call.Await(ctx)
	}
	return 0, nil
}

func conditionChanges(ctx context.Context, keep bool) (int, error) {
	call := async.Go(ctx, work) // want `call is neither`
	if !keep {
		call.Release()
	}
	keep = !keep
	if keep {
		return call.Await(ctx)
	}
	return 0, nil
}

func conditionCalls(ctx context.Context, s *sync.Mutex) {
	call := async.Go(ctx, work) // want `call is neither`
	if s.TryLock() {
		call.Release()
	}
	if !s.TryLock() {
		call.Release()
	}
}

type reader struct{ done bool }

func (r *reader) step() { r.done = true }

func conditionOfAField(ctx context.Context, r *reader) (int, error) {
	call := async.Go(ctx, work) // want `call is neither`
	if r.done {
		call.Release()
		return 0, nil
	}
	r.step()
	if r.done {
		return 0, errBusy
	}
	return call.Await(ctx)
}

func conditionOfTheSameField(ctx context.Context, r *reader) (int, error) {
	call := async.Go(ctx, work)
	if r.done {
		call.Release()
	}
	prepare()
	if r.done {
		return 0, errBusy
	}
	return call.Await(ctx)
}

func eachRound(ctx context.Context, n int) {
	for i := range n {
		if i%2 == 0 {
			call := async.Go(ctx, work) // want `call is neither`
			_ = call.Wait(ctx)
		}
	}
}

func saidBeside(ctx context.Context) (string, error) {
	call, ok := helper.Said(ctx) // want `call is neither`
	if !ok {
		return "", errBusy // there is a call all the same
	}
	return call.Await(ctx)
}

func otherKind(ctx context.Context) (string, error) {
	call, err := helper.Try(ctx, true) // want `call is neither`
	switch err.(type) {
	case nil:
		_ = call.Wait(ctx)
	default:
		return "", err
	}
	return "", nil
}

func perhapsNoRound(ctx context.Context, names []string, n int) (m int, err error) {
	call := async.Go(ctx, work) // want `call is neither`
	for range names {
		if m, err = call.Await(ctx); err == nil {
			return m, nil
		}
	}
	other := async.Go(ctx, work) // want `other is neither`
	done := n > 3
	for !done {
		m, err = other.Await(ctx)
		done = true
	}
	return m, err
}

func lastRound(ctx context.Context, names []string) {
	var call *async.Call[int]
	for _, name := range names {
		if call != nil {
			call.Release()
		}
		if name != "" {
			call = async.Go(ctx, work) // want `call is neither`
		}
	}
}

func lastOfAll(ctx context.Context, n int) {
	var call *async.Call[int]
	for i := 0; i < n; i++ {
		if call != nil {
			call.Release()
		}
		call = async.Go(ctx, work) // want `call is neither`
	}
}

func otherSide(ctx context.Context, n int) (int, error) {
	var call *async.Call[int]
	if n > 0 {
		call = async.Go(ctx, work) // want `call is neither`
	}
	if n < 10 {
		return 0, nil
	}
	return call.Await(ctx)
}

func oneAndAnother(ctx context.Context, deep bool, n int) (int, error) {
	var number, other *async.Call[int]
	for range n {
		if deep {
			number = async.Go(ctx, work)
		} else {
			other = async.Go(ctx, work) // want `other is neither`
		}
	}
	if number != nil {
		return number.Await(ctx)
	}
	return other.Await(ctx)
}

// --- handles that go elsewhere

type client struct {
	call    *async.Call[int]
	pending map[string]*async.Call[int]
}

func returned(ctx context.Context) *async.Call[int] { return async.Go(ctx, work) }

func returnedNamed(ctx context.Context) (call *async.Call[int]) {
	call = async.Go(ctx, work)
	return
}

func (c *client) stored(ctx context.Context) {
	c.call = async.Go(ctx, work)
	call := async.Go(ctx, work)
	c.pending["a"] = call
}

func sent(ctx context.Context, calls chan<- *async.Call[int]) {
	call := async.Go(ctx, work)
	calls <- call
}

func passed(ctx context.Context, s *helper.Server) {
	call := helper.Fetch(ctx)
	s.Keep(call)
}

func captured(ctx context.Context) func() {
	call := async.Go(ctx, work)
	return func() { <-call.Done() }
}

func methodValue(ctx context.Context, cleanup func(func())) error {
	call := async.Go(ctx, work)
	cleanup(call.Release)
	return call.Wait(ctx)
}

func inASet(ctx context.Context) {
	var set async.Set[*async.Call[int]]
	defer set.Release()
	call := async.Go(ctx, work)
	set.Add(call, call)
	for call := range set.All(ctx) {
		_, _ = call.Finish()
	}
}

func inALiteral(ctx context.Context) error {
	calls := async.Calls[int]{async.Go(ctx, work), async.Go(ctx, work)}
	defer calls.Release()
	_, err := calls.All(ctx)
	return err
}

// --- closures

func releasedByAClosure(ctx context.Context) error {
	call := async.Go(ctx, work)
	defer func() { call.Release() }()
	return call.Wait(ctx)
}

func waitedForByAClosure(ctx context.Context) {
	call := async.Go(ctx, work) // want `call is neither`
	func() { _ = call.Wait(ctx) }()
}

func waitedForByAGoroutine(ctx context.Context) {
	call := async.Go(ctx, work) // want `call is neither`
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		_ = call.Wait(ctx)
	}()
	wg.Wait()
}

func insideAClosure(ctx context.Context) func(bool) error {
	return func(busy bool) error {
		call := async.Go(ctx, work) // want `call is neither`
		if busy {
			return errBusy
		}
		_, err := call.Await(ctx)
		return err
	}
}

// --- functions that release, wait, keep

func releasedElsewhere(ctx context.Context) error {
	call := helper.Fetch(ctx)
	defer helper.Done(call)
	return call.Wait(ctx)
}

func releasedFarAway(ctx context.Context) {
	call := helper.Fetch(ctx)
	helper.Done2(call)
}

func takenElsewhere(ctx context.Context) (string, error) {
	call := helper.Fetch(ctx)
	return helper.Take(ctx, call)
}

func finallyElsewhere(ctx context.Context) {
	call := helper.Begin(ctx, async.Streaming())
	helper.Finally(ctx, call)
}

func beginsElsewhere(ctx context.Context) (string, error) {
	call := helper.Begin(ctx, async.Name("a"), async.Streaming()) // want `call is not released`
	return call.Await(ctx)
}

func watchedElsewhere(ctx context.Context) {
	call := helper.Fetch(ctx) // want `call is neither`
	helper.Watch(ctx, call)
}

func releasedPerhaps(ctx context.Context) {
	call := helper.Fetch(ctx)
	helper.Maybe(call, true)
}

func owned(ctx context.Context, s *helper.Server) error {
	call := s.Begin(ctx) // want `call is neither`
	return call.Wait(ctx)
}

func notOwned(ctx context.Context, s *helper.Server) error {
	call := s.Call()
	return call.Wait(ctx)
}

// --- handles that are shown, and handles that only wait

func shown(ctx context.Context, busy bool) error {
	call := async.Go(ctx, work) // want `call is neither`
	log.Printf("begun %v", call)
	slog.Info("begun", "call", call)
	fmt.Println(call)
	if busy {
		return errBusy
	}
	_, err := call.Await(ctx)
	return err
}

func shownInATest(t *testing.T) {
	call := async.Go(t.Context(), work) // want `call is neither`
	t.Log(call)
	if !call.IsDone() {
		return
	}
	call.Release()
}

func sprinted(ctx context.Context) error {
	call := async.Go(ctx, work)
	return fmt.Errorf("%s, %w", fmt.Sprint(call), finallyDone(call))
}

func finallyDone(call *async.Call[int]) error {
	defer call.Release()
	return nil
}

func inSets(ctx context.Context, names []string) error {
	var set async.Set[string]
	defer set.Release()
	for _, name := range names {
		set.Add(name, async.Go(ctx, work)) // want `the handle that async.Go returns is lost after Set.Add, and never released`
		call := async.Go(ctx, work)
		set.Add(name, call) // somebody may release it
	}
	async.AfterFunc(async.Go(ctx, work), func() {})   // want `the handle that async.Go returns is lost after AfterFunc`
	set.Add("ready", async.Ready(1, nil))             // nothing behind it
	_, err := async.WaitAny(ctx, async.Go(ctx, work)) // want `is lost after WaitAny`
	return err
}

// --- several handles of one function

func pair(ctx context.Context) (*async.Call[int], *async.Call[int]) {
	return async.Go(ctx, work), async.Go(ctx, work)
}

func onlyOne(ctx context.Context) error {
	a, b := pair(ctx) // want `b is neither`
	defer a.Release()
	return errors.Join(a.Wait(ctx), b.Wait(ctx))
}

func bothOfThem(ctx context.Context) (int, error) {
	a, b := pair(ctx)
	defer a.Release()
	defer b.Release()
	return async.WaitAny(ctx, a, b)
}

func pairOrNothing(ctx context.Context, busy bool) (a, b *async.Call[int], err error) {
	if busy {
		return nil, nil, errBusy
	}
	return async.Go(ctx, work), async.Go(ctx, work), nil
}

func notBoth(ctx context.Context) (int, error) {
	a, b, err := pairOrNothing(ctx, true) // want `a is neither`
	if err != nil {
		return 0, err
	}
	_ = a.Wait(ctx)
	return b.Await(ctx)
}

func noneOfThem(ctx context.Context) {
	pair(ctx) // want `the handle that pair returns is never released`
}

// --- handles in a slice, or in a map

func inASlice(ctx context.Context, names []string) error {
	var calls []*async.Call[int]
	for range names {
		calls = append(calls, async.Go(ctx, work)) // want `the handles in calls are neither awaited, finished nor released`
	}
	for _, call := range calls {
		if err := call.Wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

func inCalls(ctx context.Context, names []string) (int, error) {
	calls := make(async.Calls[int], len(names))
	for i := range names {
		calls[i] = async.Go(ctx, work) // want `the handles in calls are neither`
	}
	<-calls[0].Done()
	_, n, err := calls.Any(ctx)
	return n, err
}

func inAMap(ctx context.Context, names []string) {
	calls := make(map[string]*async.Call[int])
	for _, name := range names {
		calls[name] = helper2(ctx) // want `the handles in calls are neither`
	}
	for name := range calls {
		<-calls[name].Done()
	}
	log.Print(len(calls))
}

func helper2(ctx context.Context) *async.Call[int] { return async.Go(ctx, work) }

func notOnlyInASlice(ctx context.Context, names []string) (n int, err error) {
	var first, second, third, fourth []*async.Call[int]
	var fifth async.Calls[int]
	for range names {
		call := async.Go(ctx, work)
		first = append(first, call, async.Go(ctx, work))
		second = append(second, async.Go(ctx, work))
		third = append(third, async.Go(ctx, work))
		fourth = append(fourth, async.Ready(1, nil))
		fifth = append(fifth, async.Go(ctx, work))
	}
	defer func() {
		for _, call := range first {
			call.Release()
		}
	}()
	release(second)
	for i := range third {
		third[i].Release()
	}
	for _, call := range fourth {
		_ = call.Wait(ctx)
	}
	kept := fifth
	defer kept.Release()
	return 0, nil
}

func release(calls []*async.Call[int]) { async.Calls[int](calls).Release() }

func tasksInASlice(ctx context.Context, g *errgroup.Group) error {
	var tasks []*async.Call[int]
	for range 3 {
		tasks = append(tasks, async.Go(ctx, work, async.InGroup(g)))
	}
	for _, task := range tasks {
		<-task.Done()
	}
	return g.Wait()
}

// --- handles of a closure

func begunByAClosure(ctx context.Context) error {
	begin := func() *async.Call[int] { return async.Go(ctx, work) }
	begin() // want `the handle that begin returns is never released`
	if _, err := begin().Await(ctx); err != nil {
		return err
	}
	call := begin() // want `call is neither`
	return call.Wait(ctx)
}

func keptByAClosure(ctx context.Context) error {
	var kept []*async.Call[int]
	begin := func() *async.Call[int] {
		call := async.Go(ctx, work)
		kept = append(kept, call)
		return call
	}
	begin()
	defer async.Calls[int](kept).Release()
	var replaced func() *async.Call[int]
	replaced = func() *async.Call[int] { return kept[0] }
	replaced()
	return kept[0].Wait(ctx)
}

// --- other handles

func clone(ctx context.Context, call *async.Call[int]) error {
	clone := call.Clone() // want `clone is neither`
	return clone.Wait(ctx)
}

func signal(ctx context.Context, call *async.Call[int]) error {
	signal := call.Signal() // want `signal is not released`
	return signal.Wait(ctx)
}

func signalOfAnEvent(ctx context.Context, e *async.Event) error {
	signal := e.Signal() // keeps nothing
	return signal.Wait(ctx)
}

func promise(ctx context.Context, busy bool) (int, error) {
	promise, call := async.NewPromise[int](ctx) // want `call is neither`
	defer promise.Break()
	if busy {
		return 0, errBusy
	}
	return call.Await(ctx)
}

func joined(ctx context.Context, g *async.Group[string, int]) error {
	call := g.Join(ctx, "a", work) // want `call is neither`
	return call.Wait(ctx)
}

func generic[T any](ctx context.Context, fn func(context.Context) (T, error)) error {
	call := async.Go(ctx, fn) // want `call is neither`
	return call.Wait(ctx)
}

// --- objects

func object(ctx context.Context) (int, error) {
	var call async.Call[int]
	if err := call.Begin(ctx, work); err != nil {
		return 0, err
	}
	if err := call.Wait(ctx); err != nil {
		call.Release()
		return 0, err
	}
	return call.Finish()
}

func objectLost(ctx context.Context) (int, error) {
	var call async.Call[int]
	if err := call.Begin(ctx, work); err != nil { // want `call is neither`
		return 0, err
	}
	if err := call.Wait(ctx); err != nil {
		return 0, err
	}
	return call.Finish()
}

func objectOfAnother(ctx context.Context, call *async.Call[int]) error { return call.Begin(ctx, work) }

func objectDeferred(ctx context.Context, busy bool) error {
	var call async.Call[int]
	defer call.Release()
	if err := call.Begin(ctx, work); err != nil {
		return err
	}
	if busy {
		return errBusy
	}
	return call.Wait(ctx)
}

func deferredBefore(ctx context.Context, busy bool) error {
	var call *async.Call[int]
	defer func() {
		if call != nil {
			call.Release()
		}
	}()
	if busy {
		return errBusy
	}
	call = async.Go(ctx, work)
	return call.Wait(ctx)
}
