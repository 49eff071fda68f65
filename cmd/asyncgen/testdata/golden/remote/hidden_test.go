package remote

import (
	"testing"

	"github.com/seed4712c49f/async"
)

// What is not exported has a client and a server that are not exported.
func TestUnexported(*testing.T) {
	var (
		_ hidden            = (*remoteHidden)(nil)
		_ asyncHidden       = (*remoteHidden)(nil)
		_ async.CallFactory = (*remoteHidden)(nil)
		_                   = serveHidden
		_                   = remoteHiddenCalls.peek
	)
}
