package natstest_test

import (
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/seed4712c49f/async/asyncnats/internal/natstest"
)

// A server is stopped and started again, again and again, beside processes that are being started,
// which have its listener for a moment.
func TestStart_BesideNewProcesses(t *testing.T) {
	var over atomic.Bool
	var starting sync.WaitGroup
	for range 4 {
		starting.Go(func() {
			for !over.Load() {
				_ = exec.Command("true").Run()
			}
		})
	}
	defer starting.Wait()
	defer over.Store(true)
	o := natstest.Options()
	o.Port = natstest.Lasting(t)
	for range 300 {
		s, err := natstest.Start(o)
		if err != nil {
			t.Fatal(err)
		}
		s.Shutdown()
		s.WaitForShutdown()
	}
}
