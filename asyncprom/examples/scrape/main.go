// Scrape shows what Prometheus gets of a small program.
//
//	cd asyncprom && go run ./examples/scrape
//	go run ./examples/scrape -listen localhost:9100
//
// The program has two scopes: fetches, of which some fail and one does not stop when it is
// canceled, and jobs, more than may wait. It serves its metrics over HTTP, scrapes itself,
// and prints what is not zero. With -listen it goes on until Ctrl-C, to be scraped by a real
// Prometheus at /metrics.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncprom"
)

func main() {
	listen := flag.String("listen", "", "go on serving at this address, as localhost:9100")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *listen, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run serves the metrics of two scopes, and scrapes them.
func run(ctx context.Context, listen string, out io.Writer) error {
	fetches := async.NewScope(async.ScopeOptions{Name: "fetches", Limit: 8})
	jobs := async.NewScope(async.ScopeOptions{Name: "jobs", Limit: 1, Queue: 2})
	registry := prometheus.NewRegistry()
	if err := registry.Register(asyncprom.New(fetches, jobs)); err != nil {
		return err
	}
	address := listen
	if listen == "" {
		address = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener) // until Shutdown
	}()

	end := work(ctx, fetches, jobs)
	err = scrape(ctx, "http://"+listener.Addr().String()+"/metrics", out)
	if listen != "" && err == nil {
		fmt.Fprintf(out, "serving http://%s/metrics until Ctrl-C\n", listener.Addr())
		<-ctx.Done()
	}
	end()
	ctx = context.WithoutCancel(ctx)
	err = errors.Join(err, fetches.Shutdown(ctx), jobs.Shutdown(ctx), server.Shutdown(ctx))
	<-served
	return err
}

// work makes calls of all kinds, and leaves some in flight until end is called.
func work(ctx context.Context, fetches, jobs *async.Scope) (end func()) {
	pages := []string{"a", "b", "", "d"}
	calls := async.GoEach(ctx, pages, func(_ context.Context, page string) (int, error) {
		if page == "" {
			return 0, errors.New("no such page")
		}
		return len(page), nil
	}, fetches)
	_, _ = calls.Settle(ctx)
	calls.Release()

	hold, started := make(chan struct{}), make(chan struct{})
	stubborn := async.Go(ctx, func(context.Context) (int, error) { close(started); <-hold; return 1, nil }, fetches)
	<-started
	_ = stubborn.Cancel(nil) // its function does not look at its context
	stubborn.Release()

	queue := async.GoEach(ctx, []int{1, 2, 3, 4, 5}, func(context.Context, int) (int, error) { <-hold; return 1, nil }, jobs)
	return func() {
		close(hold)
		queue.Release()
	}
}

// scrape asks for the metrics over HTTP, and prints what is not zero.
func scrape(ctx context.Context, url string, out io.Writer) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if line := lines.Text(); !strings.HasPrefix(line, "#") && !strings.HasSuffix(line, " 0") {
			fmt.Fprintln(out, line)
		}
	}
	return lines.Err()
}
