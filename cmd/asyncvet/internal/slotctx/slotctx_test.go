package slotctx_test

import (
	"testing"

	"github.com/seed4712c49f/async/cmd/asyncvet/internal/slotctx"
	"github.com/seed4712c49f/async/cmd/asyncvet/internal/vettest"
)

func TestAnalyzer(t *testing.T) { vettest.Run(t, slotctx.Analyzer) }
