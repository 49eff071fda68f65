// Package cli is the command line of asyncgen.
//
// The arguments are read here; plan.go finds out which outputs they ask for, and
// write.go writes these.
package cli

import (
	"errors"
	"flag"
	"fmt"
	"go/token"
	"io"
	"runtime/debug"
	"slices"
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
		err = c.run()
	}
	if err != nil {
		fmt.Fprintf(stderr, "asyncgen: %s\n", strings.ReplaceAll(err.Error(), "\n", " "))
		return 1
	}
	return 0
}

// A command is what the arguments ask for.
type command struct {
	types     []typeArg
	patterns  []string // folders, or folders with /... behind them
	output    string
	pkg       string
	tags      string
	factories string
	check     bool
	face      faceFlags
}

// A typeArg is one type of -type: Name, import/path.Name, or either with =As.
type typeArg struct{ spec, as string }

// name is the name without the path.
func (t typeArg) name() string { return t.spec[strings.LastIndex(t.spec, ".")+1:] }

// faceFlags are the flags that a comment on the interface may give, too.
type faceFlags struct {
	prefix       string
	as           string
	only         []string
	server, fake bool
	remote       string // the engine that the client for other processes uses, or nothing
	stream       face.Methods
	nostream     face.Methods
	discard      face.Methods
	comment      []load.Directive // what a comment says of methods
}

func (o *faceFlags) register(flags *flag.FlagSet) {
	flags.StringVar(&o.prefix, "prefix", o.prefix, "")
	list(flags, "only", &o.only)
	flags.BoolVar(&o.server, "server", o.server, "")
	flags.BoolVar(&o.fake, "fake", o.fake, "")
	flags.StringVar(&o.remote, "remote", o.remote, "")
}

func parse(args []string, stdout io.Writer) (*command, error) {
	c := &command{face: faceFlags{prefix: face.DefaultPrefix}}
	var types, stream, nostream, discard []string
	version := false
	flags := flag.NewFlagSet("asyncgen", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	list(flags, "type", &types)
	list(flags, "stream", &stream)
	list(flags, "nostream", &nostream)
	list(flags, "discard", &discard)
	c.face.register(flags)
	flags.StringVar(&c.output, "output", "", "")
	flags.StringVar(&c.pkg, "package", "", "")
	flags.StringVar(&c.tags, "tags", "", "")
	flags.StringVar(&c.factories, "factories", "", "")
	flags.BoolVar(&c.check, "check", false, "")
	flags.BoolVar(&version, "version", false, "")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage)
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("%w; asyncgen -h tells more", err)
	case version:
		fmt.Fprintln(stdout, "asyncgen", buildVersion())
		return nil, flag.ErrHelp
	}
	c.face.stream = face.NewMethods("stream", stream)
	c.face.nostream = face.NewMethods("nostream", nostream)
	c.face.discard = face.NewMethods("discard", discard)
	c.patterns = flags.Args()
	if len(c.patterns) == 0 {
		c.patterns = []string{"."}
	}
	for _, text := range types {
		t, err := parseType(text)
		if err != nil {
			return nil, err
		}
		c.types = append(c.types, t)
	}
	return c, c.valid()
}

func parseType(text string) (typeArg, error) {
	spec, as, renamed := strings.Cut(text, "=")
	if renamed && !token.IsIdentifier(as) {
		return typeArg{}, fmt.Errorf("-type %s: want a name behind the =", text)
	}
	return typeArg{spec, as}, nil
}

func (c *command) valid() error {
	if err := c.face.valid(); err != nil {
		return err
	}
	switch {
	case c.pkg != "" && !token.IsIdentifier(c.pkg):
		return fmt.Errorf("-package %s: want a name", c.pkg)
	case c.factories != "" && !token.IsIdentifier(c.factories):
		return fmt.Errorf("-factories %s: want a name", c.factories)
	}
	return nil
}

func (o *faceFlags) valid() error {
	if r, _ := utf8.DecodeRuneInString(o.prefix); !token.IsIdentifier(o.prefix) || !unicode.IsUpper(r) {
		return fmt.Errorf("-prefix %s: want a name that begins with a capital letter", o.prefix)
	}
	parts, err := face.ParseParts(o.only)
	switch {
	case err != nil:
		return fmt.Errorf("-only %w", err)
	case o.discard.Any() && len(o.only) > 0 && !parts.Calls && o.remote == "":
		return errNoCalls
	case o.remote != "" && o.remote != "nats":
		return fmt.Errorf("-remote %s: there is nats", o.remote)
	case parts.Remote && o.remote == "":
		return errors.New("-only remote: say over what, by -remote nats")
	}
	return nil
}

var errNoCalls = errors.New("-discard is for the clients whose methods return calls, which -only leaves out")

// with returns the flags with those of a comment, which the command line overrules
// where it says anything.
func (o *faceFlags) with(args string, pos token.Position) (*faceFlags, error) {
	both := *o
	said := faceFlags{prefix: o.prefix}
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	said.register(flags)
	flags.StringVar(&both.as, "name", "", "")
	for _, name := range []string{"stream", "nostream", "discard"} {
		flags.Func(name, "", func(text string) error {
			both.comment = append(both.comment, load.Directive{Name: "gen -" + name, Args: text, Pos: pos})
			return nil
		})
	}
	if err := flags.Parse(strings.Fields(args)); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("want flags, not %s", flags.Arg(0))
	}
	if both.as != "" && !token.IsIdentifier(both.as) {
		return nil, fmt.Errorf("-name %s: want a name", both.as)
	}
	if parts, err := face.ParseParts(said.only); err == nil && len(said.only) > 0 && !parts.Calls && o.remote == "" && said.remote == "" &&
		slices.ContainsFunc(both.comment, func(d load.Directive) bool { return d.Name == "gen -discard" }) {
		return nil, errNoCalls
	}
	if o.prefix == face.DefaultPrefix {
		both.prefix = said.prefix
	}
	if len(o.only) == 0 {
		both.only = said.only
	}
	if o.remote == "" {
		both.remote = said.remote
	}
	both.server, both.fake = o.server || said.server, o.fake || said.fake
	return &both, both.valid()
}

// options are the flags as the writer of a face takes them.
func (o *faceFlags) options() *face.Options {
	parts := face.DefaultParts()
	if len(o.only) > 0 {
		parts, _ = face.ParseParts(o.only) // valid has seen the error
	}
	parts.Server = parts.Server || o.server
	parts.Fake = parts.Fake || o.fake
	parts.Remote = o.remote != ""
	return &face.Options{Prefix: o.prefix, Parts: parts, Stream: o.stream, NoStream: o.nostream, Discard: o.discard, Comment: o.comment}
}

// list is a flag that adds up to a list, separated by commas or spaces.
func list(flags *flag.FlagSet, name string, to *[]string) {
	flags.Func(name, "", func(text string) error {
		*to = append(*to, strings.FieldsFunc(text, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })...)
		return nil
	})
}

// buildVersion is the version of the module that the tool was built from.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
