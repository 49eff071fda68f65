package unreleased

// The mend: a deferred Release behind the statement that makes the handle.

import (
	"fmt"
	"go/ast"
	"go/types"

	"github.com/seed4712c49f/async/cmd/asyncvet/internal/api"
	"github.com/seed4712c49f/async/cmd/asyncvet/internal/program"
	"golang.org/x/tools/go/analysis"
)

// release returns the mend: a deferred Release behind the statement that creates
// the handle. There is none where the handle may become somebody else's, where it
// is created again and again, where there may be none, and where a result that streams may
// leave the function.
func (c checker) release(s ast.Node, v *types.Var, fn ast.Node, err *types.Var, o *program.Options) []analysis.SuggestedFix {
	values, all := c.p.Values(v)
	stmt, list := c.p.Statement(s)
	if err != nil || !all || len(values) != 1 || list == nil || !sameStatement(stmt, s) || c.inLoop(s, fn) {
		return nil
	}
	if o.Streaming && !isPlain(api.Elem(v.Type())) && c.returnsMore(fn) {
		return nil
	}
	for _, u := range c.p.Uses(v, fn) {
		if c.p.Elsewhere(u, fn) {
			return nil // when the function has returned, perhaps
		}
		switch u.Act {
		case program.PassedOn, program.MayLeave, program.Begins:
			return nil
		}
	}
	at, text := c.p.Behind(stmt)
	text += fmt.Sprintf("defer %s.Release()", v.Name())
	return []analysis.SuggestedFix{{
		Message:   "Defer the Release",
		TextEdits: []analysis.TextEdit{{Pos: at, End: at, NewText: []byte(text)}},
	}}
}

// isPlain reports whether a value of a type goes on using nothing: a number, a text.
func isPlain(t types.Type) bool {
	if t == nil {
		return false
	}
	_, ok := t.Underlying().(*types.Basic)
	return ok
}

// returnsMore reports whether a function returns something that may go on using the context of
// a call: more than plain values and an error.
func (c checker) returnsMore(fn ast.Node) bool {
	for r := range c.p.Signature(fn).Results().Variables() {
		if !isPlain(r.Type()) && !types.Identical(r.Type(), types.Universe.Lookup("error").Type()) {
			return true
		}
	}
	return false
}

// sameStatement reports whether s is a statement of a list, and no part of another
// such as the head of an if.
func sameStatement(stmt ast.Stmt, s ast.Node) bool {
	if stmt == s {
		return true
	}
	decl, ok := stmt.(*ast.DeclStmt)
	return ok && program.Holds(decl, s)
}

func (c checker) inLoop(n, fn ast.Node) bool {
	found := false
	c.p.Around(n, func(n ast.Node) bool {
		switch n.(type) {
		case *ast.ForStmt, *ast.RangeStmt, *ast.LabeledStmt:
			found = true
		}
		return n != fn && !found
	})
	return found
}
