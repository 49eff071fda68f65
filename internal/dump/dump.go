// Package dump writes the calls of a scope as a tree, for a log or a terminal. Package
// async writes Scope.Dump by it. The package knows names, numbers and times, and no calls.
//
// A tree has a line for each name below each parent, and not for each call: the calls of
// one name fold into one line, which counts them. So a million calls of a few names are a
// few lines.
//
//	what is added                      what is written
//	serve #1                           serve #1: running, 2s
//	serve #1 › fetch #2                  fetch ×2, oldest 1s: 1 running, 1 lent
//	serve #1 › fetch #3
//
// What the package promises, and what a change has to keep:
//
//   - A tree is of bounded size, whatever is added to it. Where there are many names, the
//     first ones have their lines, and the rest of them one line together.
//   - Every call that is added is counted in one line, also where its name has none.
//   - A name is one line of printable text. It may be anybody's, and come from the network.
//   - Nothing is written while calls are looked at: the writer may be slow. So a tree is
//     made first, and written then.
//
// The wording of a line is nobody's interface, and may change.
package dump

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A State is what a call does at the moment. The values are in the order in which a line
// names them.
type State int

// The states of a call. They are finer than those of package async, which has one state for a
// function that runs, that waits, and that was told to stop.
const (
	Queued    State = iota // waits for its first slot
	Running                // its function runs, or its promise is not complete
	Lent                   // its function waits, and its slot is lent
	Regaining              // its function has waited, and waits for a slot again
	Stopping               // was canceled, and its function still runs
	Ending                 // is complete, and its function is about to return

	states
)

func (s State) String() string {
	return [states]string{"queued", "running", "lent", "waiting for a slot again", "canceled and not stopped", "ending"}[s]
}

// A Call is what a tree is told of one call. What it is called, and what it is below, is the
// path that [Tree.Add] is given.
type Call struct {
	ID    uint64
	Began time.Time
	State State
}

// MaxDepth is how deep a tree is. Calls that are nested deeper have one line together.
//
// A chain of calls that begin each other may be of any length, and each call of it has a
// path as long. So depth is bounded apart from the number of lines.
const MaxDepth = 64

const (
	maxNodes = 1000 // lines for names; as many again may be for other names
	maxName  = 100  // runes of a name that are written
)

// A Tree is the calls of a scope, folded by name and parent. The zero Tree is empty. It is
// used by one goroutine.
//
//	root ── below["serve"] ── below["fetch"]
//	  │                  └─── other            names for which there was no node left
//	  └──── other                              the same, and paths that are too long
//
// nodes counts those that have a name of their own, in the whole tree. Each of them may have
// one other, so there are no more than twice as many lines.
type Tree struct {
	root  node
	nodes int
}

// A node is the calls of one name below one parent, and what is below them. A node may have
// no call of its own: a parent that is over, while its children are in flight.
type node struct {
	name   string
	n      int       // calls; 0 where only calls below are left
	first  uint64    // the ID of the oldest of them
	oldest time.Time // when the oldest began, of the calls below where there are none
	states [states]int
	waits  []Wait // what the oldest of them waits for
	below  map[string]*node
	other  *node // calls of names for which there is no line; an other is its own other
}

// A Wait is something that the function of a call waits for.
type Wait struct {
	What  fmt.Stringer // what is waited for: a [Name] or a [Thing]
	Since time.Time
	Line  string // of the wait
}

// A Thing is what is waited for and is no call of a scope.
type Thing struct{ Kind, Name string }

func (t Thing) String() string {
	if t.Name == "" {
		return t.Kind
	}
	return t.Kind + " " + printable(t.Name)
}

// Add adds a call. The path has the names of those that it is below, the outermost first, and
// its own name last. It has one name too many, or more, where the call is too deep for a tree.
// Where the call is the oldest in its line, Add returns where the caller puts what the call
// waits for; else nil.
//
// The age of a line is that of the oldest call in it or below it, so that what has hung for
// long comes first, however young the call above it is.
func (t *Tree) Add(path []string, c Call) (waits *[]Wait) {
	n := &t.root
	if len(path) > MaxDepth {
		return n.others().add(c)
	}
	for _, name := range path {
		n = t.below(n, name)
		if n.oldest.IsZero() || c.Began.Before(n.oldest) {
			n.oldest = c.Began
		}
	}
	return n.add(c)
}

// add counts a call in the line of the node, and returns what Add does.
func (n *node) add(c Call) (waits *[]Wait) {
	if n.n == 0 || c.ID < n.first {
		n.first, n.waits = c.ID, nil
		waits = &n.waits
	}
	if n.oldest.IsZero() || c.Began.Before(n.oldest) {
		n.oldest = c.Began
	}
	n.n++
	n.states[c.State]++
	return waits
}

// below returns the node of a name below n, or that of other names where the tree is full.
func (t *Tree) below(n *node, name string) *node {
	if b := n.below[name]; b != nil {
		return b
	}
	if t.nodes >= maxNodes {
		if n.other == n { // what is below other names is one of them
			return n
		}
		return n.others()
	}
	t.nodes++
	if n.below == nil {
		n.below = make(map[string]*node)
	}
	b := &node{name: printable(name)}
	n.below[name] = b
	return b
}

// others returns the node below n for calls that have no line of their own. What is below
// those is in it, too. It is made when it is first needed, and not counted among the nodes.
func (n *node) others() *node {
	if n.other == nil {
		o := &node{name: "(other names, or nested deeper)"}
		o.other = o
		n.other = o
	}
	return n.other
}

