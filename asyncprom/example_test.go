package asyncprom_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncprom"
)

// A program that is scraped for the ledger of one scope.
func ExampleNew() {
	scope := async.NewScope(async.ScopeOptions{Name: "fetches", Limit: 8})
	registry := prometheus.NewRegistry()
	registry.MustRegister(asyncprom.New(scope))
	server := httptest.NewServer(promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	defer server.Close()

	ctx := context.Background()
	_, _ = async.Go(ctx, func(context.Context) (int, error) { return 1, nil }, scope).Await(ctx)
	resp, err := http.Get(server.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "async_calls_completed_total") && !strings.HasSuffix(line, " 0\n") {
			fmt.Print(line)
		}
	}
	// Output:
	// async_calls_completed_total{outcome="returned",scope="fetches"} 1
}

// Scopes that come and go: here those of the tenants that are there at the moment.
func ExampleFor() {
	tenants := map[string]*async.Scope{
		"red":  async.NewScope(async.ScopeOptions{Name: "red"}),
		"blue": async.NewScope(async.ScopeOptions{Name: "blue"}),
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(asyncprom.For(func() (scopes []*async.Scope) {
		for _, scope := range tenants { // a real program holds a lock here
			scopes = append(scopes, scope)
		}
		return scopes
	}))
	families, err := registry.Gather()
	fmt.Println(len(families), err)
	// Output:
	// 11 <nil>
}
