package feed

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"

	"github.com/seed4712c49f/async/asyncview"
	"github.com/seed4712c49f/async/cmd/asynctop/internal/plain"
)

// The kinds of an [Error].
var (
	ErrAway    = errors.New("the server is away")             // it may come back: it is asked again
	ErrRefused = errors.New("the server refuses")             // 401 or 403
	ErrNoView  = errors.New("what answers is no asyncview")   // another page, or none
	ErrSchema  = errors.New("the schema of the view differs") // it is of another version of the library
)

// An Error says why there is no answer. It is one of ErrAway, ErrRefused, ErrNoView and
// ErrSchema by errors.Is, and also what it comes from.
type Error struct {
	Kind error  // one of those
	Text string // says it to a person, in one line
	Err  error  // what it comes from; may be nil
}

func (e *Error) Error() string { return e.Text }

// Unwrap returns the kind, and what the error comes from.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}

// away returns the error of a request that had no answer, or not all of one.
func (f *Feed) away(ctx context.Context, err error) error {
	why := err
	if u, ok := errors.AsType[*url.Error](err); ok {
		why = u.Err
	}
	text := plain.Line(why.Error())
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		text = fmt.Sprintf("no answer within %v", timeout)
	} else if op, ok := errors.AsType[*net.OpError](err); ok {
		text = plain.Line(op.Err.Error())
	}
	return &Error{ErrAway, fmt.Sprintf("cannot reach %s: %s", f.host(), text), err}
}

// refusal returns the error of an answer that is none of success. said is what the view
// says; nothing where no view does.
func (f *Feed) refusal(resp *http.Response, said string) error {
	status := fmt.Sprintf("%d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	if said != "" {
		status += ": " + said
	}
	switch resp.StatusCode {
	case http.StatusUnauthorized:
		text := "%s asks for credentials (%s): give them by -H 'Authorization: …'"
		if f.header.Get("Authorization") != "" || f.base.User != nil {
			text = "%s does not accept the credentials that were given (%s)"
		}
		return &Error{ErrRefused, fmt.Sprintf(text, f.host(), status), nil}
	case http.StatusForbidden:
		return &Error{ErrRefused, fmt.Sprintf("%s does not allow this (%s)", f.host(), status), nil}
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return &Error{ErrAway, fmt.Sprintf("%s answers %s", f.host(), status), nil}
	case http.StatusNotFound:
		return f.noView(nil, fmt.Sprintf("it answers %s; the path is usually /debug/async/", status))
	}
	return f.noView(nil, "it answers "+status)
}

// strange says what came in place of JSON.
func (f *Feed) strange(resp *http.Response, mediaType string) string {
	text := "its answer is of no type"
	if mediaType != "" {
		text = "its answer is " + plain.Cut(plain.Line(mediaType), 60)
	}
	if to := resp.Request.URL; to.Host != f.base.Host || to.Path != f.base.Path {
		text += ", after a redirect to " + plain.Cut(plain.Line(to.Host+to.Path), 100)
	}
	return text
}

// noView returns the error of an answer that no view gives.
func (f *Feed) noView(err error, why string) error {
	return &Error{ErrNoView, fmt.Sprintf("what answers at %s is no asyncview: %s", plain.Line(f.Address()), why), err}
}

func (f *Feed) tooLarge() error {
	return &Error{ErrNoView, fmt.Sprintf("the report of %s is larger than %d MiB: ask for fewer calls by -limit", f.host(), maxReport>>20), nil}
}

func (f *Feed) schema(version int) error {
	return &Error{ErrSchema, fmt.Sprintf("%s speaks version %d of the schema, and this asynctop version %d: use the asynctop of the version of async that the program has",
		f.host(), version, asyncview.Version), nil}
}

// host names the server in an error.
func (f *Feed) host() string { return plain.Cut(plain.Line(f.base.Host), 60) }
