package feed

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
)

// This file reads the headers of a command line.

// Headers reads headers as a command line has them, "Name: value" each. One that begins
// with @ names a file with a header in each line, which readFile reads; so a password need
// not be on the command line.
func Headers(args []string, readFile func(name string) ([]byte, error)) (http.Header, error) {
	h := http.Header{}
	for _, arg := range args {
		lines := []string{arg}
		if name, ok := strings.CutPrefix(arg, "@"); ok {
			data, err := readFile(name)
			if err != nil {
				return nil, err
			}
			lines = strings.Split(string(bytes.TrimSpace(data)), "\n")
		}
		for _, line := range lines {
			name, value, ok := strings.Cut(strings.TrimSpace(line), ":")
			name, value = strings.TrimSpace(name), strings.TrimSpace(value)
			if !ok || !isToken(name) || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
				return nil, errors.New("a header is not of the form 'Name: value'") // which may be a secret: it is not quoted
			}
			h.Add(name, value)
		}
	}
	return h, nil
}

// isToken reports whether s may be the name of a header.
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	})
}
