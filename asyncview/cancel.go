package asyncview

import (
	"bytes"
	"fmt"
	"net/http"
)

// This file is the one thing that a view can change, where AllowCancel is given.

// mostForm is how long the body of a POST may be.
const mostForm = 4096

// serveCancel cancels a call, or what is queued in a scope.
func (v *View) serveCancel(w http.ResponseWriter, r *http.Request) {
	switch {
	case !v.cancel:
		v.fail(w, r, http.StatusForbidden, "nothing can be changed through this view: see AllowCancel")
		return
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", "POST")
		v.fail(w, r, http.StatusMethodNotAllowed, "only POST is allowed here")
		return
	}
	if err := v.origin.Check(r); err != nil {
		v.fail(w, r, http.StatusForbidden, "the request comes from a page of another site")
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, mostForm)
	if err := r.ParseForm(); err != nil {
		v.fail(w, r, http.StatusBadRequest, "the form cannot be read")
		return
	}
	ref := refOf(r.FormValue) // of the form, or else of the address
	if ref.Call == 0 && r.FormValue("call") != "" {
		v.fail(w, r, http.StatusBadRequest, "the call is no number of one")
		return
	}
	s, err := v.see(r.Context(), Query{Scope: -1, Sort: ByAge, Group: Flat, Limit: 1}, usedFor)
	if err != nil {
		v.fail(w, r, http.StatusServiceUnavailable, "the request ended")
		return
	}
	status, done := s.cancel(ref, r.FormValue("queue") != "")
	v.forget(r.Context())
	v.answer(w, r, status, done)
}

// cancel cancels what a form asks for, and says what was done.
func (s *seen) cancel(ref Ref, queue bool) (status int, done Canceled) {
	w := s.scope(ref.Scope)
	done = Canceled{Version: Version, Scope: ref.Scope, Call: ref.Call}
	switch {
	case ref.Scope == 0 || queue == (ref.Call != 0):
		done.Text = "it is not said what is to be canceled: scope=KEY&call=ID is a call, scope=KEY&queue=1 the queue of a scope"
		return http.StatusBadRequest, done
	case w == nil:
		done.Text = fmt.Sprintf("there is no scope with the key %d", ref.Scope)
		return http.StatusNotFound, done
	case queue:
		done.Count = w.scope.CancelQueued(ErrCanceled)
		done.Text = fmt.Sprintf("%s: %s", w.title(), count(done.Count, "queued call was canceled", "queued calls were canceled"))
		return http.StatusOK, done
	}
	info, ok := w.scope.Info(ref.Call)
	call := picked{ref.Scope, info}
	switch {
	case ok && w.scope.Cancel(ref.Call, ErrCanceled):
		done.Count = 1
		done.Text = fmt.Sprintf("%s: %s was canceled", w.title(), call.title())
		return http.StatusOK, done
	case ok:
		done.Text = fmt.Sprintf("%s: %s was complete already", w.title(), call.title())
		return http.StatusConflict, done
	}
	done.Text = fmt.Sprintf("%s: no call #%d is in flight", w.title(), ref.Call)
	return http.StatusNotFound, done
}

// answer tells what was done.
func (v *View) answer(w http.ResponseWriter, r *http.Request, status int, done Canceled) {
	switch formOf(r) {
	case asJSON:
		writeJSON(w, status, done)
	case asHTML:
		title := "Canceled"
		if done.Count == 0 {
			title = "Nothing was canceled"
		}
		v.writePage(w, status, "said", said{Title: title, Text: done.Text})
	default:
		writeText(w, status, func(to *bytes.Buffer) { fmt.Fprintln(to, done.Text) })
	}
}
