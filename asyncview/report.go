package asyncview

import (
	"time"

	"github.com/seed4712c49f/async"
)

// This file is the schema: what a view says of its scopes at one moment. The page, the
// JSON, the text and the live events are all made from a [Report], and a program that reads
// the JSON, such as cmd/asynctop, decodes the JSON into one.
//
// Names of fields in the JSON are those of the tags. Times are RFC 3339, with a fraction;
// durations are whole nanoseconds. A field that is absent has its zero value.
//
// The text of others, which is names and errors of calls and names of scopes, is one line of
// printable UTF-8 in every string of a report: what is not printable is written as Go writes
// it in a string, as in \x1b and \n, and what is long is cut and ends in "…". The text is
// not escaped for HTML.

// Version is the version of the schema. Within one version fields are added, and none is
// removed or changes its meaning. A reader ignores fields that it does not know.
const Version = 1

// A Report is what the calls of some scopes do at one moment.
type Report struct {
	Version int           `json:"version"`           // [Version]
	Time    time.Time     `json:"time"`              // when the scopes were looked at
	Listed  time.Time     `json:"listed"`            // when the calls were: before Time where there are very many, see [View]
	Took    time.Duration `json:"took"`              // how long it took to look at the calls
	Program string        `json:"program,omitempty"` // the name of the program's file
	PID     int           `json:"pid,omitempty"`     // of the program's process

	// CanCancel says that calls may be canceled through the view: see [AllowCancel].
	CanCancel bool `json:"canCancel"`

	// Wrong is what is wrong, the worst first. It is empty where nothing is.
	Wrong []Wrong `json:"wrong"`

	// Scopes has every scope, in the order in which the handler was given them. ScopesOmitted
	// is how many more there are.
	Scopes        []Scope `json:"scopes"`
	ScopesOmitted int     `json:"scopesOmitted,omitempty"`

	// Totals has the calls in flight summed up by scope and name: of those that Query asks
	// for, and the most first. TotalsOmitted is how many calls have no entry, where there
	// are too many names.
	Totals        []Total `json:"totals"`
	TotalsOmitted int     `json:"totalsOmitted,omitempty"`

	// Matched is how many calls in flight Query asks for. Calls has the first of them, in the
	// order of Query.Sort, and at most Query.Limit. Where there are more, what they do is in
	// Totals.
	Query   Query  `json:"query"`
	Matched int    `json:"matched"`
	Calls   []Call `json:"calls"`

	// Ignored has the parameters of the request that Query does not follow, since they have
	// another name or value than there is: each as name=value.
	Ignored []string `json:"ignored,omitempty"`

	// Waits has who waits for whom, and Cycles the deadlocks among them: every call of a
	// cycle waits for the next, and the last for the first. They are of all calls, whatever
	// Query says. WaitsOmitted says that there are too many calls to look at their waits;
	// cycles are not looked for then either.
	Waits        []Wait  `json:"waits"`
	Cycles       [][]Ref `json:"cycles"`
	WaitsOmitted bool    `json:"waitsOmitted,omitempty"`

	// Detail is the one call that was asked for, by the page of a call.
	Detail *Detail `json:"detail,omitempty"`

	states map[Ref]State // of the calls in Waits, for the drawing
}

// A Ref names a call.
type Ref struct {
	Scope int    `json:"scope"` // the Key of its scope; 0 for one that the view does not show
	Call  uint64 `json:"call"`  // the ID of the call in the scope
}

// A Query says which calls a report lists. It is what the parameters of a request say; its
// tags are their names.
type Query struct {
	Search string `json:"q,omitempty"`     // a part of the name, letters of either case, or "#17" for an ID
	Scope  int    `json:"scope,omitempty"` // the Key of a scope; 0 for all
	State  State  `json:"state,omitempty"` // what the calls do; "" for all
	Name   string `json:"name,omitempty"`  // the whole name, as a Total has it; "" for all
	Sort   Sort   `json:"sort"`            // [ByAge] unless asked for
	Group  Group  `json:"group"`           // how the page and the text show the calls; [Tree] unless asked for
	Limit  int    `json:"limit"`           // how many calls are listed: 400 unless asked for, 10,000 at most
	Stacks bool   `json:"stacks"`          // whether Call.Stack is there; by default it is not
}

