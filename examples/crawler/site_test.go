package main

import (
	"fmt"
	"net/http/httptest"
	"net/url"
	"reflect"
	"testing"
)

// The same seed makes the same site, another another.
func TestSite_seed(t *testing.T) {
	if !reflect.DeepEqual(newSite(7, 200), newSite(7, 200)) {
		t.Error("the same seed makes two sites")
	}
	if reflect.DeepEqual(newSite(7, 200), newSite(8, 200)) {
		t.Error("two seeds make the same site")
	}
}

// Whatever the seed, every page can be reached over pages that are not broken.
func TestSite_reachable(t *testing.T) {
	for seed := range uint64(100) {
		s := newSite(seed, 200)
		reached := map[int]bool{0: true}
		for queue := []int{0}; len(queue) > 0; queue = queue[1:] {
			p := s.sheets[queue[0]]
			if p.kind >= kindMoved {
				continue
			}
			for _, i := range p.links {
				if !reached[i] {
					reached[i] = true
					queue = append(queue, i)
				}
			}
		}
		if len(reached) != 200 {
			t.Errorf("seed %d: %d pages can be reached", seed, len(reached))
		}
	}
}

// Each kind of page answers as it should, and the crawl makes of it what it is.
func TestSite_kinds(t *testing.T) {
	s := &site{index: make(map[string]int)}
	for k := kindPlain; k <= kindCut; k++ {
		s.sheets = append(s.sheets, sheet{path: fmt.Sprintf("/%d", k), kind: k, size: 6000, links: []int{1, 2}})
		s.index[s.sheets[k].path] = int(k)
	}
	s.sheets[kindLarge].size = 2 * pageLimit
	server := httptest.NewServer(s)
	defer server.Close()
	client := newClient(1)
	defer client.CloseIdleConnections()
	for k, want := range map[kind]string{
		kindPlain:   "[/ / /1 /2] <nil>", // with the one to another host
		kindSlow:    "[/ / /1 /2] <nil>",
		kindLarge:   "[/ / /1 /2] <nil>",
		kindMoved:   "[/1] <nil>",
		kindGone:    "[] answered 404 Not Found",
		kindError:   "[] answered 500 Internal Server Error",
		kindCut:     "[] cut short",
		kindCut + 1: "[] answered 404 Not Found",
	} {
		u, err := url.Parse(fmt.Sprintf("%s/%d", server.URL, k))
		if err != nil {
			t.Fatal(err)
		}
		got, err := get(t.Context(), client, u)
		paths := []string{}
		for _, l := range got.links {
			paths = append(paths, l.Path)
		}
		if text := fmt.Sprint(paths, err); text != want {
			t.Errorf("kind %d: got %s, want %s", k, text, want)
		}
		if k == kindLarge && got.size < 2*pageLimit-100 || k <= kindLarge && got.size < 5000 {
			t.Errorf("kind %d: %d bytes", k, got.size)
		}
	}
}

// A server says so where it saw a page twice.
func TestServer_summary(t *testing.T) {
	v := &server{requests: map[string]int{"/": 1, "/a": 2}}
	w := httptest.NewRecorder()
	v.summary(w.Body)
	if got, want := w.Body.String(), "The site counted 3 requests, up to 2 for the same page.\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	var none *server
	none.summary(w.Body)
	none.stop()
}

func TestLinks(t *testing.T) {
	u := &url.URL{Scheme: "http", Host: "h", Path: "/d/p"}
	const page = `<A class="x" HREF="a">1</a> <a href='/b?x=1&amp;y=2#f'> <a href=c>x</a><abbr href=no> <a name="no"> <a
		href = "http://k/">  <a href="http://[">`
	if got, want := fmt.Sprint(links(u, []byte(page))), "[http://h/d/a http://h/b?x=1&y=2 http://h/d/c http://k/]"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
