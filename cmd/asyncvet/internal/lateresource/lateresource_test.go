package lateresource_test

import (
	"testing"

	"github.com/seed4712c49f/async/cmd/asyncvet/internal/lateresource"
	"github.com/seed4712c49f/async/cmd/asyncvet/internal/vettest"
)

func TestAnalyzer(t *testing.T) { vettest.Run(t, lateresource.Analyzer) }