// A Sort is an order of calls.
type Sort string

// The orders of calls. Calls that are alike in what is sorted by come in the order of age.
const (
	ByAge    Sort = "age"    // the oldest first
	ByNewest Sort = "newest" // the newest first
	ByName   Sort = "name"   // by name
)

// A Group is a way to show the calls.
type Group string

// The ways to show the calls.
const (
	Tree  Group = "tree" // each below the call in whose function it was begun
	Names Group = "name" // those of one scope and name in one line: the Totals
	Flat  Group = "flat" // a line for each, in the order of Sort
)

// A State is what a call does at the moment.
type State string

// The states of a call.
const (
	Queued   State = "queued"   // waits for its first slot
	Running  State = "running"  // its function runs, or its promise is not complete
	Lent     State = "lent"     // its function waits, and its slot is lent meanwhile
	Stopping State = "stopping" // was canceled, and its function still runs
	Ending   State = "ending"   // is complete, and its function is about to return
)

// A Severity says how bad something is.
type Severity string

// The severities, the worst first.
const (
	Fault   Severity = "fault"   // does not get better by itself, such as a deadlock
	Warning Severity = "warning" // is probably not what is wanted
	Note    Severity = "note"    // worth a look
)

// A Kind is a kind of thing that may be wrong.
type Kind string

// The kinds of things that may be wrong.
const (
	// Deadlock is a cycle of calls that wait for each other. Calls has the cycle. Fault.
	Deadlock Kind = "deadlock"

	// NotStopping is calls that were canceled more than a second ago, and whose functions
	// have not returned. Calls has the first canceled ones. Warning, and a fault after ten
	// seconds.
	NotStopping Kind = "notStopping"

	// QueueGrowing is a queue that has grown for a minute, or whose oldest call has waited
	// for a minute. Calls has that one. Warning.
	QueueGrowing Kind = "queueGrowing"

	// Oldest is the calls of a scope that have been pending for the longest: the oldest one,
	// and then the oldest ones of other names, but for calls that wait for another call or
	// for a slot. Count is how many are pending. Note; it is a warning from one minute on,
	// and not there below one second.
	Oldest Kind = "oldest"

	// Untaken is results that nobody has taken and whose handles nobody has released. Note,
	// and a warning where as many have been there for a minute: until then somebody may be
	// about to take them, such as an All or a Settle that waits for other calls.
	Untaken Kind = "untaken"

	// Refused is calls that a scope did not accept. Warning where the view has seen the
	// number grow in the last five minutes. Note where that is longer ago, or where it was
	// before the view first looked.
	Refused Kind = "refused"
)

// A Wrong is something that is wrong, or may be.
type Wrong struct {
	Kind     Kind      `json:"kind"`
	Severity Severity  `json:"severity"`
	Scope    int       `json:"scope,omitempty"` // the Key of the scope; 0 where it is about several
	Calls    []Ref     `json:"calls,omitempty"` // the calls that it is about, the worst first; some of them where there are many
	Names    []string  `json:"names,omitempty"` // of each of Calls, its name and ID
	Count    int64     `json:"count"`           // how many calls, or results, it is about
	Since    time.Time `json:"since,omitzero"`  // since when it has been so, as far as is known
	Text     string    `json:"text"`            // says it in one sentence, without a full stop
}

