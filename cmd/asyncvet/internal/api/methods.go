package api

import "strings"

// What the functions and methods of the library do: a line here for each that an
// analyzer has to know.

// An Effect is what a method or a function does to a handle that it is called
// with.
type Effect int

// The effects, from the weakest to the strongest.
const (
	Unknown  Effect = iota // the function is not the library's
	Borrows                // looks, or waits: the handle is as it was
	Begins                 // begins the next call of the object
	Cancels                // cancels the call; the handle stays
	Settles                // takes the result, or completes the promise
	Releases               // gives up the handle
)

// EffectOf returns the effect of a function of the library on its receiver, or
// where it has none, on its arguments.
func EffectOf(name string) Effect {
	switch name {
	case "Call.Wait", "Call.WaitFor", "Call.Done", "Call.IsDone", "Call.Signal", "Call.Clone", "Call.Info", "Call.String",
		"Signal.Wait", "Signal.WaitFor", "Signal.Done", "Signal.IsSet", "Signal.Clone",
		"Calls.Race", "Calls.Any", "Calls.Quorum",
		"Promise.Context",
		"WaitAny", "WaitAll", "FirstError", "AfterFunc":
		return Borrows
	case "Call.Begin", "Call.BeginPromise":
		return Begins
	case "Call.Cancel", "Call.CancelWait", "Calls.Cancel":
		return Cancels
	case "Call.Await", "Call.Finish", "Calls.All", "Calls.Settle", "Calls.Each", "Promise.Complete", "Promise.CompleteOrDiscard", "Promise.Break":
		return Settles
	case "Call.Release", "Signal.Release", "Calls.Release":
		return Releases
	}
	return Unknown
}

// A Wait says how a function of the library waits.
type Wait int

// The ways to wait.
const (
	NoWait      Wait = iota
	ByContext        // the first argument is the context of the wait
	ByTimeout        // the first argument is the time that it lasts at most
	ByIteration      // the result is ranged over, which waits; the first argument is the context
)

// WaitOf returns how a function of the library waits.
func WaitOf(name string) Wait {
	switch name {
	case "Call.Await", "Call.Wait", "Call.CancelWait", "Event.Wait", "Signal.Wait",
		"WaitAny", "WaitAll", "FirstError", "Sleep", "Set.Next", "Calls.All", "Calls.Any", "Calls.Race", "Calls.Quorum",
		"Calls.Settle", "Hedge", "Group.Do", "Lazy.Get", "Scope.Shutdown":
		return ByContext
	case "Call.WaitFor", "Event.WaitFor", "Signal.WaitFor":
		return ByTimeout
	case "Set.All", "Calls.Each", "Map":
		return ByIteration
	}
	return NoWait
}

// A Creation says which result of a function is a handle that the caller owns.
type Creation struct {
	Result int // its index
	Error  int // the index of the error that says there is none, or -1
}

// CreationOf returns what a function of the library creates.
func CreationOf(name string) (Creation, bool) {
	switch name {
	case "Go", "GoEach", "GoAll", "Group.Join", "Ready", "Call.Clone", "Call.Signal", "Event.Signal", "Signal.Clone",
		"asyncnats.Begin", "asyncnats.Invoke", "asyncnats.Attach", "asyncimpl.ServeCall":
		return Creation{0, -1}, true
	case "NewPromise":
		return Creation{1, -1}, true
	case "asyncnats.Submit":
		return Creation{0, 2}, true
	}
	return Creation{}, false
}

// Harmless reports whether nothing is lost with a handle that a function of the library
// returns: there is no call behind it that could still do anything.
func Harmless(name string) bool { return name == "Ready" || name == "Event.Signal" }

// Promised reports whether what a function begins has no function, and so is no task of an
// errgroup: InGroup has no meaning for it.
func Promised(name string) bool {
	switch name {
	case "NewPromise", "Call.BeginPromise", "asyncnats.Begin", "asyncnats.Invoke", "asyncnats.Submit", "asyncnats.Attach",
		"asyncimpl.ServeCall":
		return true
	}
	return false
}

// IsRemote reports whether a name is that of a function of package asyncnats.
func IsRemote(name string) bool {
	switch name {
	case "asyncnats.Discard", "asyncnats.ID", "asyncnats.Key", "asyncnats.Handle", "asyncnats.Serve", "asyncnats.Work", "asyncnats.ServeMethods":
		return true
	}
	_, creates := CreationOf(name)
	return creates && strings.HasPrefix(name, "asyncnats.")
}
