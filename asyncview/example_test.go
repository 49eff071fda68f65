package asyncview_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"time"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncview"
)

// A view belongs behind the authentication of the program.
func ExampleHandler() {
	scope := async.NewScope(async.ScopeOptions{Name: "db", Limit: 4})

	adminsOnly := func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if user, password, _ := r.BasicAuth(); user != "admin" || password != "secret" {
				http.Error(w, "who are you?", http.StatusUnauthorized)
				return
			}
			h.ServeHTTP(w, r)
		})
	}
	mux := http.NewServeMux()
	mux.Handle("/debug/async/", adminsOnly(asyncview.Handler(scope)))

	server := httptest.NewServer(mux)
	defer server.Close()
	for _, user := range []*url.Userinfo{nil, url.UserPassword("admin", "secret")} {
		u, _ := url.Parse(server.URL + "/debug/async/")
		u.User = user
		response, err := http.Get(u.String())
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(response.StatusCode)
		response.Body.Close()
	}
	// Output:
	// 401
	// 200
}

// A demonstration warns at once of what is worth a warning after a minute in a service.
func ExampleWarnAfter() {
	scope := async.NewScope(async.ScopeOptions{Name: "db"})
	_, call := async.NewPromise[int](context.Background(), scope, async.Name("query"))
	defer call.Release()
	view := asyncview.For(func() []*async.Scope { return []*async.Scope{scope} }, asyncview.WarnAfter(time.Microsecond))

	answer := httptest.NewRecorder()
	view.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/debug/async/?format=json", http.NoBody))
	var report asyncview.Report
	if err := json.Unmarshal(answer.Body.Bytes(), &report); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report.Wrong[0].Kind, report.Wrong[0].Severity)
	// Output: oldest warning
}

// A program whose scopes come and go keeps a list of them. Whoever may see the page may
// cancel calls, too.
func ExampleFor() {
	var scopes []*async.Scope // with a mutex, in a program
	view := asyncview.For(func() []*async.Scope { return scopes }, asyncview.AllowCancel())

	tenant := async.NewScope(async.ScopeOptions{Name: "tenant 7"})
	scopes = append(scopes, tenant)
	call := async.Go(context.Background(), func(ctx context.Context) (int, error) {
		<-ctx.Done()
		return 0, ctx.Err()
	}, tenant, async.Name("import"))
	defer call.Release()

	server := httptest.NewServer(view)
	defer server.Close()
	response, err := http.PostForm(server.URL+"/cancel", url.Values{"scope": {"1"}, "call": {"1"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	fmt.Print(string(text))
	_, err = call.Await(context.Background())
	fmt.Println(err)
	// Output:
	// scope tenant 7: import #1 was canceled
	// async: call "import" canceled: asyncview: canceled by a viewer
}

// The JSON is a Report.
func ExampleReport() {
	scope := async.NewScope(async.ScopeOptions{Name: "mail", Limit: 1})
	stop := make(chan struct{})
	for range 3 {
		async.Go(context.Background(), func(context.Context) (int, error) { <-stop; return 0, nil }, scope, async.Name("send")).Release()
	}
	server := httptest.NewServer(asyncview.Handler(scope))
	defer server.Close()

	response, err := http.Get(server.URL + "/?format=json&state=queued")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer response.Body.Close()
	var report asyncview.Report
	if err := json.NewDecoder(response.Body).Decode(&report); err != nil || report.Version != asyncview.Version {
		fmt.Println(err, report.Version)
		return
	}
	for _, s := range report.Scopes {
		fmt.Printf("%s: %d of %d slots, %d queued\n", s.Name, s.Stats.Running, s.Limit, s.Stats.Queued)
	}
	for _, call := range report.Calls {
		fmt.Println(call.Name, call.ID, call.State, call.Age > time.Hour)
	}
	close(stop)
	fmt.Println(scope.Shutdown(context.Background()))
	// Output:
	// mail: 1 of 1 slots, 2 queued
	// send 2 queued false
	// send 3 queued false
	// <nil>
}

// A function learns from its context that a viewer wants it to stop.
func ExampleAllowCancel() {
	scope := async.NewScope(async.ScopeOptions{Name: "mail"})
	started, stopped := make(chan struct{}), make(chan bool)
	async.Go(context.Background(), func(ctx context.Context) (int, error) {
		close(started)
		<-ctx.Done()
		stopped <- errors.Is(context.Cause(ctx), asyncview.ErrCanceled)
		return 0, nil
	}, scope).Release()
	view := asyncview.For(func() []*async.Scope { return []*async.Scope{scope} }, asyncview.AllowCancel())

	server := httptest.NewServer(view)
	defer server.Close()
	<-started // a function that is canceled before that never runs
	response, err := http.PostForm(server.URL+"/cancel", url.Values{"scope": {"1"}, "call": {"1"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	response.Body.Close()
	fmt.Println(response.StatusCode, <-stopped)
	// Output: 200 true
}

// A view is a handler like any other.
func ExampleView_ServeHTTP() {
	view := asyncview.Handler(async.NewScope(async.ScopeOptions{Name: "idle"}))
	w := httptest.NewRecorder()
	view.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/debug/async/?q=nothing", nil))
	fmt.Println(w.Code, w.Header().Get("Content-Type"))
	// Output: 200 text/plain; charset=utf-8
}