// A Scope is what there is to know of a scope.
type Scope struct {
	// Key names the scope in this view, and in no other: it counts the scopes from 1 in the
	// order in which the view first saw them. Names of scopes may be alike, keys are not.
	Key  int    `json:"key"`
	Name string `json:"name"`

	Limit    int       `json:"limit"`             // how many functions may run at once; 0: no limit
	Queue    int       `json:"queue"`             // how many calls may wait for a slot; 0: no limit
	NoQueue  bool      `json:"noQueue,omitempty"` // no call may wait for a slot
	Track    bool      `json:"track"`             // the scope records where calls begin, and what they wait for
	Closed   bool      `json:"closed,omitempty"`  // it refuses new calls
	Ended    bool      `json:"ended,omitempty"`   // it is closed, and nothing of it is in flight
	InFlight int       `json:"inFlight"`          // calls whose functions have not returned, and promises that are not complete
	Since    time.Time `json:"watchedSince"`      // when the view first looked at the scope: History is not older

	Stats Stats `json:"stats"`

	// History is what happened in the last five minutes, the oldest first. It is made from
	// looks at Stats, which the view takes every five seconds while somebody is connected to
	// it, and when it is asked: while nobody looks, nothing is recorded, and the next point
	// speaks of the whole time since the last one.
	History []Point `json:"history"`

	// StopTimes is the histogram of the time from the cancellation of a call to the return
	// of its function, over the whole life of the scope.
	StopTimes []Class `json:"stopTimes"`
}

// Stats is [async.Stats], with the names that the fields have in the JSON.
type Stats struct {
	Begun   int64 `json:"begun"`
	Refused int64 `json:"refused"`
	Queued  int64 `json:"queued"`
	Running int64 `json:"running"`
	Lent    int64 `json:"lent"`
	Pending int64 `json:"pending"`

	Returned int64 `json:"returned"`
	Failed   int64 `json:"failed"`
	Canceled int64 `json:"canceled"`
	Panicked int64 `json:"panicked"`
	Goexited int64 `json:"goexited"`
	Broken   int64 `json:"broken"`

	Taken     int64 `json:"taken"`
	Discarded int64 `json:"discarded"`
	Untaken   int64 `json:"untaken"`

	Stopping  int64         `json:"stopping"`
	Stopped   int64         `json:"stopped"`
	StopTotal time.Duration `json:"stopTotal"`
	StopMax   time.Duration `json:"stopMax"`

	StopTimes [async.StopClasses]int64 `json:"stopTimes"`
}

// A Point is a span of the last five minutes: what happened in the span, and how things
// stood at its end.
type Point struct {
	Time time.Time     `json:"time"` // the end of the span
	Span time.Duration `json:"span"` // five seconds, or more where nobody looked

	Begun    int64 `json:"begun"`    // calls that began in the span
	Ended    int64 `json:"ended"`    // calls that were completed, in any way
	Bad      int64 `json:"bad"`      // of those, the ones that failed, panicked, exited or were broken
	Canceled int64 `json:"canceled"` // of those that ended, the ones that were canceled
	Refused  int64 `json:"refused"`  // calls that were refused

	Running  int64 `json:"running"` // at the end of the span, as in Stats
	Lent     int64 `json:"lent"`
	Queued   int64 `json:"queued"`
	Pending  int64 `json:"pending"`
	Stopping int64 `json:"stopping"`
	Untaken  int64 `json:"untaken"`

	// Latency is how long a call took in the span on average, from its Begin to its outcome,
	// as far as that follows from the counts: the calls that were pending, by the calls that
	// ended in a unit of time (Little's law). It is 0 where no call ended.
	Latency time.Duration `json:"latency"`

	// Wait is how long a call waited for its slot on average, by the same reckoning.
	Wait time.Duration `json:"wait"`

	// StopTime is how long the functions of canceled calls took to return on average, of
	// those that returned in the span; 0 where none did.
	StopTime time.Duration `json:"stopTime"`
}

// A Class is a column of a histogram of durations.
type Class struct {
	Below time.Duration `json:"below,omitempty"` // the upper bound; 0: none
	Count int64         `json:"count"`
}

