package main

import (
	"context"
	"strings"
	"testing"
)

// The program ends, and what it prints is what the work has done.
func TestScrape(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), "", &out); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		`async_calls_active{scope="fetches",state="stopping"} 1`,
		`async_calls_active{scope="jobs",state="queued"} 2`,
		`async_calls_refused_total{scope="jobs"} 2`,
		`async_calls_completed_total{outcome="returned",scope="fetches"} 3`,
		`async_calls_completed_total{outcome="failed",scope="fetches"} 1`,
	} {
		if !strings.Contains(out.String(), line+"\n") {
			t.Errorf("%q is missing in\n%s", line, out.String())
		}
	}
}

// With an address the program serves until its context ends.
func TestScrape_Listen(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := writer(func(p string) {
		if strings.Contains(p, "until Ctrl-C") {
			cancel()
		}
	})
	if err := run(ctx, "127.0.0.1:0", out); err != nil {
		t.Fatal(err)
	}
}

type writer func(string)

func (w writer) Write(p []byte) (int, error) {
	w(string(p))
	return len(p), nil
}
