package main

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// pageLimit is how much of a page is searched for links. The rest is read and
// counted, but not kept.
const pageLimit = 128 << 10

// newClient returns a client that keeps as many connections as there are slots. It
// does not follow redirects: to the crawl each is a page with one link.
func newClient(limit int) *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = limit
	return &http.Client{
		Transport:     t,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// An answer is what came for a page.
type answer struct {
	size  int64
	links []*url.URL
}

// get fetches a page. With an error, the answer says how much of it has come.
func get(ctx context.Context, client *http.Client, u *url.URL) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return answer{}, err
	}
	resp, err := client.Do(req)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err // without the URL, which is shown beside it
		}
		return answer{}, err
	}
	defer resp.Body.Close()
	switch to, err := resp.Location(); {
	case resp.StatusCode/100 == 3 && err == nil:
		return redirect(u, to)
	case resp.StatusCode != http.StatusOK:
		return answer{}, fmt.Errorf("answered %s", resp.Status)
	}
	return read(u, resp)
}

// redirect is the answer of a page that has moved.
func redirect(u, to *url.URL) (answer, error) {
	if to.Scheme != u.Scheme || !strings.EqualFold(to.Host, u.Host) {
		return answer{}, fmt.Errorf("redirects to another site: %v", to)
	}
	return answer{links: []*url.URL{to}}, nil
}

// read reads a page to its end and looks for the links in what it keeps of it.
func read(u *url.URL, resp *http.Response) (answer, error) {
	head, err := io.ReadAll(io.LimitReader(resp.Body, pageLimit))
	got := answer{size: int64(len(head))}
	if err == nil {
		var rest int64
		rest, err = io.Copy(io.Discard, resp.Body)
		got.size += rest
	}
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return got, errors.New("cut short")
	case err != nil:
		return got, err
	}
	if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); kind == "text/html" {
		got.links = links(u, head)
	}
	return got, nil
}

// anchor finds the target of a link, quoted either way or not at all. A crawler
// in earnest would parse the page.
var anchor = regexp.MustCompile(`(?i)<a\s[^>]*?href\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))`)

// links returns the targets of the links on the page at u, without fragments.
// What is no URL is left out.
func links(u *url.URL, body []byte) (found []*url.URL) {
	for _, m := range anchor.FindAllSubmatch(body, -1) {
		ref := html.UnescapeString(string(m[1]) + string(m[2]) + string(m[3]))
		if to, err := u.Parse(ref); err == nil {
			to.Fragment, to.RawFragment = "", ""
			found = append(found, to)
		}
	}
	return found
}
