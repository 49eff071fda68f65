package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// A tree is a copy of the library to plant bugs in. Each hunt is in the same
// folder, so that what a bug does not touch is not built again.
type tree struct{ tmp string }

func newTree() (*tree, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/seed4712c49f/async").Output()
	if err != nil {
		return nil, fmt.Errorf("planted runs in the module verify: %w", err)
	}
	tmp, err := os.MkdirTemp("", "async-planted-")
	if err != nil {
		return nil, err
	}
	t := &tree{tmp}
	return t, copyTree(strings.TrimSpace(string(out)), t.pristine())
}

func (t *tree) remove() { os.RemoveAll(t.tmp) }

func (t *tree) copy() string     { return filepath.Join(t.tmp, "async") }
func (t *tree) pristine() string { return filepath.Join(t.tmp, "pristine") }

// restore makes the copy what the library was at the start.
func (t *tree) restore() error {
	if err := os.RemoveAll(t.copy()); err != nil {
		return err
	}
	return copyTree(t.pristine(), t.copy())
}

// copyTree copies the files of a tree, but what no test of the library needs.
func copyTree(from, folder string) error {
	return filepath.WalkDir(from, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		to := filepath.Join(folder, rel)
		switch {
		case d.IsDir() && (d.Name() == ".git" || d.Name() == "bench"):
			return filepath.SkipDir
		case d.IsDir():
			return os.MkdirAll(to, 0o755)
		case !d.Type().IsRegular():
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(to, text, 0o644)
	})
}

// green has every suite green in the unpatched copy.
func (t *tree) green(suites []suite) error {
	if err := t.restore(); err != nil {
		return err
	}
	for _, s := range suites {
		fmt.Fprintf(os.Stdout, "unpatched, %s: ", s.name)
		f := t.try(s)
		if f.err != nil || f.found() {
			return fmt.Errorf("%s without a bug: %v", s.name, f)
		}
		fmt.Fprintf(os.Stdout, "green in %.2fs\n", f.took.Seconds())
	}
	return nil
}

// find plants a bug and tries the suites until one goes red.
func (t *tree) find(b bug, m mode) (f finding) {
	if m.hunter && b.beyond != "" {
		f.beyond = b.beyond
		return f
	}
	if f.err = t.restore(); f.err != nil {
		return f
	}
	if f.err = t.apply(b); f.err != nil {
		return f
	}
	for _, s := range suitesFor(b, m) {
		fmt.Fprintf(os.Stdout, "%s… ", s.name)
		if f = t.try(s); f.err != nil || f.found() {
			return f
		}
	}
	return f
}

func (t *tree) apply(b bug) error {
	cmd := exec.Command("git", "apply", "-p1", b.file)
	cmd.Dir = t.copy()
	cmd.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+t.tmp) // it is in no repository
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("the patch no longer applies: %s", bytes.TrimSpace(out))
	}
	return nil
}

// try builds and runs one suite and says whether it went red.
func (t *tree) try(s suite) (f finding) {
	bin := filepath.Join(t.tmp, s.name+".test")
	build := append([]string{"test", "-c", "-vet=off", "-o", bin}, s.build...)
	if out, err := t.command(s, 5*time.Minute, "go", append(build, ".")...); err != nil {
		f.err = fmt.Errorf("%s does not compile: %s", s.name, bytes.TrimSpace(out))
		return f
	}
	start := time.Now()
	out, err := t.command(s, s.limit, bin, append(s.run, "-test.timeout="+s.limit.String())...)
	f.took = time.Since(start)
	if err != nil {
		f.suite, f.test = s.name, failed(out)
		if m := hunted.FindSubmatch(out); m != nil {
			f.test = string(m[2])
			f.took, _ = time.ParseDuration(string(m[1])) // of a processor
		}
	}
	return f
}

// command runs something in the folder of a suite. What it prints goes to a file:
// a pipe would keep whoever reads it until the last child of a test has ended.
func (t *tree) command(s suite, limit time.Duration, name string, arg ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit+10*time.Second)
	defer cancel()
	log, err := os.Create(filepath.Join(t.tmp, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.CommandContext(ctx, name, arg...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = filepath.Join(t.copy(), s.dir), log, log
	err = cmd.Run()
	text, readErr := os.ReadFile(log.Name())
	return text, errors.Join(err, readErr)
}

var (
	failLine = regexp.MustCompile(`(?m)^--- FAIL: (\S+)`)
	runLine  = regexp.MustCompile(`(?m)^=== RUN\s+(\S+)`)
	hunted   = regexp.MustCompile(`(?m)after (\S+): (\w+): `)
	why      = regexp.MustCompile(`(?m)^(panic: test timed out|panic: |fatal error: |WARNING: DATA RACE).*$`)
)

// failed returns the test that failed first, or that ran when the program ended,
// with the reason for that.
func failed(out []byte) string {
	if m := failLine.FindSubmatch(out); m != nil {
		return string(m[1])
	}
	test := "no test"
	if all := runLine.FindAllSubmatch(out, -1); len(all) > 0 {
		test = string(all[len(all)-1][1])
	}
	if m := why.Find(out); m != nil {
		test += " (" + string(m) + ")"
	}
	return test
}
