package asyncnats_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// The test binary is also the child process of the tests that kill one.
func TestMain(m *testing.M) {
	if url := os.Getenv(childURL); url != "" {
		os.Exit(child(url))
	}
	if url := os.Getenv(workerURL); url != "" {
		os.Exit(workerProcess(url, os.Getenv(workerMode)))
	}
	if dir := os.Getenv(natsDir); dir != "" {
		os.Exit(natsProcess(dir))
	}
	goleak.VerifyTestMain(m)
}
