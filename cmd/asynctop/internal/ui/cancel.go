package ui

import (
	"errors"
	"fmt"

	tea "charm.land/bubbletea/v2"
	"github.com/seed4712c49f/async/asyncview"
	"github.com/seed4712c49f/async/cmd/asynctop/internal/feed"
	"github.com/seed4712c49f/async/cmd/asynctop/internal/plain"
)

// This file has canceling: what is asked before, and what is said after.

// ask asks whether to cancel what is marked.
func (m *Model) ask() tea.Cmd {
	if m.picture == nil {
		return nil
	}
	if !m.picture.report.CanCancel {
		m.notice = "this view cancels nothing: the program did not give it asyncview.AllowCancel"
		return nil
	}
	it := m.at()
	if top := m.top(); top != nil && it.ref == (asyncview.Ref{}) {
		it.ref, it.name = top.subject(m)
	}
	switch {
	case it.ref == (asyncview.Ref{}):
		m.notice = "one call, or one scope, can be canceled: mark it"
	case it.ref.Call == 0:
		m.confirm = &confirm{fmt.Sprintf("Cancel all that is queued in %s? y/n", it.name), it.ref}
	default:
		m.confirm = &confirm{fmt.Sprintf("Cancel %s? y/n", it.name), it.ref}
	}
	return nil
}

// canceled says what has become of it.
func (m *Model) canceled(msg canceledMsg) {
	switch {
	case errors.Is(msg.err, feed.ErrRefused):
		m.notice = "not canceled: the server does not allow it"
	case msg.err != nil:
		m.notice = "not canceled: " + msg.err.Error()
	default:
		m.notice = plain.Line(msg.answer.Text)
	}
}
