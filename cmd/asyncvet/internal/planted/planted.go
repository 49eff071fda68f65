// Package planted plants faults in programs: copies of those in testdata/programs,
// each with one fault of those in testdata/planted. Its test has asyncvet find them,
// which is the measure of the analyzers.
//
// A fault is a text archive. Its comment says what is wrong and which analyzer has
// to say so; the files old and new, once or several times, say which lines of the
// program become which:
//
//	Breaks: the early return keeps the call.
//	Finds: unreleased
//	In: gateway/gateway.go
//
//	-- old --
//	...
//	-- new --
//	...
package planted

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/tools/txtar"
)

// A Fault is one of those that are planted.
type Fault struct {
	Name   string
	Breaks string // what is wrong
	Finds  string // the analyzer that has to find it
	In     string // the file of a program
	edits  [][2]string
}

// Read reads the faults of a folder.
func Read(dir string) ([]Fault, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no faults in %s: %w", dir, err)
	}
	faults := make([]Fault, len(files))
	for i, file := range files {
		if faults[i], err = read(file); err != nil {
			return nil, err
		}
	}
	return faults, nil
}

func read(file string) (Fault, error) {
	f := Fault{Name: strings.TrimSuffix(filepath.Base(file), ".txt")}
	a, err := txtar.ParseFile(file)
	if err != nil {
		return f, err
	}
	for line := range strings.Lines(string(a.Comment)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch key {
		case "Breaks":
			f.Breaks = value
		case "Finds":
			f.Finds = value
		case "In":
			f.In = value
		}
	}
	for i := 0; i+1 < len(a.Files); i += 2 {
		if a.Files[i].Name != "old" || a.Files[i+1].Name != "new" {
			return f, fmt.Errorf("%s: want old and new in turn", file)
		}
		f.edits = append(f.edits, [2]string{string(a.Files[i].Data), string(a.Files[i+1].Data)})
	}
	if f.Breaks == "" || f.Finds == "" || f.In == "" || len(f.edits) == 0 || len(a.Files)%2 != 0 {
		return f, fmt.Errorf("%s: want Breaks, Finds, In, and old and new in turn", file)
	}
	return f, nil
}

// Plant writes the package that the fault is in to a folder, with the fault.
func (f Fault) Plant(programs, dir string) error {
	from := filepath.Join(programs, filepath.Dir(f.In))
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		return err
	}
	file := filepath.Join(dir, filepath.Base(f.In))
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	program := string(text)
	for _, e := range f.edits {
		if n := strings.Count(program, e[0]); n != 1 {
			return fmt.Errorf("%s: its old lines are %d times in %s, want once:\n%s", f.Name, n, f.In, e[0])
		}
		program = strings.Replace(program, e[0], e[1], 1)
	}
	return os.WriteFile(file, []byte(program), 0o600)
}