// Write writes the tree, by the age of the oldest call in each line, and the others last. now
// is when the look was taken. w is written to once.
func (t *Tree) Write(w io.Writer, now time.Time) error {
	var b strings.Builder
	t.root.writeBelow(&b, now, "")
	_, err := io.WriteString(w, b.String())
	return err
}

// writeBelow writes the lines below a node, and what is below each of them. It calls itself no
// deeper than the tree is.
func (n *node) writeBelow(b *strings.Builder, now time.Time, indent string) {
	below := slices.SortedFunc(maps.Values(n.below), func(x, y *node) int {
		return cmp.Or(x.oldest.Compare(y.oldest), cmp.Compare(x.first, y.first), cmp.Compare(x.name, y.name))
	})
	if n.other != nil && n.other != n {
		below = append(below, n.other)
	}
	for _, c := range below {
		fmt.Fprintf(b, "%s%s\n", indent, c.line(now))
		c.writeBelow(b, now, indent+"  ")
	}
}

// line is what there is to say of one node. A single call has its number, by which
// Scope.Info and Scope.Cancel find it.
func (n *node) line(now time.Time) string {
	age := Age(now.Sub(n.oldest))
	switch n.n {
	case 0:
		return n.name + ": over, but for what is below"
	case 1:
		return fmt.Sprintf("%s #%d: %s, %s%s", n.name, n.first, n.stateLine(), age, n.waitLine(now, "it"))
	}
	return fmt.Sprintf("%s ×%d, oldest %s: %s%s", n.name, n.n, age, n.stateLine(), n.waitLine(now, fmt.Sprintf("#%d", n.first)))
}

// maxWaits is how many of the things that a call waits for are written.
const maxWaits = 3

// waitLine says what the oldest call of the node, who, waits for.
func (n *node) waitLine(now time.Time, who string) string {
	var b strings.Builder
	for i, w := range n.waits {
		switch {
		case i == maxWaits:
			fmt.Fprintf(&b, ", and for %d more", len(n.waits)-i)
			return b.String()
		case i == 0:
			fmt.Fprintf(&b, "; %s waits for", who)
		default:
			b.WriteString(", and for")
		}
		fmt.Fprintf(&b, " %v, %s", w.What, Age(now.Sub(w.Since)))
		if w.Line != "" {
			fmt.Fprintf(&b, ", %s", w.Line)
		}
	}
	return b.String()
}

// stateLine says how many calls are in which state, in the order of the constants. Of a single
// call it is the state alone.
func (n *node) stateLine() string {
	var parts []string
	for s, count := range n.states {
		switch {
		case count == 0:
		case n.n == 1:
			return State(s).String()
		default:
			parts = append(parts, fmt.Sprintf("%d %v", count, State(s)))
		}
	}
	return strings.Join(parts, ", ")
}

// Age writes a time to two or three digits: more would suggest that the look took no time.
func Age(d time.Duration) string {
	switch {
	case d >= time.Minute:
		return d.Round(time.Second).String()
	case d >= time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d >= time.Millisecond:
		return d.Round(time.Millisecond).String()
	}
	return d.Round(time.Microsecond).String()
}

// printable returns a name as it is where it is one line of text, and quoted where not:
// the name of a call may be anybody's, and is not to write lines or control a terminal. A
// name with blanks around it is quoted, too, or the line would not show them.
func printable(name string) string {
	if rs := []rune(name); len(rs) > maxName { // which also makes the rest valid UTF-8
		name = string(rs[:maxName-1]) + "…"
	}
	if name == "" || name != strings.TrimSpace(name) || !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return strconv.Quote(name)
	}
	return name
}

// A Name says which call is meant. Names of calls are shared by many, so the number stands
// beside; it counts the calls of one scope.
type Name struct {
	Call  string
	ID    uint64
	Scope string // where it is another than that of the dump
}

func (n Name) String() string {
	if n.Scope == "" {
		return fmt.Sprintf("%s #%d", printable(n.Call), n.ID)
	}
	return fmt.Sprintf("%s #%d of scope %s", printable(n.Call), n.ID, printable(n.Scope))
}

// A Step is one call of a deadlock, and the one of the deadlock that it waits for. A call may
// wait for several; one of them says enough for a log, and WaitGraph has them all.
type Step struct {
	Call, For Name
	Since     time.Time
	Line      string // of the wait
}

// How much of deadlocks is written. A ring of a million calls is one deadlock.
const (
	maxDeadlocks = 10
	maxSteps     = 20 // of one deadlock
)

// Deadlocks writes deadlocks, each as its calls and what these wait for. w is written to once,
// also where there are none.
func Deadlocks(w io.Writer, now time.Time, deadlocks [][]Step) error {
	var b strings.Builder
	for i, d := range deadlocks {
		if i == maxDeadlocks {
			fmt.Fprintf(&b, "  and %d more deadlocks\n", len(deadlocks)-i)
			break
		}
		fmt.Fprintf(&b, "  deadlock of %d:\n", len(d))
		for k, s := range d {
			if k == maxSteps {
				fmt.Fprintf(&b, "    and %d more\n", len(d)-k)
				break
			}
			fmt.Fprintf(&b, "    %v waits for %v, %s, %s\n", s.Call, s.For, Age(now.Sub(s.Since)), s.Line)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
