package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/seed4712c49f/async/cmd/asyncgen/internal/face"
	"github.com/seed4712c49f/async/cmd/asyncgen/internal/load"
)

// A job is what is written into one package.
type job struct {
	dir     string // of the interfaces
	pkg     string // the external test package, where the outputs are of that
	test    bool   // the outputs are tests
	outputs []*output
}

// An output is one file.
type output struct {
	name  string
	named bool // by -output
	types []wanted
}

// remote reports whether an output of the job has a client for other processes.
func (j *job) remote() bool {
	return slices.ContainsFunc(j.outputs, func(o *output) bool {
		return slices.ContainsFunc(o.types, func(t wanted) bool { return t.flags.options().Parts.Remote })
	})
}

// A wanted type is one that an output is for.
type wanted struct {
	typeArg
	flags *faceFlags
	test  bool // a test file declares it
}

// as is the name that the declarations are derived from.
func (t wanted) as() string {
	switch {
	case t.typeArg.as != "":
		return t.typeArg.as
	case t.flags.as != "":
		return t.flags.as
	}
	return t.name()
}

// plan returns the jobs that the arguments ask for: those types of -type that a folder
// declares, or without -type those interfaces that ask for an output by a comment.
func (c *command) plan(ss *load.Session) ([]*job, error) {
	dirs, several, err := c.folders()
	if err != nil {
		return nil, err
	}
	if several {
		err = c.validForSeveral()
	}
	if err != nil {
		return nil, err
	}
	if len(c.types) == 0 {
		return c.planMarked(ss, dirs)
	}
	var jobs []*job
	missing := slices.Clone(c.types)
	for _, dir := range dirs {
		types := c.types
		if several {
			if types, err = declared(ss, dir, c.types); err != nil {
				return nil, err
			}
		}
		if len(types) == 0 {
			continue
		}
		missing = slices.DeleteFunc(missing, func(t typeArg) bool { return slices.Contains(types, t) })
		j, err := c.jobOf(ss, dir, types)
		if err != nil {
			return nil, err
		}
		jobs = append(jobs, j)
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("-type %s: no package of %s declares it", missing[0].spec, strings.Join(c.patterns, " "))
	}
	return jobs, nil
}

func (c *command) validForSeveral() error {
	switch {
	case c.pkg != "":
		return fmt.Errorf("-package %s: want one folder, not %s", c.pkg, strings.Join(c.patterns, " "))
	case c.output != "" && filepath.Base(c.output) != c.output:
		return fmt.Errorf("-output %s: for several folders want a name without one", c.output)
	}
	for _, t := range c.types {
		if strings.Contains(t.spec, ".") {
			return fmt.Errorf("-type %s: for several folders want a name without a path", t.spec)
		}
	}
	return nil
}

// declared returns those of the types that a folder declares.
func declared(ss *load.Session, dir string, types []typeArg) ([]typeArg, error) {
	folder, err := ss.Folder(dir)
	if err != nil {
		return nil, err
	}
	var list []typeArg
	for _, t := range types {
		if folder.Declares(t.spec) {
			list = append(list, t)
		}
	}
	return list, nil
}

// jobOf is the job for types that were asked for by name, in one output.
func (c *command) jobOf(ss *load.Session, dir string, types []typeArg) (*job, error) {
	folder, err := markedFolder(ss, dir)
	if err != nil {
		return nil, err
	}
	o := &output{named: c.output != ""}
	external := ""
	for _, t := range types {
		flags := &c.face
		if mark, ok := folder.Mark(t.spec); ok {
			if flags, err = c.marked(mark); err != nil {
				return nil, err
			}
		}
		pkg, test := folder.TestOf(t.spec)
		if strings.HasSuffix(pkg, "_test") {
			external = pkg
		}
		o.types = append(o.types, wanted{t, flags, test})
	}
	switch {
	case c.output == "":
		o.name = filepath.Join(dir, defaultName(folder, o.types[0]))
	case len(c.patterns) == 1 && !strings.HasSuffix(c.patterns[0], "..."):
		o.name = c.output
	default:
		o.name = filepath.Join(dir, c.output)
	}
	j := &job{dir: dir, test: isTest(o.name), outputs: []*output{o}}
	if j.test && sameFolder(filepath.Dir(o.name), dir) {
		j.pkg = external
	}
	return j, validOutput(o.name)
}

// markedFolder is a folder whose comments //async:gen are where they count.
func markedFolder(ss *load.Session, dir string) (*load.Folder, error) {
	folder, err := ss.Folder(dir)
	if err != nil {
		return nil, err
	}
	return folder, folder.RefuseStray()
}

func isTest(name string) bool { return strings.HasSuffix(name, "_test.go") }

func sameFolder(a, b string) bool {
	x, errX := filepath.Abs(a)
	y, errY := filepath.Abs(b)
	return errX == nil && errY == nil && x == y
}

// marked returns the flags for an interface that has a comment.
func (c *command) marked(m load.Mark) (*faceFlags, error) {
	flags, err := c.face.with(m.Args, m.Pos)
	if err != nil {
		return nil, load.Errorf(m.Pos, "//async:gen: %v", err)
	}
	return flags, nil
}