// A Total is the calls of one name in one scope.
type Total struct {
	Scope    int       `json:"scope"`
	Name     string    `json:"name"`
	Count    int       `json:"count"`
	Queued   int       `json:"queued,omitempty"`
	Running  int       `json:"running,omitempty"`
	Lent     int       `json:"lent,omitempty"`
	Stopping int       `json:"stopping,omitempty"`
	Ending   int       `json:"ending,omitempty"`
	Oldest   uint64    `json:"oldest"` // the ID of the oldest
	Began    time.Time `json:"began"`  // when the oldest began
}

// A Call is what there is to know of a call in flight: an [async.CallInfo], with the names
// that its fields have in the JSON.
type Call struct {
	Scope int    `json:"scope"` // the Key of its scope
	ID    uint64 `json:"id"`
	Name  string `json:"name"`
	State State  `json:"state"`

	Began    time.Time     `json:"began"`
	Age      time.Duration `json:"age"`               // from Began to Report.Listed; in a Detail, to Report.Time
	Started  time.Time     `json:"started,omitzero"`  // when its function got its first slot
	Canceled time.Time     `json:"canceled,omitzero"` // when it was canceled
	Deadline time.Time     `json:"deadline,omitzero"` // of the context that it was begun with

	Handles int    `json:"handles"`           // how many handles on it are not released
	Waiters int    `json:"waiters"`           // how many wait for its completion
	Outcome string `json:"outcome,omitempty"` // how it ended, an [async.Outcome]: of one that is stopping or ending
	Err     string `json:"err,omitempty"`     // what it completed with
	Cause   string `json:"cause,omitempty"`   // why its context ended before the call was over, as [async.CallInfo] has it
	Parent  Ref    `json:"parent,omitzero"`   // the call in whose function it was begun; zero for none

	Line     string `json:"line,omitempty"`     // with Track: the function, file and line that began it
	Stack    string `json:"stack,omitempty"`    // with Track, where it was asked for: where it was begun, in lines
	WaitsFor []Wait `json:"waitsFor,omitempty"` // with Track: what its function waits for
	InCycle  bool   `json:"inCycle,omitempty"`  // it is part of one of the Cycles
}

// A Wait is something that the function of a call is parked on: another call, or something
// that is no call of a scope. A call that waits for a slot of its scope has a Wait for each
// of the calls that hold one, up to a number.
type Wait struct {
	From  Ref       `json:"from"`
	Waits string    `json:"waits,omitempty"` // the name of the call that waits
	To    Ref       `json:"to,omitzero"`     // the call that is waited for; zero where it is none, or not known
	Whom  string    `json:"whom,omitempty"`  // the name of the call that is waited for
	Kind  string    `json:"kind"`            // what is waited for, as in [async.WaitInfo]: "call", "slot", "event", …
	Name  string    `json:"name,omitempty"`  // its name, as in [async.WaitInfo]: of a slot that of the scope; a call that is lent and waits for a slot has waited, and wants its slot back
	Since time.Time `json:"since,omitzero"`  // when the wait began
	Line  string    `json:"line,omitempty"`  // where the wait is
}

// A Detail is one call, and what is around it.
type Detail struct {
	Ref   Ref   `json:"ref"`            // as it was asked for
	Found bool  `json:"found"`          // the call is in flight; without, Call has no more than the Ref says
	Call  *Call `json:"call,omitempty"` // with its Stack

	Way             []Call `json:"way"`                       // the calls above it, its parent first and the root last
	Children        []Call `json:"children"`                  // the calls in flight that were begun in its function, the oldest first
	ChildrenOmitted int    `json:"childrenOmitted,omitempty"` // how many more there are
	WaitedForBy     []Wait `json:"waitedForBy"`               // the waits of other functions for it

	WaitedForByOmitted int `json:"waitedForByOmitted,omitempty"` // how many more there are
}

// Canceled is the answer to a POST that cancels.
type Canceled struct {
	Version int    `json:"version"` // [Version]
	Scope   int    `json:"scope"`   // the Key of the scope
	Call    uint64 `json:"call"`    // the ID of the call; 0 for the queue of the scope
	Count   int    `json:"count"`   // how many calls were canceled
	Text    string `json:"text"`    // says what was done, or why nothing was
}
