package asynctest

// This file puts into words what calls wait for, and the deadlocks among them, for the
// reports of report.go.

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/seed4712c49f/async"
)

const (
	maxDeadlocked = 20 // calls of one deadlock that are listed
	maxWaits      = 3  // things that one call waits for
)

// deadlockText is one error: the calls of a deadlock, each with what it waits for. scope is
// the name of the one that is checked.
func deadlockText(calls []async.CallInfo, scope string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "asynctest: deadlock of %s: none of them goes on before another does", plural(len(calls), "call"))
	for n, i := range calls {
		if n == maxDeadlocked {
			fmt.Fprintf(&b, "\n\tand %d more", len(calls)-n)
			break
		}
		fmt.Fprintf(&b, "\n\t%s", tag(i))
		if i.Scope != scope {
			fmt.Fprintf(&b, " of scope %q", i.Scope)
		}
		fmt.Fprintf(&b, ", begun at %s%s", origin(trim(i.Stack)), waits(i))
	}
	return b.String()
}

// waits says what a call waits for; nothing where that is not known, and for its first slot.
func waits(i async.CallInfo) string {
	var things []string
	if i.State == async.StateQueued {
		return ""
	}
	for n, w := range i.WaitsFor {
		if n == maxWaits {
			things = append(things, fmt.Sprintf("%d more", len(i.WaitsFor)-n))
			break
		}
		things = append(things, waitText(w, i.Scope))
	}
	if len(things) == 0 {
		return ""
	}
	return ", waits for " + strings.Join(things, " and for ")
}

// waitText says what one wait of a call of a scope is for, and on which line.
func waitText(w async.WaitInfo, scope string) string {
	text := w.Kind
	if w.Call != 0 {
		text += fmt.Sprintf(" #%d", w.Call)
	}
	if w.Name != "" {
		text += fmt.Sprintf(" %q", w.Name)
	}
	if w.Call != 0 && w.Scope != scope {
		text += fmt.Sprintf(" of scope %q", w.Scope)
	}
	switch w.Kind {
	case "slot", "room":
		text = fmt.Sprintf("%s in scope %q", w.Kind, w.Name)
	case "more":
		text = w.Name + " more things"
	}
	if w.Line != "" {
		text += " at " + filepath.Base(w.Line)
	}
	return text
}
