package latch

import (
	"reflect"
	"slices"
	"sync"

	"github.com/seed4712c49f/async/internal/sched"
)

// Receive parks until it received from ch and reports true, or until the wait
// ends and there is still nothing in ch.
func (u Until) Receive(ch <-chan struct{}) (received bool) {
	if Ready(ch) {
		return true
	}
	return u.park(ch) || Ready(ch)
}

// ReceiveEach receives from every one of chans, in the order in which they are
// ready, so that who sends to one may wait before he sends to another. Where the
// wait ends first it returns the indices of those that are left, in order.
func ReceiveEach(chans []<-chan struct{}, u Until) (left []int) {
	for i := range chans {
		left = append(left, i)
	}
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
		over = len(got) == 0 // and then one look more (R6)
		for _, k := range slices.Backward(got) {
			left = slices.Delete(left, k, k+1)
		}
	}
}

// selectLimit is how many cases one reflect.Select takes.
const selectLimit = 1 << 16

// receiveAny waits until a receive from one of chans succeeded and returns its
// index, or until one of wakes is ready, or the wait ends, and returns nothing.
// Past the limit of
// reflect.Select the channels are split among goroutines, which are gone when it
// returns; then more than one index may be returned, in ascending order, and
// each of them has been received from.
func receiveAny(chans []<-chan struct{}, u Until, wakes ...<-chan struct{}) []int {
	u.Lend()
	defer u.Regain()
	wakes = append(wakes, u.Done)
	room := selectLimit - len(wakes)
	if len(chans) <= room {
		if i := selectOne(chans, wakes); i >= 0 {
			return []int{i}
		}
		return nil
	}
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

// selectOne selects over chans and wakes and returns the index in chans, or -1.
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
