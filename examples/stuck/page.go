package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncview"
)

// This file serves the page, and reads it as anybody may: over HTTP.

// A page is the view of a shop's scopes, at an address of this machine.
type page struct {
	url    string
	shop   *shop
	server *http.Server
	client *http.Client
	served chan struct{} // closed when the server is over
	began  time.Time
}

const (
	path     = "/debug/async/" // where the page is
	patience = 5 * time.Second // of those who look at a demonstration; a minute is usual
	look     = time.Second / 5 // how often show looks at the page
)

// serve serves the page of s until close is called. When ctx ends, so do the requests of
// those who watch it live.
func serve(ctx context.Context, o *options, s *shop) (*page, error) {
	listener, err := o.listen("tcp", o.addr)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle(path, asyncview.For(s.scopes, asyncview.WarnAfter(patience)))
	mux.Handle("/{$}", http.RedirectHandler(path, http.StatusFound))
	p := &page{
		url: "http://" + listener.Addr().String() + path, shop: s,
		server: &http.Server{
			Handler: mux, ReadHeaderTimeout: time.Minute,
			BaseContext: func(net.Listener) context.Context { return ctx },
		},
		client: &http.Client{Transport: o.way},
		served: make(chan struct{}), began: time.Now(),
	}
	go func() {
		defer close(p.served)
		_ = p.server.Serve(listener)
	}()
	return p, nil
}

// close ends the server, and the requests that it has not answered.
func (p *page) close() {
	p.client.CloseIdleConnections()
	_ = p.server.Close()
	<-p.served
}

// whereToLook is the first lines of the program.
func (p *page) whereToLook() string {
	return fmt.Sprintf(`Five things are stuck in this program. To see which, open
  %[1]s
or, in another terminal,
  curl %[1]s

`, p.url)
}

// show prints what the page says is wrong, as soon as the page says so, and returns when ctx
// ends. As text, show prints the first screen instead, and returns when it has everything.
// The error is that of ctx where it ends before everything can be seen.
func (p *page) show(ctx context.Context, out io.Writer, text bool) error {
	for left := faults(); ; {
		report, err := p.report(ctx)
		if err != nil {
			return err
		}
		var more []fault
		for _, f := range left {
			wrong := f.in(report)
			if wrong == nil {
				more = append(more, f)
			} else if !text {
				fmt.Fprintf(out, "%6.1fs  %s\n", time.Since(p.began).Seconds(), wrong.Text)
			}
		}
		if left = more; len(left) == 0 {
			break
		}
		if err := async.Sleep(ctx, look); err != nil {
			return err
		}
	}
	if text {
		return p.print(ctx, out)
	}
	fmt.Fprintln(out, "\nThe page names all five. Ctrl-C closes the shop.")
	<-ctx.Done()
	return nil
}

// print prints the first screen as text.
func (p *page) print(ctx context.Context, out io.Writer) error {
	text, err := p.get(ctx, "text/plain")
	if err != nil {
		return err
	}
	_, err = io.WriteString(out, firstScreen(string(text)))
	return err
}

// firstScreen is a text up to its 40th line, and says how many lines follow.
func firstScreen(text string) string {
	const most = 40
	lines := strings.SplitAfter(text, "\n")
	if len(lines) <= most {
		return text
	}
	return strings.Join(lines[:most], "") + fmt.Sprintf("… and %d more lines\n\n", len(lines)-most)
}

// report returns what the page says.
func (p *page) report(ctx context.Context) (*asyncview.Report, error) {
	data, err := p.get(ctx, "application/json")
	if err != nil {
		return nil, err
	}
	r := new(asyncview.Report)
	return r, json.Unmarshal(data, r)
}

// get returns the page, as the type of content that is asked for.
func (p *page) get(ctx context.Context, content string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url, http.NoBody)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", content)
	response, err := p.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the page answers %s: %s", response.Status, data)
	}
	return data, err
}
