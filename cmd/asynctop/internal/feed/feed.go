// Package feed gets the reports of a view that another program serves by package
// asyncview: one at a time, or one after the other for as long as somebody looks. It also
// cancels calls where the view allows that. The command asynctop asks it for all that it
// shows.
//
// Every text in an error of this package may be shown on a terminal: what the server sent
// is in it by way of package plain only.
package feed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/seed4712c49f/async/asyncview"
	"github.com/seed4712c49f/async/cmd/asynctop/internal/plain"
)

const (
	maxReport = 64 << 20         // bytes of one report that are read
	timeout   = 20 * time.Second // for an answer to one request
)

// A Feed asks one view. It comes from [New]. Its methods may be called by any number of
// goroutines at the same time.
type Feed struct {
	base   url.URL // ends in a slash
	header http.Header
	client *http.Client

	// Interval is the time between two looks of Watch. Zero is as often as the server
	// sends, about once a second.
	Interval time.Duration

	stall time.Duration // how long events may stay away
	pause time.Duration // between two looks, where the server sends no events
	first time.Duration // the first pause after a failure; each is twice the one before
	last  time.Duration // the longest
}

// New returns a feed of the view at an address, such as
// http://localhost:8080/debug/async/. The scheme may be left out where it is http. Each
// header is sent with every request. New asks the server for nothing; its errors are of an
// address or a header that cannot be right.
func New(address string, header http.Header) (*Feed, error) {
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return nil, fmt.Errorf("the address is none: %w", errors.Unwrap(err))
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("the address begins with %q, not with http:// or https://", u.Scheme+"://")
	case u.Host == "" || u.Hostname() == "":
		return nil, errors.New("the address names no host, as http://localhost:8080/debug/async/ does")
	}
	if !strings.HasSuffix(u.Path, "/") {
		u.Path += "/"
	}
	u.Fragment = ""
	transport := http.DefaultTransport.(*http.Transport).Clone()
	return &Feed{
		base: *u, header: header, client: &http.Client{Transport: transport},
		stall: 15 * time.Second, pause: time.Second, first: time.Second, last: 10 * time.Second,
	}, nil
}

// Close closes the connections that are not in use.
func (f *Feed) Close() { f.client.CloseIdleConnections() }

// Address returns the address of the view, without the password that may be in it.
func (f *Feed) Address() string {
	u := f.base
	if u.User != nil {
		u.User = url.User(u.User.Username())
	}
	u.RawQuery = ""
	return u.String()
}

// Report returns one report of the calls that q asks for. It returns when the answer has
// come whole, or with an *[Error] when there is none, or with that of ctx.
func (f *Feed) Report(ctx context.Context, q asyncview.Query) (*asyncview.Report, error) {
	return f.report(ctx, "", parameters(q))
}

// Call returns a report whose Detail is one call. It is like [Feed.Report].
func (f *Feed) Call(ctx context.Context, ref asyncview.Ref) (*asyncview.Report, error) {
	r, err := f.report(ctx, "call", parametersOf(ref))
	if err == nil && r.Detail == nil {
		return nil, f.noView(nil, "it has no page of a call")
	}
	return r, err
}

// Cancel cancels a call; where ref.Call is zero, all calls in the queue of the scope. The
// answer says what was done. It is like [Feed.Report].
func (f *Feed) Cancel(ctx context.Context, ref asyncview.Ref) (*asyncview.Canceled, error) {
	form := parametersOf(ref)
	if ref.Call == 0 {
		form.Del("call")
		form.Set("queue", "1")
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	data, err := f.ask(ctx, http.MethodPost, "cancel", url.Values{}, form)
	if err != nil {
		return nil, err
	}
	c := new(asyncview.Canceled)
	if err := json.Unmarshal(data, c); err != nil || c.Version == 0 {
		return nil, f.noView(err, "its answer is no JSON of that kind")
	}
	if c.Version != asyncview.Version {
		return nil, f.schema(c.Version)
	}
	return c, nil
}

// report asks for a report at a path below the base.
func (f *Feed) report(ctx context.Context, path string, params url.Values) (*asyncview.Report, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	data, err := f.ask(ctx, http.MethodGet, path, params, nil)
	if err != nil {
		return nil, err
	}
	return f.decode(data)
}

// ask sends a request and returns the body of its answer, which is JSON.
func (f *Feed) ask(ctx context.Context, method, path string, params, form url.Values) ([]byte, error) {
	resp, err := f.open(ctx, method, path, params, form)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	success := isSuccess(resp)
	if got := mediaType(resp); got != "application/json" {
		if !success {
			return nil, f.refusal(resp, "")
		}
		return nil, f.noView(nil, f.strange(resp, got))
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxReport+1))
	switch {
	case err != nil:
		return nil, f.away(ctx, err)
	case len(data) > maxReport:
		return nil, f.tooLarge()
	case !success && !isAnswer(data):
		return nil, f.refusal(resp, errorOf(data))
	}
	return data, nil
}

