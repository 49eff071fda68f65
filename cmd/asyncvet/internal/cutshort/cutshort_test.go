package cutshort_test

import (
	"testing"

	"github.com/seed4712c49f/async/cmd/asyncvet/internal/cutshort"
	"github.com/seed4712c49f/async/cmd/asyncvet/internal/vettest"
)

func TestAnalyzer(t *testing.T) { vettest.Run(t, cutshort.Analyzer) }
