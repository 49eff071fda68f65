package verify_test

import (
	"errors"
	"testing"
	"time"

	"github.com/seed4712c49f/async/verify/internal/history"
)

// record runs a plan and prints its figures, from which docs/verification.md has
// its own.
func record(t *testing.T, p history.Plan) {
	t.Helper()
	p.Seed = *seed
	start := time.Now()
	done := p.Run(t, *operations)
	t.Logf("%d operations in %d histories, %v", done.Operations, done.Histories, time.Since(start).Round(time.Millisecond))
	if done.Err != nil {
		t.Error(done.Err)
	}
}

// refuted runs a plan with a wrong model and has that found.
func refuted(t *testing.T, p history.Plan) {
	t.Helper()
	p.Seed = *seed
	done := p.Run(t, 100_000)
	var illegal *history.IllegalError
	if !errors.As(done.Err, &illegal) {
		t.Fatalf("%d operations, and nothing wrong: %v", done.Operations, done.Err)
	}
	t.Logf("found after %d operations", done.Operations)
	cleanUp(t, illegal.Page)
}
