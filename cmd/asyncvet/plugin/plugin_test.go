package plugin_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/golangci/plugin-module-register/register"
	"github.com/seed4712c49f/async/cmd/asyncvet/internal/suite"
	"github.com/seed4712c49f/async/cmd/asyncvet/internal/vettest"
	"github.com/seed4712c49f/async/cmd/asyncvet/plugin"
	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/analysistest"
)

// build makes the linter as golangci-lint does: by its name.
func build(t *testing.T, settings any) ([]*analysis.Analyzer, error) {
	t.Helper()
	newPlugin, err := register.GetPlugin(plugin.Name)
	if err != nil {
		t.Fatal(err)
	}
	p, err := newPlugin(settings)
	if err != nil {
		return nil, err
	}
	if mode := p.GetLoadMode(); mode != register.LoadModeTypesInfo {
		t.Errorf("load mode %q: the analyzers need types", mode)
	}
	return p.BuildAnalyzers()
}

func names(analyzers []*analysis.Analyzer) (all []string) {
	for _, a := range analyzers {
		all = append(all, a.Name)
	}
	return all
}

func TestPlugin(t *testing.T) {
	analyzers, err := build(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := names(analyzers), names(suite.Analyzers()); !slices.Equal(got, want) {
		t.Errorf("analyzers %v, want %v", got, want)
	}
	for _, a := range analyzers {
		if a.Name == "discardtype" {
			analysistest.Run(t, vettest.Dir(t), a, "./discardtype")
		}
	}
}

func TestSettings(t *testing.T) {
	analyzers, err := build(t, map[string]any{"disable": []string{"slotctx", "waitloop"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := names(analyzers); len(got) != len(suite.Analyzers())-2 || slices.Contains(got, "slotctx") || slices.Contains(got, "waitloop") {
		t.Errorf("without slotctx and waitloop: %v", got)
	}
	for want, settings := range map[string]any{
		`no analyzer "slots"`: map[string]any{"disable": []string{"slots"}},
		"unknown field":       map[string]any{"enable": []string{"slotctx"}},
	} {
		if _, err := build(t, settings); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("settings %v: error %v, want %s", settings, err, want)
		}
	}
}
