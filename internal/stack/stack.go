// Package stack records where goroutines are, cheaply: where a call was begun, where a
// handle was cloned, and on which line a function waits. Package async has one [Table] in
// each scope with the option Track. Package parked asks for the line of a wait, by [Line],
// and whether a goroutine is one that runs functions, by [Begins].
//
// A program begins its calls in few places. So a table keeps each stack once, and to
// record a place that the table knows allocates nothing. The text of a stack is made when
// somebody first asks for it, and is kept, too. A table is bounded: stacks beyond its
// bound are kept by those who recorded them.
//
//	Table   buckets[hash % 256] ──▶ Stack ──▶ Stack ──▶ nil    the newest first
//	                                 pcs, hash, text
//
// What a reader wants to know is a line of the program, and not one of package async. So this
// package also says which frames are package async's: those of its folder, by the name of
// the function or, for what was inlined into a function of the user, by the file.
//
// Nothing here takes a lock. A chain of a table only grows at its head, by compare-and-swap,
// and what a reader has found in it never changes.
//
// The sizes of a table and the mixing of hashes may change. So may the text of a stack, which
// is for people. What may not change without a look elsewhere: which frames are package
// async's, for each name of a function or a file in this package is one of another package,
// that of the Map's loop above all. Tests of package async fail where a name is old
// (TestV1_WaitsFor, TestV2_Cycles). And Here stays cheap: it is on the way of each Begin.
package stack

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
)

const (
	depth   = 64   // frames of a stack that are recorded
	buckets = 256  // of a table
	bound   = 4096 // stacks that a table keeps
)

// The tables and stacks have no generic types: every package that can reach one by fields
// would compile its methods again; see package list.

// A Stack is where a goroutine was. A Stack does not change, but for its text, which is made
// once and is the same whoever makes it. A nil Stack is nowhere.
type Stack struct {
	pcs  []uintptr
	hash uint64
	next *Stack       // in the same bucket; written before the Stack is published
	text atomic.Value // a string, or nothing yet
}

// A Table keeps stacks. It never forgets one: a scope has its own Table, which goes with it.
// The zero Table is empty and ready for use. Any number of goroutines may use it at the same
// time.
type Table struct {
	buckets [buckets]atomic.Value // the first *Stack of each, or nothing yet
	kept    atomic.Int64          // stacks in the buckets; may pass bound by the goroutines that add at once
}

// Here returns the stack of the calling goroutine, without the frame of Here itself. To walk
// the stack takes about as long as to begin a call, and it is most of what Track costs.
func (t *Table) Here() *Stack {
	var pcs [depth]uintptr
	return t.of(pcs[:runtime.Callers(2, pcs[:])])
}

// of returns the stack of some program counters, which of does not keep. Two goroutines that
// record a place at once may get two stacks of the same frames. The table has one of them,
// and the call that recorded the other keeps that. Stacks are told apart by their text, so
// it makes no difference.
func (t *Table) of(pcs []uintptr) *Stack {
	h := hashOf(pcs)
	bucket := &t.buckets[h%buckets]
	kept := bucket.Load()
	first, _ := kept.(*Stack)
	for s := first; s != nil; s = s.next {
		if s.hash == h && slices.Equal(s.pcs, pcs) {
			return s
		}
	}
	s := &Stack{pcs: slices.Clone(pcs), hash: h, next: first}
	if t.kept.Load() < bound && bucket.CompareAndSwap(kept, s) {
		t.kept.Add(1)
		return s
	}
	s.next = nil // the table does not have it
	return s
}

// hashOf mixes the program counters, most of whose bits are the same in all of them. It is on
// the way of each Begin in a scope with Track, so it is no hash of package hash: one
// multiplication a frame is enough for buckets.
func hashOf(pcs []uintptr) (h uint64) {
	const odd = 0x9e3779b97f4a7c15 // 2^64 by the golden ratio
	for _, pc := range pcs {
		h = (h ^ uint64(pc)) * odd
		h ^= h >> 32
	}
	return h
}

