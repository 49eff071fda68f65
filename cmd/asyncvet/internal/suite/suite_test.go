package suite_test

import (
	"testing"

	"github.com/seed4712c49f/async/cmd/asyncvet/internal/suite"
	"github.com/seed4712c49f/async/cmd/asyncvet/internal/vettest"
)

// TestAnalyzers has each analyzer look at the packages of its name in testdata.
func TestAnalyzers(t *testing.T) { vettest.Run(t, suite.Analyzers()) }