func isSuccess(resp *http.Response) bool { return resp.StatusCode >= 200 && resp.StatusCode <= 299 }

// isAnswer reports whether the body of an answer without success is what was asked for: a
// report that says that a call is not in flight, or why nothing was canceled.
func isAnswer(data []byte) bool {
	var a struct {
		Version int             `json:"version"`
		Detail  json.RawMessage `json:"detail"`
		Text    string          `json:"text"`
	}
	return json.Unmarshal(data, &a) == nil && a.Version != 0 && (a.Detail != nil || a.Text != "")
}

// errorOf returns what a view says that it cannot do; nothing where no view says anything.
func errorOf(data []byte) string {
	var a struct {
		Version int    `json:"version"`
		Error   string `json:"error"`
	}
	if json.Unmarshal(data, &a) != nil || a.Version == 0 {
		return ""
	}
	return plain.Cut(plain.Line(a.Error), 200)
}

// open sends a request and returns the answer, of whatever status. The caller closes its
// body.
func (f *Feed) open(ctx context.Context, method, path string, params, form url.Values) (*http.Response, error) {
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(ctx, method, f.address(path, params), body)
	if err != nil {
		return nil, f.away(ctx, err)
	}
	maps.Copy(req.Header, f.header)
	if host := f.header.Get("Host"); host != "" {
		req.Host = host
	}
	req.Header.Set("Accept", "application/json")
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := f.client.Do(req)
	if err != nil {
		return nil, f.away(ctx, err)
	}
	return resp, nil
}

// address returns the address of a path below the base. The parameters of the base are
// kept.
func (f *Feed) address(path string, params url.Values) string {
	u := f.base
	u.Path += path
	if u.RawPath != "" {
		u.RawPath += path
	}
	all := u.Query()
	maps.Copy(all, params)
	all.Set("format", "json")
	u.RawQuery = all.Encode()
	return u.String()
}

// decode reads a report.
func (f *Feed) decode(data []byte) (*asyncview.Report, error) {
	r := new(asyncview.Report)
	err := json.Unmarshal(data, r)
	if err != nil || r.Version != asyncview.Version {
		var only struct {
			Version int `json:"version"`
		}
		if json.Unmarshal(data, &only) == nil && only.Version != 0 && only.Version != asyncview.Version {
			return nil, f.schema(only.Version)
		}
		return nil, f.noView(err, "its answer is JSON of another kind")
	}
	return r, nil
}

// parameters returns what asks for q.
func parameters(q asyncview.Query) url.Values {
	v := url.Values{}
	set := func(name, value string) {
		if value != "" && value != "0" {
			v.Set(name, value)
		}
	}
	set("q", q.Search)
	set("scope", strconv.Itoa(q.Scope))
	set("state", string(q.State))
	set("name", q.Name)
	set("sort", string(q.Sort))
	set("group", string(q.Group))
	set("limit", strconv.Itoa(q.Limit))
	if q.Stacks {
		set("stacks", "1")
	}
	return v
}

func parametersOf(ref asyncview.Ref) url.Values {
	return url.Values{"scope": {strconv.Itoa(ref.Scope)}, "call": {strconv.FormatUint(ref.Call, 10)}}
}

func mediaType(resp *http.Response) string {
	t, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return t
}