// planMarked returns the jobs for interfaces that ask for an output by a comment.
func (c *command) planMarked(ss *load.Session, dirs []string) ([]*job, error) {
	var jobs []*job
	for _, dir := range dirs {
		folder, err := markedFolder(ss, dir)
		if err != nil {
			return nil, err
		}
		more, err := c.markedIn(folder, dir)
		if err != nil {
			return nil, err
		}
		jobs = append(jobs, more...)
	}
	switch {
	case len(jobs) == 0:
		return nil, errors.New("-type is missing, and no interface has a comment //async:gen (without a space); asyncgen -h tells more")
	case filepath.Base(c.output) != c.output && c.output != "":
		return nil, fmt.Errorf("-output %s: without -type want a name without a folder", c.output)
	}
	return jobs, nil
}

// markedIn returns the jobs for the interfaces of one folder that ask for an output: one for
// its package, one for the tests of that, and one for the external tests.
func (c *command) markedIn(folder *load.Folder, dir string) ([]*job, error) {
	var jobs []*job
	for _, m := range folder.Marks() {
		flags, err := c.marked(m)
		if err != nil {
			return nil, err
		}
		w := wanted{typeArg{spec: m.Name}, flags, m.Test}
		name := cmp.Or(c.output, defaultName(folder, w))
		j := &job{dir: dir, test: isTest(name)}
		switch {
		case m.Test && !j.test:
			return nil, load.Errorf(m.Pos, "%s is declared in a test file: -output must name one, too", m.Name)
		case m.Test && strings.HasSuffix(m.Package, "_test"):
			j.pkg = m.Package
		}
		name = filepath.Join(dir, name)
		for _, other := range jobs {
			if other.pkg == j.pkg && other.test == j.test {
				j = other
			} else if w := other.writes(name); w != nil {
				return nil, fmt.Errorf("%s:1: would be the output for %s and, in another package, for %s: run asyncgen for each, with -output", name, w.spec, m.Name)
			}
		}
		if len(j.outputs) == 0 {
			jobs = append(jobs, j)
		}
		if err := j.add(name, c.output != "", w); err != nil {
			return nil, err
		}
	}
	return jobs, nil
}

// writes returns a type that the output of a name is for, or nil where the job has no such
// output.
func (j *job) writes(name string) *wanted {
	for _, o := range j.outputs {
		if strings.EqualFold(o.name, name) {
			return &o.types[0]
		}
	}
	return nil
}

// add adds a type to the output of a name, which is for one type only where nobody has
// named it.
func (j *job) add(name string, named bool, w wanted) error {
	for _, o := range j.outputs {
		if !strings.EqualFold(o.name, name) {
			continue
		}
		if !named {
			return fmt.Errorf("%s:1: would be the output for %s and for %s: run asyncgen for each, with -output", name, o.types[0].spec, w.spec)
		}
		o.types = append(o.types, w)
		return nil
	}
	j.outputs = append(j.outputs, &output{name, named, []wanted{w}})
	return validOutput(name)
}

// folders expands the patterns. Several are more than one folder, or a pattern that may
// stand for more.
func (c *command) folders() (dirs []string, several bool, err error) {
	several = len(c.patterns) > 1
	for _, p := range c.patterns {
		root, all := strings.CutSuffix(filepath.ToSlash(p), "...")
		root = filepath.FromSlash(root)
		if all {
			several = true
			root = filepath.Clean(root)
		}
		if info, err := os.Stat(root); err != nil || !info.IsDir() {
			return nil, false, fmt.Errorf("%s is not a folder", root)
		}
		if !all {
			dirs = append(dirs, root)
			continue
		}
		below, err := foldersBelow(root)
		if err != nil {
			return nil, false, err
		}
		dirs = append(dirs, below...)
	}
	slices.Sort(dirs)
	return slices.Compact(dirs), several, nil
}

// foldersBelow returns the folders that the go command takes root/... for: without
// other modules, and without what is testdata, vendored, hidden or ignored.
func foldersBelow(root string) (dirs []string, err error) {
	ignored := load.Ignored(root)
	slash := string(filepath.Separator) // behind a link to a folder it is the folder
	err = filepath.WalkDir(strings.TrimSuffix(root, slash)+slash, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		path = filepath.Clean(path)
		if path != root {
			name := d.Name()
			_, other := os.Stat(filepath.Join(path, "go.mod"))
			if name == "testdata" || name == "vendor" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || other == nil || ignored(path) {
				return filepath.SkipDir
			}
		}
		dirs = append(dirs, path)
		return nil
	})
	return dirs, err
}

// defaultName is the name of an output that nobody has named. Another prefix is part
// of it, and a build constraint where the type is declared for other builds, too.
func defaultName(folder *load.Folder, t wanted) string {
	name := strings.ToLower(t.as())
	if t.flags.prefix != face.DefaultPrefix {
		name += "_" + strings.ToLower(t.flags.prefix)
	}
	if !strings.Contains(t.spec, ".") {
		name += folder.Variant(t.spec)
	}
	if t.test {
		return name + "_async_test.go"
	}
	return name + "_async.go"
}

func validOutput(name string) error {
	base := filepath.Base(name)
	switch {
	case filepath.Ext(name) != ".go":
		return fmt.Errorf("-output %s: want a name that ends in .go", name)
	case base[0] == '_' || base[0] == '.':
		return fmt.Errorf("-output %s: the go command leaves out files whose names begin with %c", name, base[0])
	}
	if info, err := os.Stat(filepath.Dir(name)); err != nil || !info.IsDir() {
		return fmt.Errorf("-output %s: its folder does not exist", name)
	}
	return nil
}
