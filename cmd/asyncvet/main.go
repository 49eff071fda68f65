// Asyncvet reports what the compiler cannot say about programs that use package
// async: handles that nobody releases, waits that hold a slot, results that nobody
// closes.
//
//	go install github.com/seed4712c49f/async/cmd/asyncvet@latest
//	go vet -vettool=$(which asyncvet) ./...
//
// It also runs alone, and then applies what has one right mend:
//
//	asyncvet ./...
//	asyncvet -fix ./...
//
// and as a module plugin of golangci-lint: see package plugin. The analyzers are
//
//	afterrelease   the use of a handle after its Release
//	brokenpromise  promises that may never be completed, and values that are dropped
//	cutshort       a part of an answer that is returned as the whole
//	discardtype    options that their call does not take
//	lateresource   calls whose late result nobody closes
//	onsignal       what may block in an OnSignal function
//	slotctx        waits that keep a slot of a scope taken
//	unreleased     calls, clones and signals that nobody releases
//	waitloop       a WaitAny in a loop over the same members
//
// docs/vet.md shows for each what goes wrong at run time, and the mend. One finding
// is silenced by a comment on its line, or on the line before:
//
//	//asyncvet:ignore unreleased: the program ends here
//
// asyncvet help says what each analyzer reports, and -unreleased=false leaves one
// out.
package main

import (
	"github.com/seed4712c49f/async/cmd/asyncvet/internal/suite"
	"golang.org/x/tools/go/analysis/multichecker"
)

func main() { multichecker.Main(suite.Analyzers()...) }
