// Crawl follows the links of a small web site. Each page that arrives names more
// pages to fetch, so the set of calls to wait for grows while it is waited on.
//
// Output:
//
//	5 pages: [/ /a /b /c /d]
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/seed4712c49f/async"
)

// site maps the path of each page to the links on it.
var site = map[string]string{"/": "/a /b", "/a": "/c /b", "/b": "/ /c", "/c": "/d", "/d": "/"}

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, site[r.URL.Path])
	})}
	defer server.Close()
	go func() { _ = server.Serve(l) }()

	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // where one page fails, the others are not needed
	var fetches async.Set[*async.Call[string]]
	defer fetches.Release()
	seen := map[string]bool{}
	visit := func(path string) {
		if seen[path] {
			return
		}
		seen[path] = true
		call := async.Go(ctx, func(ctx context.Context) (string, error) {
			return fetch(ctx, "http://"+l.Addr().String()+path)
		})
		fetches.Add(call, call)
	}

	visit("/")
	for call := range fetches.All(ctx) {
		links, err := call.Finish()
		if err != nil {
			return err
		}
		for link := range strings.FieldsSeq(links) {
			visit(link)
		}
	}
	fmt.Printf("%d pages: %v\n", len(seen), slices.Sorted(maps.Keys(seen)))
	return ctx.Err() // All ends quietly when its context does
}

func fetch(ctx context.Context, url string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}
