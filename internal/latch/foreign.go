package latch

import (
	"reflect"
	"slices"
	"sync"

	"github.com/seed4712c49f/async/internal/sched"
)

// This file receives from channels that belong to others. WaitAll of package async calls
// ReceiveEach and Receive; [First] and [Queue] call receiveAny, and a sleeper of a queue
// parks by Receive. A value that is received counts as a completion and is gone, so nothing
// here receives more than it reports: that may not change. How many channels one goroutine
// selects over may.

// Ready receives from a channel where that needs no waiting, and reports whether it did. A
// closed channel is ready for ever; a nil channel never is.
func Ready(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}

// Receive parks until it has received from ch and returns true. Where u ends the wait
// first and ch is still not ready, Receive returns false.
func (u Until) Receive(ch <-chan struct{}) (received bool) {
	if Ready(ch) {
		return true
	}
	return u.park(ch) || Ready(ch)
}

// ReceiveEach receives once from every channel, in the order in which they are ready. So
// a sender to one channel may wait until the receive from another is done. Where u ends
// the wait first, ReceiveEach returns the indices of the channels that are left, in
// order. A channel that became ready as the wait ended is still received from. A nil
// channel is never ready.
func ReceiveEach(chans []<-chan struct{}, u Until) (left []int) {
	for i := range chans {
		left = append(left, i)
	}
	// First take what is ready without a select, which costs much more. Then select over
	// the rest.
	for over := false; ; {
		left = slices.DeleteFunc(left, func(i int) bool { return Ready(chans[i]) })
		if len(left) == 0 || over {
			return left
		}
		rest := make([]<-chan struct{}, len(left))
		for k, i := range left {
			rest[k] = chans[i]
		}
		got := receiveAny(rest, u)
		over = len(got) == 0 // then the loop looks once more: completion beats expiry (R6)
		for _, k := range slices.Backward(got) {
			left = slices.Delete(left, k, k+1)
		}
	}
}

// selectLimit is the number of cases that one reflect.Select takes. reflect.Select panics
// where there are more.
const selectLimit = 1 << 16

// receiveAny parks until a receive from one of chans has succeeded, and returns the
// index of that channel. Where one of wakes is ready first, or u ends the wait first,
// receiveAny returns nothing.
//
// More channels than one reflect.Select takes are divided among goroutines. These have
// ended when receiveAny returns. Then more than one index may be returned, in ascending
// order; each of those channels has been received from.
func receiveAny(chans []<-chan struct{}, u Until, wakes ...<-chan struct{}) []int {
	u.Lend()
	defer u.Regain()
	// The cases that wake are in every select, so they take room in each part.
	wakes = append(wakes, u.Done)
	room := selectLimit - len(wakes)
	if len(chans) <= room {
		if i := selectOne(chans, wakes); i >= 0 {
			return []int{i}
		}
		return nil
	}
	// Each goroutine selects over its part of the channels. The first to end sets stop,
	// which ends the others. Several may have received by then.
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		got  []int
		stop Latch
	)
	wakes = append([]<-chan struct{}{stop.Done()}, wakes...)
	for from := 0; from < len(chans); from += room - 1 {
		part := chans[from:min(from+room-1, len(chans))]
		wg.Go(func() {
			if i := selectOne(part, wakes); i >= 0 {
				mu.Lock()
				got = append(got, from+i)
				mu.Unlock()
			}
			stop.Set()
		})
	}
	wg.Wait()
	slices.Sort(got)
	return got
}

// selectOne selects over wakes and chans, and returns the index in chans, or -1 where one
// of wakes was ready. Where several are ready, reflect.Select chooses one at random and
// receives from no other.
func selectOne(chans, wakes []<-chan struct{}) int {
	cases := make([]reflect.SelectCase, 0, len(wakes)+len(chans))
	for _, part := range [][]<-chan struct{}{wakes, chans} {
		for _, ch := range part {
			cases = append(cases, reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(ch)})
		}
	}
	i, _, _ := reflect.Select(cases)
	sched.Point("woken")
	return max(i-len(wakes), -1)
}
