package asyncnats_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go/micro"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats"
	"github.com/seed4712c49f/async/asyncnats/internal/natstest"
	"github.com/seed4712c49f/async/asyncview"
)

// wantWhere fails the test unless the call says that it waits for that, elsewhere.
func wantWhere[T any](t *testing.T, call *async.Call[T], want string) {
	t.Helper()
	waits := call.Info().WaitsFor
	if len(waits) != 1 || waits[0].Kind != "remote" || waits[0].Name != want || waits[0].Since.IsZero() {
		t.Errorf("the call waits for %+v, not for %q", waits, want)
	}
}

// Whoever looks at the scope of a client's calls sees where they are: their subject at once,
// and their server from its first heartbeat on, by the id that nats micro knows.
func TestWhere(t *testing.T) {
	bubble(t, func(t *testing.T) {
		connect := natstest.RunInside(t)
		g := newGate()
		nc := connect()
		serve(t, nc, "prices.quote", g.double, asyncnats.ServeOptions{Name: "prices"})
		c := newClient(t, connect(), asyncnats.ClientOptions{})
		scope := async.NewScope(async.ScopeOptions{Name: "shop"})
		call := asyncnats.Begin[int](t.Context(), c, "prices.quote", 1, scope, async.Name("quote"))
		g.next(t)
		wantWhere(t, call, "prices.quote")
		time.Sleep(time.Second)
		synctest.Wait()
		m, err := nc.Request("$SRV.INFO.prices", nil, patience)
		var info micro.Info
		if err != nil || json.Unmarshal(m.Data, &info) != nil || info.ID == "" {
			t.Fatalf("%s, %v", m.Data, err)
		}
		at := "prices.quote at prices " + info.ID
		wantWhere(t, call, at)
		time.Sleep(10 * time.Second) // heartbeats without the name of the service
		wantWhere(t, call, at)
		wantShown(t, scope, at)
		g.open.Set()
		wantValue(t, call, 2)
		if waits := call.Info().WaitsFor; waits != nil {
			t.Errorf("a call that is complete waits for %+v", waits)
		}
	})
}

// wantShown fails the test unless the page, the JSON, the text and the dump say where the call is.
func wantShown(t *testing.T, scope *async.Scope, at string) {
	t.Helper()
	view := asyncview.Handler(scope)
	get := func(query string) string {
		answer := httptest.NewRecorder()
		view.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/debug/async/?"+query, http.NoBody))
		return answer.Body.String()
	}
	var report asyncview.Report
	if err := json.Unmarshal([]byte(get("format=json")), &report); err != nil {
		t.Fatal(err)
	}
	if len(report.Calls) != 1 || len(report.Calls[0].WaitsFor) != 1 || report.Calls[0].WaitsFor[0].Name != at {
		t.Errorf("the JSON has %+v", report.Calls)
	}
	var dump strings.Builder
	if err := scope.Dump(&dump); err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{"page": get("format=html&view=list"), "text": get("format=text"), "dump": dump.String()} {
		if !strings.Contains(text, at) {
			t.Errorf("the %s does not say %q:\n%s", what, at, text)
		}
	}
}
