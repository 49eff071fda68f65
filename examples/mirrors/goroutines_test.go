package main

import (
	"strings"
	"testing"
	"time"
)

func TestGoroutines(t *testing.T) {
	before := goroutines()
	stop, over := make(chan bool), make(chan bool)
	go func() {
		defer close(over)
		<-stop
	}()
	left := before.wait(0, func() {})
	if len(left) != 1 || !strings.Contains(left[0], "TestGoroutines") {
		t.Errorf("left is %q, want the one of this test", left)
	}
	tidied := false
	left = before.wait(time.Minute, func() {
		if !tidied {
			tidied = true
			close(stop)
			<-over
		}
	})
	if len(left) != 0 {
		t.Errorf("left is %q, want none", left)
	}
}
