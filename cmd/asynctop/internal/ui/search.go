package ui

import (
	"strings"
	"unicode"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

// This file has the search: the keys write it, and the calls are filtered meanwhile.

// beginSearch lets the keys write the search.
func (m *Model) beginSearch() tea.Cmd {
	m.pages, m.focus = nil, callsSection
	m.typing, m.typed = true, m.want.Search
	return nil
}

// typeKey writes the search. What is known is filtered at each key; the server is asked at
// the end.
func (m *Model) typeKey(k tea.KeyPressMsg) tea.Cmd {
	switch k.String() {
	case "enter":
		m.typing = false
		return m.rewant()
	case "esc":
		m.typing = false
		m.search("")
		return m.rewant()
	case "ctrl+u":
		m.search("")
	case "backspace":
		m.search(butLast(m.typed))
	default:
		m.search(m.typed + k.Text)
	}
	return nil
}

// butLast returns s without what a reader takes for its last letter.
func butLast(s string) string {
	last := ""
	for rest := s; rest != ""; rest = rest[len(last):] {
		last, _ = ansi.FirstGraphemeCluster(rest, ansi.GraphemeWidth)
	}
	return strings.TrimSuffix(s, last)
}

// search looks for a text among the calls that are known.
func (m *Model) search(s string) {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, s)
	if len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "")
	}
	m.typed, m.want.Search = s, s
	if m.picture != nil {
		m.show(m.picture.report)
	}
}
