package asyncview_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncview"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var bg = context.Background()

// get asks a handler for a path below /debug/async/.
func get(t testing.TB, h http.Handler, path, accept string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/debug/async/"+path, nil)
	if accept != "" {
		r.Header.Set("Accept", accept)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// Every resource is served in every form.
func TestV7_Forms(t *testing.T) {
	s := async.NewScope(async.ScopeOptions{Name: "db", Limit: 2, Track: true})
	stop := make(chan struct{})
	for range 12 {
		async.Go(bg, func(context.Context) (int, error) { <-stop; return 0, nil }, s, async.Name("query")).Release()
	}
	v := asyncview.Handler(s)
	for path, status := range map[string]int{"": 200, "?group=flat": 200, "?group=name": 200, "call?scope=1&call=1": 200, "call?scope=1&call=99": 404, "nothing": 404} {
		for accept, kind := range map[string]string{"text/html,*/*;q=0.8": "text/html", "application/json": "application/json", "*/*": "text/plain", "": "text/plain"} {
			w := get(t, v, path, accept)
			if w.Code != status || !strings.HasPrefix(w.Header().Get("Content-Type"), kind+";") {
				t.Errorf("%q for %q: %d, %v", path, accept, w.Code, w.Header())
			}
		}
	}
	close(stop)
	if err := s.Shutdown(bg); err != nil {
		t.Error(err)
	}
}
