package asynctest

import (
	"runtime"
	"testing/synctest"
	"time"
)

const (
	yields     = 100                   // so often others have the processor before anybody waits
	firstPause = time.Nanosecond       // doubled each time
	longest    = 10 * time.Millisecond // pause
)

// poll returns true as soon as ok does, asked again and again, or false after d.
//
// In a bubble, a loop that only yields would keep virtual time from passing, and
// one that sleeps would move the clock that the test looks at. So poll first lets
// everything else in the bubble come to rest, which takes no time there; only
// where ok still says no, so that nothing but time can change it, does it pause.
// The pauses begin small: what comes to pass after some time is seen before twice
// that time has passed, and in any case at most longest later.
func poll(d time.Duration, ok func() bool) bool {
	for range yields {
		if ok() {
			return true
		}
		runtime.Gosched()
	}
	start := time.Now()
	for pause := firstPause; ; pause = min(2*pause, longest) {
		rest()
		if ok() {
			return true
		}
		if time.Since(start) >= d {
			return false
		}
		<-time.After(pause)
	}
}

// rest waits until every other goroutine of the bubble is durably blocked. Outside
// of a bubble, and where another waits for the same, it does nothing: Wait refuses
// both by a panic, before it has changed anything, and Go has no other way to ask.
func rest() {
	defer func() { _ = recover() }()
	synctest.Wait()
}
