package main

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/seed4712c49f/async"
)

// A step is something that a client of call objects does. It is done with new
// connections: with each server by itself, or with both.
type step struct {
	title string
	com   string // what the COM documents call it
	each  func(context.Context, *side, transcript)
	both  func(ctx context.Context, blocking, looping *side, t transcript)
}

var steps = [...]step{
	{title: "Ask for a call object", com: "QueryInterface for ICallFactory, E_NOINTERFACE, CreateCall", both: create},
	{title: "Call it both ways", com: "the synchronous interface; Begin_Read, ISynchronize::Wait, Finish_Read", each: bothWays},
	{title: "Finish too early, and too often", com: "Finish_Read before Wait returns S_OK; RPC_E_CALL_COMPLETE", each: finishEarly},
	{title: "Begin on a busy object, then use it again", com: "Begin_Read before Finish_Read; RPC_E_CALL_PENDING", each: useAgain},
	{title: "Wait with a timeout", com: "Wait with dwMilliseconds; RPC_S_CALLPENDING, RPC_E_TIMEOUT", each: timeOut},
	{title: "Race two call objects", com: "GetHandle, CoWaitForMultipleHandles", both: race},
	{title: "Cancel", com: "ICancelMethodCalls::Cancel(0), then Finish_Read; RPC_E_CALL_CANCELED", each: cancel},
	{title: "Cancel, and let the server have its say", com: "ICancelMethodCalls::Cancel(5)", each: cancelWait},
	{title: "Abandon", com: "Release while the call is in progress", both: abandon},
	{title: "Close", com: "one call at a time over all methods of the interface", each: closing},
}

var errNotNeeded = errors.New("not needed any more")

// create asks both servers. One has no factory: its client calls it
// synchronously, or makes itself a call object from the synchronous interface.
func create(ctx context.Context, blocking, looping *side, t transcript) {
	l, b := t.on(looping), t.on(blocking)
	call, err := async.CreateCall[AsyncSimpleStream](looping.server)
	l.say("CreateCall", said(err))
	l.say("Release", done(call.Release))
	_, err = async.CreateCall[interface{ BeginSeek(offset int64) error }](looping.server)
	l.say("CreateCall of another face", said(err))

	_, err = async.CreateCall[AsyncSimpleStream](blocking.server)
	b.say("CreateCall", said(err))
	buf := newBuffer()
	t.check(blocking.send("hello"))
	b.say("Read, synchronously then", buf.got(blocking.stream.Read(ctx, buf)))
	call, err = blocking.create()
	b.say("or a call object over it", said(err))
	b.say("Release", done(call.Release))
}

func done(act func()) string {
	act()
	return "ok"
}

// begin is the start of most steps: a new call object, and a call of Read.
func begin(ctx context.Context, s *side, t transcript) (AsyncSimpleStream, buffer) {
	call, err := s.create()
	t.check(err)
	buf := newBuffer()
	t.say("BeginRead", said(call.BeginRead(ctx, buf)))
	return call, buf
}

func bothWays(ctx context.Context, s *side, t transcript) {
	buf := newBuffer()
	t.check(s.send("synchronously"))
	t.say("Read", buf.got(s.stream.Read(ctx, buf)))

	call, buf := begin(ctx, s, t)
	defer call.Release()
	t.check(s.send("asynchronously"))
	t.say("Wait", said(call.Wait(ctx)))
	t.say("FinishRead", buf.got(call.FinishRead()))
}

func finishEarly(ctx context.Context, s *side, t transcript) {
	call, buf := begin(ctx, s, t)
	defer call.Release()
	t.say("FinishRead, too early", buf.got(call.FinishRead()))
	t.check(s.send("now"))
	t.say("Wait", said(call.Wait(ctx)))
	t.say("FinishRead", buf.got(call.FinishRead()))
	t.say("FinishRead, once more", buf.got(call.FinishRead()))
}

func useAgain(ctx context.Context, s *side, t transcript) {
	call, buf := begin(ctx, s, t)
	defer call.Release()
	t.say("BeginRead, while it is pending", said(call.BeginRead(ctx, newBuffer())))
	t.check(s.send("first"))
	t.say("Wait", said(call.Wait(ctx)))
	t.say("BeginRead, while it is complete", said(call.BeginRead(ctx, newBuffer())))
	t.say("FinishRead", buf.got(call.FinishRead()))

	t.say("BeginRead", said(call.BeginRead(ctx, buf)))
	t.check(s.send("second"))
	t.say("Wait", said(call.Wait(ctx)))
	t.say("FinishRead", buf.got(call.FinishRead()))
}

