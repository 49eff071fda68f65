package main

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
)

func parts() []part {
	test := func(args ...string) []string { return append([]string{"go", "test", "-count=1", "-v"}, args...) }
	return []part{
		{name: "explorer", dir: "..", command: test("-tags", "asyncexplore", "-run", "^TestExplore_", "./test/explore", "./internal/latch"), format: explorer},
		{name: "histories", dir: ".", command: test("-tags", "asyncexplore", "-run", "^TestHistories_", "."), format: tests(`\d+ operations.*|found after.*`)},
		{name: "free histories", dir: ".", command: test("-run", "^TestHistories_", "."), format: tests(`\d+ operations.*|found after.*`)},
		{name: "models", dir: ".", command: test("-run", "^TestModels_", "."), format: tests(`passed \d+ tests`)},
		{name: "spin", dir: ".", command: test("-run", "^TestSpin$", "-long", "."), format: states},
		{name: "planted", dir: ".", command: []string{"go", "run", "./cmd/planted", "-list"}, format: planted},
		{name: "hunted", dir: ".", command: []string{"go", "run", "./cmd/planted", "-hunt", "-list"}, format: hunted},
		{
			name: "leaks", dir: ".", env: []string{"GOEXPERIMENT=goroutineleakprofile"}, long: true,
			command: test("-run", "^TestLeaks", "."), format: tests(`\d+ calls.*`),
		},
		{name: "churn", dir: ".", long: true, command: test("-run", "^TestChurn$", "-churn=2m", "."), format: tests(`\d+ calls, \d+ at once.*|heap .* at the end.*`)},
	}
}

var errNoFigures = errors.New("it says nothing")

var (
	testName  = regexp.MustCompile(`(?m)^=== RUN +(\S+)`)
	schedules = regexp.MustCompile(`([\d,]+) schedules \(([^)]*)\)`)
	stored    = regexp.MustCompile(`(\d+) states`)
)

// tests makes a table of the tests and what they log that matches.
func tests(pattern string) func(string) (string, error) {
	wanted := regexp.MustCompile(pattern)
	return func(out string) (string, error) {
		var rows []string
		name := ""
		for line := range strings.Lines(out) {
			if m := testName.FindStringSubmatch(line); m != nil {
				name = m[1]
			} else if said := wanted.FindString(strings.TrimSpace(line)); said != "" {
				rows = append(rows, fmt.Sprintf("| `%s` | %s |", name, grouped(said)))
			}
		}
		return table("| test | |\n| --- | --- |", rows)
	}
}

// explorer makes a table of the scenarios and their schedules.
func explorer(out string) (string, error) {
	var rows []string
	name, sum := "", 0
	for line := range strings.Lines(out) {
		if m := testName.FindStringSubmatch(line); m != nil {
			name = m[1]
		} else if m := schedules.FindStringSubmatch(line); m != nil {
			n, err := strconv.Atoi(strings.ReplaceAll(m[1], ",", ""))
			if err != nil {
				return "", err
			}
			sum += n
			rows = append(rows, fmt.Sprintf("| `%s` | %s | %s |", name, grouped(m[1]), m[2]))
		}
	}
	rows = append(rows, fmt.Sprintf("| %d explorations | %s | |", len(rows), grouped(strconv.Itoa(sum))))
	return table("| scenario | schedules | which |\n| --- | --- | --- |", rows)
}

// states makes a table of the searches of the model checker.
func states(out string) (string, error) {
	var rows []string
	name := ""
	for line := range strings.Lines(out) {
		if m := testName.FindStringSubmatch(line); m != nil {
			_, name, _ = strings.Cut(m[1], "/")
		} else if m := stored.FindStringSubmatch(line); m != nil {
			rows = append(rows, fmt.Sprintf("| %s | %s |", strings.ReplaceAll(name, "_", " "), grouped(m[1])))
		}
	}
	return table("| search | states |\n| --- | --- |", rows)
}

// planted makes the table of planted bugs out of their list and found.txt.
func planted(list string) (string, error) {
	by, err := recorded("planted/found.txt", 4)
	if err != nil {
		return "", err
	}
	var rows []string
	found := 0
	for line := range strings.Lines(list) {
		name, breaks, _ := strings.Cut(strings.TrimSpace(line), " ")
		f := by[name]
		if f == nil {
			f = []string{"**not found**", "", ""}
		} else {
			found++
		}
		rows = append(rows, fmt.Sprintf("| %s | %s | %s, %s s: `%s` |", name, strings.TrimSpace(breaks), f[0], f[1], strings.ReplaceAll(f[2], "|", "")))
	}
	said, err := table("| bug | what is broken | found by |\n| --- | --- | --- |", rows)
	return fmt.Sprintf("**%d of %d found.**\n\n%s", found, len(rows), said), err
}

// hunted makes the table of what the hunter finds out of the list of planted bugs and
// hunted.txt.
func hunted(list string) (string, error) {
	by, err := recorded("planted/hunted.txt", 4)
	if err != nil {
		return "", err
	}
	var rows []string
	found, beyond := 0, 0
	for line := range strings.Lines(list) {
		name, why, _ := strings.Cut(strings.TrimSpace(line), " ")
		said := "nothing recorded: not found, or not run"
		switch f := by[name]; {
		case why != "":
			said = strings.TrimSpace(why)
			beyond++
		case f != nil:
			said = fmt.Sprintf("%s s: `%s`", f[1], f[2])
			found++
		}
		rows = append(rows, fmt.Sprintf("| %s | %s |", name, said))
	}
	said, err := table("| bug | found after |\n| --- | --- |", rows)
	return fmt.Sprintf("**%d of %d recorded as found within a minute each**, and %d beyond the hunter.\n\n%s", found, len(rows)-beyond, beyond, said), err
}

// recorded reads a file of lines of n fields, by the first field.
func recorded(file string, n int) (map[string][]string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	by := make(map[string][]string)
	for line := range strings.Lines(string(text)) {
		if f := strings.Split(strings.TrimSpace(line), "\t"); len(f) == n {
			by[f[0]] = f[1:]
		}
	}
	return by, nil
}

func table(head string, rows []string) (string, error) {
	if len(rows) == 0 {
		return "", errNoFigures
	}
	return head + "\n" + strings.Join(rows, "\n"), nil
}

var thousand = regexp.MustCompile(`\b\d{5,}\b`)

// grouped writes commas into large numbers.
func grouped(s string) string {
	return thousand.ReplaceAllStringFunc(s, func(n string) string {
		for i := len(n) - 3; i > 0; i -= 3 {
			n = n[:i] + "," + n[i:]
		}
		return n
	})
}
