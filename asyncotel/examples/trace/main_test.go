package main

import (
	"strings"
	"testing"
)

// The program ends, and what it prints is the tree that the work makes.
func TestTrace(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"download: returned\n", "  fetch broken: failed, exception\n", "  fetch fast: returned\n",
		"  fetch slow: canceled, async.call.canceled\n", "    fetch slow stop", "    index: returned, links: 1\n",
		"  reader 1: returned", "  reader 2: returned", "5 returned\n", "1 failed\n", "1 canceled\n",
	} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("%q is missing in\n%s", line, out.String())
		}
	}
}
