package async

import (
	"context"

	"github.com/seed4712c49f/async/internal/latch"
	"github.com/seed4712c49f/async/internal/sched"
)

// Join is [Group.Do] for one who does not wait at once: it returns a handle on the
// run of key, which it begins with fn where there is none. It never blocks.
//
// The handle is that of a call of its own, which completes with the run and with
// its result, panics included, and is finished for itself (R3). To Cancel it, or to
// release the last reference on it, is to leave the run, as when the context of
// a Do ends: nobody else is touched, and where nobody else is there the run is
// canceled with [ErrAbandoned]. CancelWait gives the run until its context ends;
// its function is not asked. Shared, in what Do returns, counts the handles that
// had not left when the function returned.
//
// ctx gives its values to a run that is begun, and nothing else: it bounds neither
// the run nor the handle, and may be done. Where the run cannot be begun, or is
// asked for by itself, the handle is complete with the error. What nobody has
// taken by the time that the last handle is released goes to the Discard of
// Options, once for the run. Join panics where ctx or fn is nil, or where that
// Discard is of another type.
func (g *Group[K, T]) Join(ctx context.Context, key K, fn func(context.Context) (T, error)) *Call[T] {
	checkBegin(ctx, fn == nil)
	r, _, err := g.enter(ctx, key, fn, latch.OneRef)
	if err != nil {
		a := newPair[T](context.Background(), nil, 0)
		a.p.core.fail(err)
		return &a.c
	}
	return joined(r)
}

// A joint is a handle of [Group.Join], its call, and what ties that to the run. It
// has the reference and the place in the run of whoever joined (G2). It gives them
// up
//
//   - where its call was canceled, or released by all before completion: when
//     that call completes, which the node at its own latch is told;
//   - where the run's completion came first: when the last reference on its call
//     has gone, which the share is told.
//
// Its call completes once, so exactly one of the two comes.
type joint[K comparable, T any] struct {
	pair[T]
	options  options
	share    share
	nodes    [2]latch.Node // nodeRun at the run's latch, nodeOwn at its own
	run      *run[K, T]
	received bool // its call completed with the run's result; written before that
}

const (
	nodeRun = iota
	nodeOwn
)

// joined makes a handle of a place in r.
func joined[K comparable, T any](r *run[K, T]) *Call[T] {
	j := &joint[K, T]{run: r}
	o := &j.options
	o.name, o.stream, o.abandon = r.p.core.task.name, r.p.core.task.stream, true
	o.alone.options, o.share = o, &j.share
	j.share.of = j
	j.init(context.Background(), o.plain(), 0)
	r.p.core.hold(&j.c, true)
	own, end := &j.nodes[nodeOwn], &j.nodes[nodeRun]
	own.Reset(&j.p.core.Latch, j, nodeOwn)
	j.p.core.Link(own)
	end.Reset(&r.p.core.Latch, j, nodeRun)
	end.Refers()
	if !r.p.core.Link(end) {
		j.receive()
	}
	return &j.c
}

func (j *joint[K, T]) Fire(n *latch.Node) {
	switch {
	case n.Index() == nodeRun:
		j.receive()
	case !j.received:
		j.leave()
	}
}

// receive completes the call with the run's result, where it is not canceled.
func (j *joint[K, T]) receive() {
	const outcome = bitResult | bitFailed | bitCanceled | bitPanicked
	r := j.run
	w := r.p.core.Word.Load()
	if w&(bitResult|bitPanicked) == 0 {
		r.close()
	}
	if !j.p.core.claim() {
		return
	}
	j.received = true
	j.p.value, j.p.core.err = r.p.value, r.p.core.err
	if latch.Refs(j.p.core.publish(w&outcome)) == 0 {
		j.drop()
	}
}

// leave gives up what a call that was canceled has in the run.
func (j *joint[K, T]) leave() {
	j.run.p.core.Unlink(&j.nodes[nodeRun])
	j.run.leave()
	j.drop()
}

// drop gives up the reference on the run, for one who is told of a completion: it
// raises no panic there. One that nobody was given ends the program.
func (j *joint[K, T]) drop() {
	p := &j.run.p
	p.core.letGo(&j.c)
	sched.Point("drop")
	w := p.core.Word.Add(latch.MinusRef)
	if latch.Refs(w) == 0 && w&(bitPanicked|bitTaken) == bitPanicked {
		p.core.task.inScope().spawn(func() { p.dropped(w) })
		return
	}
	p.dropped(w)
}

// taken marks the run's result as handed out.
func (j *joint[K, T]) taken() {
	if j.received {
		j.run.p.core.take()
	}
}

// gone gives up the reference on the run, and marks the run's result as handed out
// where the copy was, in one step. Where the reference was the last, a result that
// nobody took is disposed of, and a panic that nobody was given raised.
func (j *joint[K, T]) gone(taken bool) {
	switch {
	case !j.received:
	case taken:
		j.run.p.core.letGo(&j.c)
		j.run.p.takeAndDrop()
	default:
		j.run.p.core.letGo(&j.c)
		j.run.p.drop()
	}
}
