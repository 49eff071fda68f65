package asyncnats

import (
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
)

// Outcomes of a remote call where the function could not say anything itself. The error that a call
// completes with says the subject, too, or the request and the queue: errors.Is finds which it is.
var (
	// ErrNoResponders says that nobody serves the subject. By errors.Is it is
	// nats.ErrNoResponders, too.
	ErrNoResponders = fmt.Errorf("asyncnats: %w", nats.ErrNoResponders)

	// ErrDisconnected says that the connection to NATS was lost, closed or drained
	// while the call was in flight, or before it was sent. The call may have run.
	ErrDisconnected = errors.New("asyncnats: disconnected")

	// ErrResponderLost says that nothing was heard of the call for three heartbeats:
	// the server that took the call is dead, hangs, or cannot be reached, or no server
	// has said that it took the call. The call may have run. A server that is not one
	// of this package sends no heartbeats: see Plain in [ClientOptions].
	ErrResponderLost = errors.New("asyncnats: responder lost")

	// ErrTooLarge says that a request or a reply is larger than NATS, or the other
	// side, takes. The text says which of the two.
	ErrTooLarge = errors.New("asyncnats: message too large")

	// ErrBadRequest says that the server could not make sense of the request.
	ErrBadRequest = errors.New("asyncnats: bad request")

	// ErrBadReply says that the client could not make sense of the reply, or that the
	// server could not encode it.
	ErrBadReply = errors.New("asyncnats: bad reply")

	// ErrBadSubject says that nothing can be published to the subject of a call: the
	// subject is empty, or has an empty token, a wildcard, or a space.
	ErrBadSubject = errors.New("asyncnats: bad subject")

	// ErrEncode says that the request could not be encoded. Nothing was sent.
	ErrEncode = errors.New("asyncnats: request cannot be encoded")

	// ErrDiffers says that client and server have different methods of one name. It is a
	// [*DiffersError], which says how they differ. The function did not run.
	ErrDiffers = errors.New("asyncnats: client and server have different methods")

	// ErrPanicked says that the function of the server panicked. The server lives on.
	ErrPanicked = errors.New("asyncnats: function panicked")

	// ErrClientGone is the cause by which the context of a function ends when nobody
	// listens for the reply any more: the client is dead, closed or disconnected.
	ErrClientGone = errors.New("asyncnats: client gone")

	// ErrUnknownCall says that a queue has no call with the id: none was submitted, or
	// the call was complete for longer than the queue keeps results.
	ErrUnknownCall = errors.New("asyncnats: unknown call")

	// ErrGivenUp says that a request of a queue was delivered as often as it may be, and
	// that no worker has completed it. The error that says so is the last error, too: that
	// of the function, or [ErrResponderLost] where the worker died.
	ErrGivenUp = errors.New("asyncnats: given up")
)

// Codes of a [RemoteError] whose error has no name on both sides.
const (
	// CodeInternal is the code of an error that is not registered.
	CodeInternal = "500"
)

// A RemoteError is an error that a server sent. By errors.Is it is every error that the
// sender's error was and that has a name on both sides: the errors of package async and
// of this package, [context.Canceled], [context.DeadlineExceeded], and those of
// [RegisterError].
//
// An error that was one of these itself, and not only wrapped one, arrives as itself
// and not as a RemoteError.
type RemoteError struct {
	Service string // the name of the service; empty where the responder did not say
	Subject string // where the request was sent
	Code    string // the name of the error, or [CodeInternal], or what a plain service of NATS sent
	Message string // the text of the error; of a panic with the stack, where the server sends it

	is []error
}

func (e *RemoteError) Error() string {
	from := e.Subject
	if e.Service != "" {
		from = e.Service + " (" + e.Subject + ")"
	}
	return fmt.Sprintf("asyncnats: %s: %s", from, e.Message)
}

// Unwrap returns the errors that the error is on this side.
func (e *RemoteError) Unwrap() []error { return e.is }
