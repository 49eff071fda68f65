package shape

import (
	"fmt"
	"strings"
)

// Differences says how two shapes differ, a line for each place: what it is here, and what
// there. It returns nothing where they do not.
func Differences(here, there Shape) (lines []string) {
	kinds := make(map[string]string)
	for _, line := range there {
		path, kind := cut(line)
		kinds[path] = kind
	}
	for _, line := range here {
		path, kind := cut(line)
		other, both := kinds[path]
		delete(kinds, path)
		switch {
		case !both:
			lines = append(lines, fmt.Sprintf("%s is %s here, and not there", orMessage(path), kind))
		case other != kind:
			lines = append(lines, fmt.Sprintf("%s is %s here, and %s there", orMessage(path), kind, other))
		}
	}
	for _, line := range there {
		path, kind := cut(line)
		if _, left := kinds[path]; left {
			lines = append(lines, fmt.Sprintf("%s is %s there, and not here", orMessage(path), kind))
		}
	}
	return lines
}

// cut splits a line in the place and the kind.
func cut(line string) (path, kind string) {
	path, kind, found := strings.Cut(line, " ")
	if !found {
		return "", path
	}
	return path, kind
}

func orMessage(path string) string {
	if path == "" {
		return "the message"
	}
	return path
}
