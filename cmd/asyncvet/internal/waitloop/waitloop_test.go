package waitloop_test

import (
	"testing"

	"github.com/seed4712c49f/async/cmd/asyncvet/internal/vettest"
	"github.com/seed4712c49f/async/cmd/asyncvet/internal/waitloop"
)

func TestAnalyzer(t *testing.T) { vettest.Run(t, waitloop.Analyzer) }
