package ui

// This file says which section of the main screen has how many lines.

// room returns how many lines the sections have without their headings, and how many of
// those what is wrong and the scopes may take.
func (m *Model) room() (all, wrong, scopes int) {
	all = m.height - len(m.head()) - 1 - sections
	scopes = max(2, all/4)
	spare := all - min(m.section(scopesSection).n, scopes) - max(1, len(m.rows)) // what the others leave
	wrong = max(3, all/2, spare)
	switch m.focus {
	case wrongSection:
		wrong = max(wrong, all*2/3)
	case scopesSection:
		scopes = max(scopes, all/2)
		wrong = min(wrong, all/3)
	}
	return all, wrong, scopes
}

// fit chooses how many lines each thing that is wrong has.
func (m *Model) fit() {
	_, wrong, _ := m.room()
	for m.thrift = generous; m.thrift < thrifty && m.linesOf(wrongSection, wrong+1) > wrong; {
		m.thrift++
	}
}

// heights returns how many lines each section has, without its heading.
func (m *Model) heights() (h [sections]int) {
	all, wrong, scopes := m.room()
	if all < 6 { // too low for three: what has the focus has the screen
		h[m.focus] = max(1, all+sections-1)
		return h
	}
	h[wrongSection] = max(1, m.linesOf(wrongSection, wrong))
	h[scopesSection] = max(1, m.linesOf(scopesSection, scopes))
	h[callsSection] = max(1, all-h[wrongSection]-h[scopesSection])
	return h
}

// linesOf returns how many lines a section needs, up to a limit.
func (m *Model) linesOf(section, limit int) (n int) {
	l := m.section(section)
	for i := 0; i < l.n && n < limit; i++ {
		n += len(l.at(i, m.width-1).lines)
	}
	return min(n, limit)
}
