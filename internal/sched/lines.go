//go:build asyncexplore

package sched

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
)

// This file tells the code of a user from that of the library, in stacks: for the line of a
// step that is printed, and for what the watchdog says.

const modulePath = "github.com/seed4712c49f/async"

// notOfUser begins the names of functions that are the library's, or that only pass a call
// on.
var notOfUser = [...]string{ //nolint:gochecknoglobals // it never changes
	modulePath + ".", modulePath + "/internal/", modulePath + "/asynctest.",
	"runtime.", "sync.", "internal/", "testing.", "testing/", "created by ",
}

// root is the folder of the library, as the files of frames begin. The function of an
// iterator that is inlined has the name of the function that it is inlined into, and the
// file tells.
func root() string {
	_, file, _, _ := runtime.Caller(0)
	return strings.TrimSuffix(file, "internal/sched/lines.go")
}

// isOfUser reports whether a frame is one of the code under test, or of a test.
func isOfUser(function, file string) bool {
	if strings.HasSuffix(file, "_test.go") {
		return !strings.HasPrefix(function, "created by ")
	}
	for _, prefix := range notOfUser {
		if strings.HasPrefix(function, prefix) {
			return false
		}
	}
	rest, below := strings.CutPrefix(file, root())
	return !below || strings.Contains(rest, "/") && !strings.HasPrefix(rest, "internal/")
}

// userLine returns the file and the line of the user's code that has called the library, of
// the calling goroutine, or nothing where there is none in its stack.
func userLine() string {
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		f, more := frames.Next()
		if isOfUser(f.Function, f.File) {
			return fmt.Sprintf("%s:%d", filepath.Base(f.File), f.Line)
		}
		if !more {
			return ""
		}
	}
}

// userFrames returns the frames of the user's code in the text of a stack, whose first line
// is the header: two lines for each.
func userFrames(stack string) string {
	var b strings.Builder
	lines := strings.Split(stack, "\n")
	for i := 1; i+1 < len(lines); i += 2 {
		file, _, _ := strings.Cut(strings.TrimSpace(lines[i+1]), ":")
		if isOfUser(lines[i], file) {
			fmt.Fprintf(&b, "\n\t%s\n\t%s", lines[i], lines[i+1])
		}
	}
	return b.String()
}