func timeOut(ctx context.Context, s *side, t transcript) {
	call, buf := begin(ctx, s, t)
	defer call.Release()
	t.say("WaitFor(0), which polls", said(call.WaitFor(0)))
	t.say("WaitFor(50ms)", said(call.WaitFor(50*time.Millisecond)))
	t.check(s.send("at last"))
	select { // any channel may stand beside
	case <-call.Done():
		t.say("Done, in a select", "ok")
	case <-ctx.Done():
		t.say("Done, in a select", said(ctx.Err()))
	}
	t.say("WaitFor(0)", said(call.WaitFor(0)))
	t.say("FinishRead", buf.got(call.FinishRead()))
}

// race has a call object of each server. The one that loses has lost nothing.
func race(ctx context.Context, blocking, looping *side, t transcript) {
	b, l := t.on(blocking), t.on(looping)
	callB, bufB := begin(ctx, blocking, b)
	defer callB.Release()
	callL, bufL := begin(ctx, looping, l)
	defer callL.Release()

	t.check(looping.send("I am first"))
	i, err := async.WaitAny(ctx, callB, callL)
	t.check(err)
	t.say("WaitAny(blocking, looping)", strconv.Itoa(i))
	l.say("FinishRead", bufL.got(callL.FinishRead()))
	b.say("FinishRead", bufB.got(callB.FinishRead()))
	t.check(blocking.send("I am second"))
	b.say("Wait", said(callB.Wait(ctx)))
	b.say("FinishRead", bufB.got(callB.FinishRead()))
}

// cancel completes the call at once, whatever the server does. What a blocking
// server returns later is disposed of; a looping one has only to forget the call.
func cancel(ctx context.Context, s *side, t transcript) {
	call, buf := begin(ctx, s, t)
	defer call.Release()
	t.check(s.working.Wait(ctx)) // else there were nothing to come late
	t.say("Cancel", said(call.Cancel(errNotNeeded)))
	t.say("Wait", said(call.Wait(ctx)))
	t.say("BeginRead, not finished", said(call.BeginRead(ctx, newBuffer())))
	t.say("FinishRead", buf.got(call.FinishRead()))
	t.say("Cancel, nothing to cancel", said(call.Cancel(errNotNeeded)))
	if s.late != nil {
		t.discarded(ctx, s)
	}
	buf = newBuffer()
	t.say("BeginRead", said(call.BeginRead(ctx, buf)))
	t.check(s.send("on it goes"))
	t.say("Wait", said(call.Wait(ctx)))
	t.say("FinishRead", buf.got(call.FinishRead()))
}

// discarded waits for what the blocking server returns too late.
func (t transcript) discarded(ctx context.Context, s *side) {
	select {
	case result := <-s.late:
		t.on(s).say("what comes late is discarded", result)
	case <-ctx.Done():
		t.check(ctx.Err())
	}
}

// cancelWait asks. The call is over when the server says so, and with its answer.
func cancelWait(ctx context.Context, s *side, t transcript) {
	call, buf := begin(ctx, s, t)
	defer call.Release()
	t.check(s.working.Wait(ctx)) // else nobody would be asked
	grace, stop := context.WithTimeout(ctx, 5*time.Second)
	defer stop()
	t.say("CancelWait", said(call.CancelWait(grace, errNotNeeded)))
	t.say("FinishRead, the server's answer", buf.got(call.FinishRead()))
}

// abandon releases the object in the middle of a call. The work runs on. The
// program disposes of the late result where the call object is its own; the
// looping server does where it is the server's.
func abandon(ctx context.Context, blocking, looping *side, t transcript) {
	b, l := t.on(blocking), t.on(looping)
	call, buf := begin(ctx, blocking, b)
	b.say("Release", done(call.Release))
	b.say("FinishRead", buf.got(call.FinishRead()))
	t.check(blocking.send("too late"))
	b.discarded(ctx, blocking)

	call, _ = begin(ctx, looping, l)
	l.say("Release", done(call.Release))
	t.check(looping.send("taken back"))
	call, buf = begin(ctx, looping, l)
	defer call.Release()
	l.say("Wait", said(call.Wait(ctx)))
	l.say("FinishRead", buf.got(call.FinishRead()))
}

func closing(ctx context.Context, s *side, t transcript) {
	call, err := s.create()
	t.check(err)
	defer call.Release()
	t.say("BeginClose", said(call.BeginClose()))
	t.say("Wait", said(call.Wait(ctx)))
	t.say("FinishRead, but it is a Close", newBuffer().got(call.FinishRead()))
	t.say("FinishClose", said(call.FinishClose()))
}
