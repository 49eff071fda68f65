package main

import (
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/seed4712c49f/async/bench/internal/report"
	"github.com/seed4712c49f/async/bench/internal/rivals"
)

// describe says where and how a run is done.
func describe(quick bool, only string) *report.Run {
	r := &report.Run{
		Cores: runtime.NumCPU(), Procs: runtime.GOMAXPROCS(0),
		System: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(),
		Commit: commit(), Command: "go run .", Plan: "full",
		Versions: map[string]string{}, LeftOut: rivals.LeftOut(),
	}
	if quick {
		r.Command, r.Plan = r.Command+" -quick", "quick"
	}
	if only != "" {
		r.Command += " -only '" + only + "'"
	}
	used := map[string]bool{}
	for _, rival := range rivals.All() {
		used[rival.Module] = rival.Module != ""
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range info.Deps {
			if used[dep.Path] && dep.Replace == nil {
				r.Versions[dep.Path] = dep.Version
			}
		}
	}
	return r
}

// commit is that of the tree, with a plus sign where it has been changed since.
func commit() string {
	out, err := exec.Command("git", "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	id := strings.TrimSpace(string(out))
	changed, err := exec.Command("git", "status", "--porcelain", "--untracked-files=no", "--", "../*.go").Output()
	if err == nil && len(changed) > 0 {
		id += "+"
	}
	return id
}
