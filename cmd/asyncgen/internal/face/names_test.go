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
		{"Async", "Stream", []string{"AsyncStream", "StreamFactory", "StreamCalls", "AsyncStreamServer", "FakeStream", "RemoteStream", "RemoteStreamCalls"}},
		{"Async", "stream", []string{"asyncStream", "streamFactory", "streamCalls", "asyncStreamServer", "fakeStream", "remoteStream", "remoteStreamCalls"}},
		{"Slow", "Stream", []string{"SlowStream", "SlowStreamFactory", "SlowStreamCalls", "SlowStreamServer", "FakeSlowStream", "RemoteSlowStream", "RemoteSlowStreamCalls"}},
		{"Slow", "stream", []string{"slowStream", "slowStreamFactory", "slowStreamCalls", "slowStreamServer", "fakeSlowStream", "remoteSlowStream", "remoteSlowStreamCalls"}},
		{"Async", "ärger", []string{"asyncÄrger", "ärgerFactory", "ärgerCalls", "asyncÄrgerServer", "fakeÄrger", "remoteÄrger", "remoteÄrgerCalls"}},
	} {
		if got := face.Stubs(c.prefix, c.name); !slices.Equal(got, c.want) {
			t.Errorf("%s, %s: got %v, want %v", c.prefix, c.name, got, c.want)
		}
	}
}
