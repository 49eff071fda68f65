package cli

import (
	"bytes"
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

// A file is an output that is to be written.
type file struct {
	name string
	text []byte
}

// run makes the text of every output, and then writes them: nothing is written where
// one of them cannot be made.
func (c *command) run() error {
	ss := load.NewSession(c.tags)
	jobs, err := c.plan(ss)
	if err != nil {
		return err
	}
	if err := notByHand(jobs); err != nil {
		return err
	}
	packages, types, err := ss.Load(requests(jobs, c.pkg))
	if err != nil {
		return err
	}
	var files []file
	for i, j := range jobs {
		more, err := c.generate(j, packages[i], types[i])
		if err != nil {
			return err
		}
		files = append(files, more...)
	}
	options := c.face.options()
	if err := options.Unmet(); err != nil {
		return err
	}
	if c.check {
		return upToDate(files)
	}
	return writeAll(files)
}

// notByHand refuses to overwrite what is not an output of this tool.
func notByHand(jobs []*job) error {
	for _, j := range jobs {
		for _, o := range j.outputs {
			old, err := os.ReadFile(o.name)
			_, ours := load.Ours(old)
			switch {
			case err != nil && !errors.Is(err, fs.ErrNotExist):
				return fmt.Errorf("%s:1: not overwritten, for who has written it cannot be told: %w", o.name, err)
			case len(old) > 0 && !ours:
				return fmt.Errorf("%s:1: not written by asyncgen, and so not overwritten", o.name)
			}
		}
	}
	return nil
}

// requests are what is to be loaded for the jobs.
func requests(jobs []*job, pkg string) []*load.Request {
	var list []*load.Request
	for _, j := range jobs {
		r := &load.Request{Dir: j.dir, Package: cmp.Or(pkg, j.pkg), Needs: face.Needs(j.remote())}
		stubs := make(map[string][]string)
		for _, o := range j.outputs {
			r.Outputs = append(r.Outputs, o.name)
			for _, t := range o.types {
				r.Types = append(r.Types, t.spec)
				stubs[t.spec] = append(stubs[t.spec], face.Stubs(t.flags.prefix, t.as())...)
			}
		}
		r.Stubs = func(spec string) []string { return stubs[spec] }
		list = append(list, r)
	}
	return list
}

// generate makes the texts of a job's outputs, which compile together.
func (c *command) generate(j *job, p *load.Package, types []*load.Type) ([]file, error) {
	var files []file
	var texts []load.Output
	var outs []*face.Output
	claimed := make(map[string]bool)
	for _, o := range j.outputs {
		out := &face.Output{Name: o.name, Factories: c.factories, Claimed: claimed}
		for _, t := range o.types {
			out.Targets = append(out.Targets, face.Target{Type: types[0], As: t.as(), Options: t.flags.options()})
			types = types[1:]
		}
		text, err := out.Generate(p)
		if err != nil {
			return nil, err
		}
		if err := notAnothers(o, out, p); err != nil {
			return nil, err
		}
		files = append(files, file{o.name, text})
		outs = append(outs, out)
		texts = append(texts, load.Output{Name: o.name, Text: text})
	}
	fault, err := p.Verify(texts)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: the output would not compile: %w", j.outputs[0].types[0].spec, err)
	case fault != nil:
		return nil, outs[fault.Output].Blame(fault)
	}
	return files, nil
}

// notAnothers refuses to overwrite the output for other types that are still there.
func notAnothers(o *output, out *face.Output, p *load.Package) error {
	old, err := os.ReadFile(o.name)
	if err != nil {
		return nil //nolint:nilerr // there is none
	}
	command, _ := load.Ours(old)
	for _, text := range out.Foreign(command) {
		spec, _, _ := strings.Cut(text, "=")
		if _, ok := p.Declares(spec); ok || strings.Contains(spec, ".") {
			return fmt.Errorf("%s:1: is the output for %s: give another by -output, or remove it", o.name, text)
		}
	}
	return nil
}

// upToDate returns an error for the first output that is not as it would be written.
func upToDate(files []file) error {
	for _, f := range files {
		old, err := os.ReadFile(f.name)
		switch {
		case err != nil:
			return fmt.Errorf("%s:1: missing: run go generate", f.name)
		case !same(old, f.text):
			return fmt.Errorf("%s:%d: out of date: run go generate", f.name, firstDifference(normal(old), f.text))
		}
	}
	return nil
}

// same compares an output with a text, but for the ends of lines: these are as git has
// checked them out.
func same(old, text []byte) bool { return bytes.Equal(normal(old), text) }

func normal(old []byte) []byte { return bytes.ReplaceAll(old, []byte("\r\n"), []byte("\n")) }

// firstDifference is the line in which two texts differ first.
func firstDifference(a, b []byte) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return bytes.Count(a[:n], []byte("\n")) + 1
}

// writeAll writes the files that have changed, each whole or not at all: all of them
// are written beside their places before the first is put there.
func writeAll(files []file) (err error) {
	var temporary []string
	defer func() {
		for _, name := range temporary {
			_ = os.Remove(name)
		}
	}()
	files = slices.DeleteFunc(files, func(f file) bool {
		old, err := os.ReadFile(f.name)
		return err == nil && same(old, f.text)
	})
	for i := range files {
		files[i].name = target(files[i].name)
		name, err := writeBeside(files[i])
		temporary = append(temporary, name)
		if err != nil {
			return err
		}
	}
	for i, f := range files {
		if err := os.Rename(temporary[i], f.name); err != nil {
			return err
		}
	}
	return nil
}

// target is the file that a link points to, be it there or not, or else the name itself.
func target(name string) string {
	for range 40 { // as many as Linux follows
		if file, err := filepath.EvalSymlinks(name); err == nil {
			return file
		}
		to, err := os.Readlink(name)
		if err != nil {
			break
		}
		if !filepath.IsAbs(to) {
			dir, err := filepath.EvalSymlinks(filepath.Dir(name))
			if err != nil {
				break
			}
			to = filepath.Join(dir, to)
		}
		name = to
	}
	return name
}

// writeBeside writes the text of a file into another one in the same folder. It has the
// permissions of the file that is there.
func writeBeside(file file) (name string, err error) {
	f, err := os.CreateTemp(filepath.Dir(file.name), ".asyncgen-*")
	if err != nil {
		return "", err
	}
	mode := fs.FileMode(0o644)
	if old, err := os.Stat(file.name); err == nil {
		mode = old.Mode().Perm()
	}
	_, err = f.Write(file.text)
	return f.Name(), errors.Join(err, f.Chmod(mode), f.Close())
}
