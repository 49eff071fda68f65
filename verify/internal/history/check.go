package history

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// patience is how long one history may be checked. They are short: it takes well
// below a millisecond.
const patience = 30 * time.Second

// An IllegalError is a history that no sequential object of its model has.
type IllegalError struct {
	Result porcupine.CheckResult // Illegal, or Unknown where the checker gave up
	Page   string                // a page to look at
	Text   string                // the same as lines, in the order in which the operations began
}

func (e *IllegalError) Error() string {
	return fmt.Sprintf("the history is %s; see %s\n%s", e.Result, e.Page, e.Text)
}

// Check returns an *IllegalError unless the history is one of the model's.
func Check(m porcupine.Model, ops []porcupine.Operation) error {
	result, info := porcupine.CheckOperationsVerbose(m, ops, patience)
	if result == porcupine.Ok {
		return nil
	}
	return &IllegalError{Result: result, Page: draw(m, info), Text: list(m, ops)}
}

// list prints each operation with its client, when it began and when it ended.
func list(m porcupine.Model, ops []porcupine.Operation) string {
	ops = slices.SortedFunc(slices.Values(ops), func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
	var b strings.Builder
	for _, o := range ops {
		fmt.Fprintf(&b, "%3d–%-3d client %d  %s\n", o.Call, o.Return, o.ClientId, m.DescribeOperation(o.Input, o.Output))
	}
	return b.String()
}

// draw writes the page, in a folder that is kept, and returns its name, or why
// there is none.
func draw(m porcupine.Model, info porcupine.LinearizationInfo) string {
	dir, err := os.MkdirTemp("", "async-history-")
	if err != nil {
		return err.Error()
	}
	page := filepath.Join(dir, "history.html")
	if err := porcupine.VisualizePath(m, info, page); err != nil {
		return err.Error()
	}
	return page
}