// String prints the stack as panics do, without the frames of package async: those that
// recorded the stack, and those between the function of a call and the goroutine that runs
// it. The text is made once.
func (s *Stack) String() string {
	if s == nil {
		return ""
	}
	if text, ok := s.text.Load().(string); ok {
		return text
	}
	text := textOf(s.pcs)
	s.text.Store(text)
	return text
}

// textOf leaves out every frame of package async, wherever the frame stands.
func textOf(pcs []uintptr) string {
	var b strings.Builder
	here := root()
	for fs, more := runtime.CallersFrames(pcs), len(pcs) > 0; more; {
		var f runtime.Frame
		f, more = fs.Next()
		if !here.has(f) {
			fmt.Fprintf(&b, "%s\n\t%s:%d\n", f.Function, f.File, f.Line)
		}
	}
	return b.String()
}

// Line returns the file and the line of the first function outside of package async among
// some program counters, or nothing where there is none.
//
// A wait in the loop of a Map is the exception. The iterator of the user stands between the
// wait and the loop, and would be found first. So Line starts again behind the frame of the
// loop, and the line is that on which the Map is ranged over.
func Line(pcs []uintptr) (line string) {
	here := root()
	for fs, more := runtime.CallersFrames(pcs), len(pcs) > 0; more; {
		var f runtime.Frame
		f, more = fs.Next()
		switch {
		case strings.Contains(f.Function, modulePath+".(*mapping).loop"):
			line = ""
		case line == "" && !here.has(f):
			line = fmt.Sprintf("%s:%d", f.File, f.Line)
		}
	}
	return line
}

// Begins reports whether the goroutine that called runtime.Callers for pcs was begun by
// function: whether that is the outermost function of the stack, but for those of package
// runtime. Where pcs are full, there may be more of the stack, and Begins walks all of it. A
// stack that is deeper than maxDepth begins nowhere. Begins is called on that goroutine.
func Begins(function string, pcs []uintptr, full bool) bool {
	for n := 4 * depth; full && n <= maxDepth; n *= 4 {
		pcs = make([]uintptr, n)
		pcs = pcs[:runtime.Callers(2, pcs)]
		full = len(pcs) == n
	}
	if full {
		return false
	}
	for _, pc := range slices.Backward(pcs) {
		switch name := runtime.FuncForPC(pc - 1).Name(); {
		case name == function:
			return true
		case !strings.HasPrefix(name, "runtime."):
			return false
		}
	}
	return false
}

// maxDepth is how deep a stack is looked at for its beginning. A stack that deep is a recursion,
// and who calls a wait from there pays for the walk each time.
const maxDepth = 1 << 16

const modulePath = "github.com/seed4712c49f/async"

// A folder is that of package async, as the files of frames begin.
type folder string

// root returns the folder of package async, by the file of this package. It is asked anew each
// time: with -trimpath, or in a module cache, the folder is another, but always beside this one.
func root() folder {
	_, file, _, _ := runtime.Caller(0)
	return folder(strings.TrimSuffix(file, "internal/stack/stack.go"))
}

// has reports whether a frame is one of package async, of a package below it that package async
// calls, or of asyncimpl, which generated code calls in its place. The function of an iterator that
// is inlined has the name of the function that it is inlined into, and the file tells.
func (r folder) has(f runtime.Frame) bool {
	if rest, ok := strings.CutPrefix(f.Function, modulePath); ok && (strings.HasPrefix(rest, ".") || strings.HasPrefix(rest, "/internal/") || strings.HasPrefix(rest, "/asyncimpl.")) {
		return true
	}
	rest, ok := strings.CutPrefix(f.File, string(r))
	return ok && !strings.HasSuffix(rest, "_test.go") && (!strings.Contains(rest, "/") || strings.HasPrefix(rest, "internal/") || strings.HasPrefix(rest, "asyncimpl/"))
}
