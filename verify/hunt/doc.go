// Package hunt makes programs at random from nearly all operations of package async,
// runs each under many schedules, and checks what must be true of any program. Nobody
// has to think of a scenario first: the defects that it finds are in pairs of
// operations that no scenario pairs.
//
// A [Program] is data (program.go), made from a seed (generate.go, fill.go). What
// an operation does is in one table (table.go and the files ops_*.go), which is also
// how a program is printed as Go source (print.go). A [World] is one run of a program
// (world.go): it does the operations and writes down what can be observed (record.go).
// The oracles say what must be true (check.go and
// the files check_*.go). Runs are scheduled by the explorer of
// the library (explore.go); a program that may end the process runs in a child of the
// test (child.go). A failure is shrunk (shrink.go) and printed as a test.
//
// docs/verification.md says how to run it and what it has found.
package hunt
