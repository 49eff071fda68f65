// Package plugin makes the analyzers of asyncvet a module plugin of golangci-lint,
// which imports the package for its side effect: it registers a linter named
// asyncvet. docs/vet.md shows the two files that golangci-lint needs for that.
package plugin

import (
	"fmt"
	"slices"

	"github.com/golangci/plugin-module-register/register"
	"github.com/seed4712c49f/async/cmd/asyncvet/internal/suite"
	"golang.org/x/tools/go/analysis"
)

// Name is the name of the linter.
const Name = "asyncvet"

// Settings are those of the linter in golangci-lint's configuration.
type Settings struct {
	Disable []string `json:"disable"` // the names of analyzers that are not to run
}

func init() { register.Plugin(Name, New) } //nolint:gochecknoinits // that is how a plugin is registered

// New returns the linter with its settings, or an error where these are wrong.
func New(settings any) (register.LinterPlugin, error) {
	s, err := register.DecodeSettings[Settings](settings)
	if err != nil {
		return nil, fmt.Errorf("asyncvet: %w", err)
	}
	analyzers := suite.Analyzers()
	for _, name := range s.Disable {
		n := len(analyzers)
		analyzers = slices.DeleteFunc(analyzers, func(a *analysis.Analyzer) bool { return a.Name == name })
		if len(analyzers) == n {
			return nil, fmt.Errorf("asyncvet: no analyzer %q to disable", name)
		}
	}
	return linter(analyzers), nil
}

// A linter is the analyzers that are to run.
type linter []*analysis.Analyzer

// BuildAnalyzers returns the analyzers.
func (l linter) BuildAnalyzers() ([]*analysis.Analyzer, error) { return l, nil }

// GetLoadMode says that the analyzers need types.
func (l linter) GetLoadMode() string { return register.LoadModeTypesInfo }
