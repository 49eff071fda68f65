package asyncview

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/seed4712c49f/async"
)

// A View shows some scopes. It comes from [Handler] or [For] and is an [http.Handler]. Its
// methods may be called by any number of goroutines at the same time.
type View struct {
	scopes func() []*async.Scope
	cancel bool
}

// Handler returns a view of the scopes that changes nothing.
func Handler(scopes ...*async.Scope) *View {
	return For(func() []*async.Scope { return scopes })
}

// For returns a view of the scopes that a function returns, which is asked at every look.
func For(scopes func() []*async.Scope, opts ...Option) *View {
	v := &View{scopes: scopes}
	for _, o := range opts {
		o.apply(v)
	}
	return v
}

// An Option says how a [View] is to be.
type Option interface{ apply(*View) }

type allowCancel struct{}

func (allowCancel) apply(v *View) { v.cancel = true }

// AllowCancel lets calls be canceled through the view.
func AllowCancel() Option { return allowCancel{} }

// Report looks at the scopes, and lists the calls that q asks for.
func (v *View) Report(q Query) *Report {
	r := &Report{Version: Version, Time: time.Now(), CanCancel: v.cancel, Query: q}
	for i, s := range v.scopes() {
		r.Scopes = append(r.Scopes, Scope{Key: i + 1, Name: s.Name(), Stats: Stats(s.Stats())})
		for c := range s.InFlight() {
			r.Calls = append(r.Calls, Call{Scope: i + 1, ID: c.ID, Name: c.Name, State: Running, Began: c.Began})
		}
	}
	return r
}

// ServeHTTP serves the view.
func (v *View) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	json.NewEncoder(w).Encode(v.Report(Query{}))
}
