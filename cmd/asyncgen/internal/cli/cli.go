// Package cli is the command line of asyncgen.
package cli

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"go/token"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/seed4712c49f/async/cmd/asyncgen/internal/face"
	"github.com/seed4712c49f/async/cmd/asyncgen/internal/load"
)

// Run does what the arguments say and returns the exit code: 1 for whatever is
// wrong, after one line about it on stderr.
func Run(args []string, stdout, stderr io.Writer) int {
	c, err := parse(args, stdout)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err == nil {
		err = c.run(stdout)
	}
	if err != nil {
		fmt.Fprintf(stderr, "asyncgen: %s\n", strings.ReplaceAll(err.Error(), "\n", " "))
		return 1
	}
	return 0
}

// A command is what the arguments ask for.
type command struct {
	types  []string
	dir    string
	output string
	pkg    string
	tags   string
	check  bool
	face   face.Options
}

func parse(args []string, stdout io.Writer) (*command, error) {
	c := new(command)
	var stream, nostream, discard, only []string
	var server, fake bool
	flags := flag.NewFlagSet("asyncgen", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	list(flags, "type", &c.types)
	list(flags, "stream", &stream)
	list(flags, "nostream", &nostream)
	list(flags, "discard", &discard)
	list(flags, "only", &only)
	flags.BoolVar(&server, "server", false, "")
	flags.BoolVar(&fake, "fake", false, "")
	flags.StringVar(&c.output, "output", "", "")
	flags.StringVar(&c.pkg, "package", "", "")
	flags.StringVar(&c.face.Prefix, "prefix", face.DefaultPrefix, "")
	flags.StringVar(&c.tags, "tags", "", "")
	flags.BoolVar(&c.check, "check", false, "")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage)
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("%w; asyncgen -h tells more", err)
	}
	c.dir = "."
	c.face.Stream = face.NewMethods("stream", stream)
	c.face.NoStream = face.NewMethods("nostream", nostream)
	c.face.Discard = face.NewMethods("discard", discard)
	c.face.Parts = face.DefaultParts()
	if len(only) > 0 {
		var err error
		if c.face.Parts, err = face.ParseParts(only); err != nil {
			return nil, fmt.Errorf("-only %w", err)
		}
	}
	c.face.Parts.Server = c.face.Parts.Server || server
	c.face.Parts.Fake = c.face.Parts.Fake || fake
	switch r, _ := utf8.DecodeRuneInString(c.face.Prefix); {
	case len(c.types) == 0:
		return nil, errors.New("-type is missing; asyncgen -h tells more")
	case !token.IsIdentifier(c.face.Prefix) || !unicode.IsUpper(r):
		return nil, fmt.Errorf("-prefix %s: want a name that begins with a capital letter", c.face.Prefix)
	case c.pkg != "" && !token.IsIdentifier(c.pkg):
		return nil, fmt.Errorf("-package %s: want a name", c.pkg)
	case flags.NArg() > 1:
		return nil, fmt.Errorf("want one folder, not %s", strings.Join(flags.Args(), " "))
	case flags.NArg() == 1:
		c.dir = flags.Arg(0)
	}
	return c, c.place()
}

// list is a flag that adds up to a list, separated by commas or spaces.
func list(flags *flag.FlagSet, name string, to *[]string) {
	flags.Func(name, "", func(text string) error {
		*to = append(*to, strings.FieldsFunc(text, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })...)
		return nil
	})
}

// place settles where the output goes.
func (c *command) place() error {
	if info, err := os.Stat(c.dir); err != nil || !info.IsDir() {
		return fmt.Errorf("%s is not a folder", c.dir)
	}
	if c.output == "" {
		name := c.types[0][strings.LastIndex(c.types[0], ".")+1:]
		c.output = filepath.Join(c.dir, strings.ToLower(name)+"_async.go")
	}
	if filepath.Ext(c.output) != ".go" {
		return fmt.Errorf("-output %s: want a name that ends in .go", c.output)
	}
	if info, err := os.Stat(filepath.Dir(c.output)); err != nil || !info.IsDir() {
		return fmt.Errorf("-output %s: its folder does not exist", c.output)
	}
	return nil
}

func (c *command) run(io.Writer) error {
	old, err := os.ReadFile(c.output)
	if err == nil && len(old) > 0 && !bytes.HasPrefix(old, []byte(face.Header)) && !bytes.Contains(old, []byte(face.Header)) {
		return fmt.Errorf("%s:1: not written by asyncgen, and so not overwritten", c.output)
	}
	text, err2 := c.generate()
	if err2 != nil {
		return err2
	}
	switch {
	case err == nil && bytes.Equal(old, text):
		return nil
	case c.check && err != nil:
		return fmt.Errorf("%s:1: missing: run go generate", c.output)
	case c.check:
		return fmt.Errorf("%s:%d: out of date: run go generate", c.output, firstDifference(old, text))
	}
	return write(c.output, text)
}

// firstDifference is the line in which two texts differ first.
func firstDifference(a, b []byte) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return bytes.Count(a[:n], []byte("\n")) + 1
}

// generate returns the text of the output, which compiles.
func (c *command) generate() ([]byte, error) {
	p, ts, err := load.Load(load.Request{
		Dir:     c.dir,
		Output:  c.output,
		Package: c.pkg,
		Tags:    c.tags,
		Types:   c.types,
		Stubs:   face.Stubs(c.face.Prefix),
		Needs:   face.Needs(),
	})
	if err != nil {
		return nil, err
	}
	text, err := face.Generate(p, ts, &c.face)
	if err != nil {
		return nil, err
	}
	if err := c.face.Unmet(); err != nil {
		return nil, err
	}
	if err := p.Verify(c.output, text); err != nil {
		return nil, fmt.Errorf("%s: the output would not compile: %w", ts[0].Spec, err)
	}
	return text, nil
}

// write puts text into a file, whole or not at all. Where the name is a link, the
// file is what that points to.
func write(name string, text []byte) error {
	if target, err := filepath.EvalSymlinks(name); err == nil {
		name = target
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".asyncgen-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
