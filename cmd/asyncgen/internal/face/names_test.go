package face_test

import (
	"slices"
	"testing"

	"github.com/seed4712c49f/async/cmd/asyncgen/internal/face"
)

// The types that are stubbed are those of the output, for each kind of name.
func TestStubs(t *testing.T) {
	for _, c := range []struct {
		prefix, name string
		want         []string
	}{
		{"Async", "Stream", []string{"AsyncStream", "StreamFactory", "StreamCalls"}},
		{"Async", "stream", []string{"asyncStream", "streamFactory", "streamCalls"}},
		{"Slow", "Stream", []string{"SlowStream", "SlowStreamFactory", "SlowStreamCalls"}},
		{"Slow", "stream", []string{"slowStream", "slowStreamFactory", "slowStreamCalls"}},
		{"Async", "ärger", []string{"asyncÄrger", "ärgerFactory", "ärgerCalls"}},
	} {
		if got := face.Stubs(c.prefix)(c.name); !slices.Equal(got, c.want) {
			t.Errorf("%s, %s: got %v, want %v", c.prefix, c.name, got, c.want)
		}
	}
}
