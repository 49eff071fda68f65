package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/seed4712c49f/async"
)

// The site of the program's own: pages made from a seed, on a server on loopback.

// maxPages is how many pages a site may have.
const maxPages = 100_000

// A kind is how a page of the site behaves.
type kind int

const (
	kindPlain kind = iota // answers after some milliseconds
	kindSlow              // answers after some hundreds of them
	kindLarge             // has a megabyte or more
	kindMoved             // sends its visitor to its first link
	kindGone              // answers 404
	kindError             // answers 500
	kindCut               // ends in the middle
)

// A sheet is a page of the site.
type sheet struct {
	path  string
	kind  kind
	delay time.Duration
	size  int   // of the text, in bytes
	links []int // to other pages
}

// A site is a set of pages, each of which can be reached from the first.
type site struct {
	sheets []sheet
	index  map[string]int // of a page, by path
}

// newSite makes a site: the same from the same seed.
func newSite(seed uint64, pages int) *site {
	rng := rand.New(rand.NewPCG(seed, 0))
	s := &site{index: make(map[string]int)}
	var parents []int // pages that may have others below
	for i := range pages {
		p := newSheet(rng, i)
		s.index[p.path] = i
		s.sheets = append(s.sheets, p)
		if i > 0 {
			// A page hangs below one of the last few, so that chains become long.
			from := parents[len(parents)-1-rng.IntN(min(len(parents), 60))]
			s.sheets[from].links = append(s.sheets[from].links, i)
		}
		if p.kind < kindMoved {
			parents = append(parents, i)
		}
	}
	for i := range s.sheets { // and links back, which lead nowhere new
		for range 3 {
			s.sheets[i].links = append(s.sheets[i].links, rng.IntN(i+1))
		}
	}
	return s
}

// newSheet makes page i, without links.
func newSheet(rng *rand.Rand, i int) sheet {
	sections := [...]string{"atlas", "birds", "clouds", "deserts", "engines", "forests", "glaciers", "harbors"}
	p := sheet{
		path:  fmt.Sprintf("/%s/%d", sections[rng.IntN(len(sections))], i),
		delay: time.Duration(5+rng.IntN(60)) * time.Millisecond,
		size:  2<<10 + rng.IntN(30<<10),
	}
	if i == 0 { // where all begins
		p.path = "/"
		return p
	}
	switch n := rng.IntN(100); {
	case n < 4:
		p.kind, p.delay = kindSlow, time.Duration(300+rng.IntN(400))*time.Millisecond
	case n < 7:
		p.kind, p.size = kindLarge, 1<<20+rng.IntN(2<<20)
	case n < 9:
		p.kind = kindMoved
	case n < 11:
		p.kind = kindGone
	case n < 12:
		p.kind = kindError
	case n < 13:
		p.kind = kindCut
	}
	return p
}

// String says what there is on the site.
func (s *site) String() string {
	n := make(map[kind]int)
	for _, p := range s.sheets {
		n[p.kind]++
	}
	return fmt.Sprintf("%s, %d slow, %d large, and %d broken,",
		count(len(s.sheets), "page"), n[kindSlow], n[kindLarge], n[kindGone]+n[kindError]+n[kindCut])
}

// ServeHTTP answers for every page.
func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i, ok := s.index[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	p := &s.sheets[i]
	if !sleep(r.Context(), p.delay) {
		return
	}
	switch p.kind {
	case kindGone:
		http.NotFound(w, r)
	case kindError:
		http.Error(w, "the page is out of order", http.StatusInternalServerError)
	case kindMoved:
		http.Redirect(w, r, s.sheets[p.links[0]].path, http.StatusMovedPermanently)
	default:
		s.write(w, p)
	}
}

// write writes a page. What fails because the visitor has left does not matter.
func (s *site) write(w io.Writer, p *sheet) {
	fmt.Fprintf(w, "<!doctype html>\n<title>%s</title>\n<a href=\"/#top\">home</a>\n<a href='https://example.org/'>elsewhere</a>\n", p.path)
	for _, i := range p.links {
		fmt.Fprintf(w, "<a href=\"%[1]s\">%[1]s</a>\n", s.sheets[i].path)
	}
	const line = "<p>There is nothing on this page that is worth reading.</p>\n"
	_, _ = io.WriteString(w, strings.Repeat(line, p.size/len(line)))
	if p.kind == kindCut {
		panic(http.ErrAbortHandler)
	}
}

// sleep reports whether the time passed before the visitor left.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// A server serves a site on loopback and counts the requests for each page.
type server struct {
	site *site
	url  *url.URL
	http *http.Server
	call *async.Call[struct{}] // runs the server

	mu       sync.Mutex
	requests map[string]int
}

// serve starts a server on a free port.
func serve(s *site) (*server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	v := &server{
		site:     s,
		url:      &url.URL{Scheme: "http", Host: l.Addr().String(), Path: "/"},
		requests: make(map[string]int),
	}
	v.http = &http.Server{Handler: v}
	v.call = async.Go(context.Background(), func(context.Context) (struct{}, error) {
		return struct{}{}, v.http.Serve(l)
	})
	return v, nil
}

// ServeHTTP counts a request and has the site answer it.
func (v *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	v.requests[r.URL.RequestURI()]++
	v.mu.Unlock()
	v.site.ServeHTTP(w, r)
}

// stop closes every connection and waits until the server runs no more. Without a
// server it does nothing.
func (v *server) stop() {
	if v == nil {
		return
	}
	_ = v.http.Close()
	_ = v.call.Wait(context.Background())
	v.call.Release()
}

// summary says what the server saw of the crawl.
func (v *server) summary(out io.Writer) {
	if v == nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	total, most := 0, 0
	for _, n := range v.requests {
		total += n
		most = max(most, n)
	}
	once := "none for the same page twice"
	if most > 1 {
		once = fmt.Sprintf("up to %d for the same page", most)
	}
	fmt.Fprintf(out, "The site counted %s, %s.\n", count(total, "request"), once)
}
