package ui

import (
	tea "charm.land/bubbletea/v2"
	"github.com/seed4712c49f/async/cmd/asynctop/internal/feed"
)

// Told returns the message of an update for the look that goes on. A model gets it from
// a goroutine of the source otherwise, whose turn a test cannot choose.
func Told(m *Model, u feed.Update) tea.Msg { return updateMsg{look: m.look, Update: u} }

// Late returns the message of an update for a look that is over.
func Late(m *Model, u feed.Update) tea.Msg { return updateMsg{look: m.look - 1, Update: u} }
