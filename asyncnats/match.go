package asyncnats

import "strings"

// matches reports whether a subject is one of a pattern, in which * stands for a token
// and > at the end for one or more.
func matches(pattern, subject string) bool {
	for {
		p, morePattern, patternGoesOn := strings.Cut(pattern, ".")
		s, moreSubject, subjectGoesOn := strings.Cut(subject, ".")
		switch {
		case p == ">" && !patternGoesOn:
			return true
		case p != "*" && p != s:
			return false
		case patternGoesOn != subjectGoesOn:
			return false
		case !patternGoesOn:
			return true
		}
		pattern, subject = morePattern, moreSubject
	}
}
