// Package bench measures package async beside raw Go, the standard library and
// other libraries. Its test files are standard Go benchmarks: each program that
// is measured is a case of one.
//
//	go test -run '^$' -bench .                  measures everything
//	go test -run '^$' -bench . -benchtime 1x    runs every case once and checks its result
//	go test -run '^$' -bench '^BenchmarkSet$' -count 10 > set.txt
//	benchstat -row .name,/n -col .fullname set.txt
//
// Command cmd/page runs the cases in turns, judges what they took and writes
// docs/performance.md. README.md says how to read and how to add a case.
package bench
