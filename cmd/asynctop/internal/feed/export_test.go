package feed

import "time"

// Hurry makes the pauses of Watch short.
func (f *Feed) Hurry() {
	f.stall, f.first, f.last, f.pause = 3*time.Second, time.Millisecond, 8*time.Millisecond, time.Millisecond
}
