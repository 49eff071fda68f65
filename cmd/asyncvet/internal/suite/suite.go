// Package suite lists the analyzers: for the command, for the plugin, and for the
// tests.
package suite

import (
	"github.com/seed4712c49f/async/cmd/asyncvet/internal/afterrelease"
	"github.com/seed4712c49f/async/cmd/asyncvet/internal/brokenpromise"
	"github.com/seed4712c49f/async/cmd/asyncvet/internal/cutshort"
	"github.com/seed4712c49f/async/cmd/asyncvet/internal/discardtype"
	"github.com/seed4712c49f/async/cmd/asyncvet/internal/lateresource"
	"github.com/seed4712c49f/async/cmd/asyncvet/internal/onsignal"
	"github.com/seed4712c49f/async/cmd/asyncvet/internal/slotctx"
	"github.com/seed4712c49f/async/cmd/asyncvet/internal/unreleased"
	"github.com/seed4712c49f/async/cmd/asyncvet/internal/waitloop"
	"golang.org/x/tools/go/analysis"
)

// Analyzers returns all analyzers, by their names.
func Analyzers() []*analysis.Analyzer {
	return []*analysis.Analyzer{
		afterrelease.Analyzer,
		brokenpromise.Analyzer,
		cutshort.Analyzer,
		discardtype.Analyzer,
		lateresource.Analyzer,
		onsignal.Analyzer,
		slotctx.Analyzer,
		unreleased.Analyzer,
		waitloop.Analyzer,
	}
}
