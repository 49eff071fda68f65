package asyncview

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
)

// This file is the handler: what is served at which path, and in which form.

// policy lets a page have what this package serves, and nothing else: no script and no style
// that stands in the page, nothing of another site, no frame.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// ServeHTTP serves the view. The last element of the path says what is wanted, so the view
// may be mounted at any path that ends in a slash.
func (v *View) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin") // without, a browser hides the origin of the form that cancels
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept")
	_, name := path.Split(r.URL.Path)
	f, isFile := v.files[name]
	switch {
	case name == "cancel":
		v.serveCancel(w, r)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		h.Set("Allow", "GET, HEAD")
		v.fail(w, r, http.StatusMethodNotAllowed, "only GET is allowed here")
	case name == "":
		v.serveAll(w, r)
	case name == "call":
		v.serveCall(w, r)
	case name == "events":
		v.serveEvents(w, r)
	case isFile:
		f.serve(w, r)
	default:
		v.fail(w, r, http.StatusNotFound, "there is no such page")
	}
}

// A form is how an answer is written.
type form string

// The forms.
const (
	asHTML form = "html"
	asJSON form = "json"
	asText form = "text"
)

// formOf returns the form that a request asks for: by the parameter format, else by the
// header Accept, else text.
func formOf(r *http.Request) form {
	switch f := form(r.URL.Query().Get("format")); f {
	case asHTML, asJSON, asText:
		return f
	}
	for _, accept := range r.Header.Values("Accept") {
		for part := range strings.SplitSeq(accept, ",") {
			switch kind, _, _ := mime.ParseMediaType(part); kind {
			case "text/html", "application/xhtml+xml":
				return asHTML
			case "application/json":
				return asJSON
			case "text/plain":
				return asText
			}
		}
	}
	return asText
}

// queryOf returns the query that the parameters of a request make, and the parameters that it
// could not follow: what makes no sense is as if it were not there.
func queryOf(r *http.Request) (q Query, ignored []string) {
	values := r.URL.Query()
	get := values.Get
	q = Query{
		Search: printable(strings.TrimSpace(get("q")), mostName),
		Name:   printable(get("name"), mostName),
		State:  State(get("state")), Sort: Sort(get("sort")), Group: Group(get("group")),
		Limit: usualCalls,
	}
	known := map[string]bool{"q": true, "name": true}
	f := form(get("format"))
	known["format"] = oneOf(&f, asText, asHTML, asJSON)
	known["state"] = oneOf(&q.State, "", Queued, Running, Lent, Stopping, Ending)
	known["sort"] = oneOf(&q.Sort, ByAge, ByNewest, ByName)
	known["group"] = oneOf(&q.Group, Tree, Names, Flat)
	var err error
	q.Scope, err = strconv.Atoi(get("scope"))
	known["scope"] = err == nil
	q.Stacks, err = strconv.ParseBool(get("stacks"))
	known["stacks"] = err == nil
	n, err := strconv.Atoi(get("limit"))
	if known["limit"] = err == nil && n > 0 && n <= mostCalls; err == nil && n > 0 {
		q.Limit = min(n, mostCalls)
	}
	for name, list := range values {
		if value := strings.Join(list, ","); !known[name] && value != "" {
			ignored = append(ignored, printable(name+"="+value, mostName))
		}
	}
	slices.Sort(ignored)
	return q, ignored[:min(len(ignored), mostIgnored)]
}

// mostIgnored is how many parameters that were ignored a report lists.
const mostIgnored = 10

// oneOf reports whether a parameter is one of the words, and makes it the first where not.
func oneOf[S ~string](value *S, words ...S) bool {
	if slices.Contains(words, *value) {
		return true
	}
	*value = words[0]
	return false
}

// serveAll serves what is wrong, the scopes and the calls.
func (v *View) serveAll(w http.ResponseWriter, r *http.Request) {
	q, ignored := queryOf(r)
	s, err := v.see(r.Context(), q, 0)
	if err != nil {
		v.fail(w, r, http.StatusServiceUnavailable, "the request ended")
		return
	}
	report := s.report()
	report.Ignored = ignored
	switch formOf(r) {
	case asJSON:
		writeJSON(w, http.StatusOK, report)
	case asHTML:
		v.writePage(w, http.StatusOK, "all", newPage(report))
	default:
		writeText(w, http.StatusOK, func(to *bytes.Buffer) { s.write(to, report) })
	}
}

// serveCall serves one call.
func (v *View) serveCall(w http.ResponseWriter, r *http.Request) {
	report, err := v.reportCall(r.Context(), refOf(r.URL.Query().Get))
	if err != nil {
		v.fail(w, r, http.StatusServiceUnavailable, "the request ended")
		return
	}
	status := http.StatusOK
	if !report.Detail.Found {
		status = http.StatusNotFound
	}
	switch formOf(r) {
	case asJSON:
		writeJSON(w, status, report)
	case asHTML:
		v.writePage(w, status, "one", newPage(report))
	default:
		writeText(w, status, func(to *bytes.Buffer) { writeDetail(to, report) })
	}
}

// refOf returns the call that parameters name.
func refOf(get func(string) string) (r Ref) {
	r.Scope, _ = strconv.Atoi(get("scope"))
	r.Call, _ = strconv.ParseUint(get("call"), 10, 64)
	return r
}

// reportCall returns a report about one call; no others are listed.
func (v *View) reportCall(ctx context.Context, ref Ref) (*Report, error) {
	s, err := v.see(ctx, Query{Scope: -1, Sort: ByAge, Group: Flat, Limit: 1}, 0)
	if err != nil {
		return nil, err
	}
	d, err := s.detail(ctx, ref)
	if err != nil {
		return nil, err
	}
	r := s.report()
	r.Detail = d
	return r, nil
}

// fail answers that something cannot be done.
func (v *View) fail(w http.ResponseWriter, r *http.Request, status int, text string) {
	switch formOf(r) {
	case asJSON:
		writeJSON(w, status, map[string]any{"version": Version, "error": text})
	case asHTML:
		v.writePage(w, status, "said", said{Title: http.StatusText(status), Text: text})
	default:
		writeText(w, status, func(to *bytes.Buffer) { fmt.Fprintln(to, text) })
	}
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a client that is gone is none of our affairs
}

func writeText(w http.ResponseWriter, status int, write func(to *bytes.Buffer)) {
	var b bytes.Buffer
	write(&b)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = b.WriteTo(w)
}

// writePage writes a page by its template: as a whole, or nothing of it.
func (v *View) writePage(w http.ResponseWriter, status int, name string, data any) {
	var b bytes.Buffer
	if err := v.page.ExecuteTemplate(&b, name, data); err != nil {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, printable(err.Error(), mostError))
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = b.WriteTo(w)
}
