package hunt

import (
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/seed4712c49f/async"
)

// This file judges a panic that comes out of an operation: it is a result that has to
// be raised, or the library names a mistake of the program, or it is a failure.

// raised records what came out of an operation as a panic.
func (w *World) raised(o *Op, x *entry, p any) {
	switch v := p.(type) {
	case *async.PanicError:
		tokens := tokensOf(v)
		for _, token := range tokens {
			w.gave(o, token, x.takes && !w.isCallback(token)) // which is joined with those of functions
		}
		if len(tokens) > 0 {
			return
		}
		w.failAs("panic", "nobody's panic", fmt.Sprintf("%s raises a panic that is nobody's: %v", w.name(o), v))
	case panicValueError:
		w.gave(o, int(v), false)
	default:
		text := fmt.Sprint(p)
		if strings.HasPrefix(text, "async: ") && w.misused(o) {
			return
		}
		stack := string(debug.Stack())
		w.failAs("panic", text+where(stack), fmt.Sprintf("%s panics: %s\n%s", w.name(o), text, libraryFrames(stack)))
	}
}

// isCallback reports whether a token is that of the panic of a callback.
func (w *World) isCallback(token int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.resultLocked(token).callback
}

// libraryFrames returns the frames of a stack that are of the library.
func libraryFrames(stack string) string {
	var b strings.Builder
	keep := false
	for line := range strings.Lines(stack) {
		if !strings.HasPrefix(line, "\t") {
			keep = strings.HasPrefix(line, libraryPrefix)
		}
		if keep {
			b.WriteString(line)
		}
	}
	return b.String()
}

// where returns the functions of the library at the top of a stack.
func where(stack string) string {
	var names []string
	for line := range strings.Lines(stack) {
		if name, ok := strings.CutPrefix(line, libraryPrefix); ok && len(names) < 2 {
			name = strings.ReplaceAll(strings.TrimSpace(name), "[...]", "")
			names = append(names, name[:max(strings.LastIndex(name, "("), 0)])
		}
	}
	return strings.Join(slices.Compact(names), " < ")
}

const libraryPrefix = "github.com/seed4712c49f/async."

// misused reports whether an operation was given something that it may panic for.
func (w *World) misused(o *Op) bool {
	if o.Ctx.Base == NilContext {
		return true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range append([]Ref{o.On}, o.Of...) {
		if w.released[r] {
			return true
		}
	}
	return false
}
