// Figures runs what has figures and writes them into docs/verification.md, between
// markers, with the command beside them.
//
//	go run ./cmd/figures                       in verify: all but what takes long
//	go run ./cmd/figures explorer planted      those
//
// The tables of planted bugs are made from planted/found.txt, which
// go run ./cmd/planted -record writes, and from planted/hunted.txt, which the same with
// -hunt writes.
package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
)

const page = "../docs/verification.md"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "figures:", err)
		os.Exit(1)
	}
}

func run(names []string) error {
	text, err := os.ReadFile(page)
	if err != nil {
		return fmt.Errorf("figures runs in the module verify: %w", err)
	}
	for _, p := range parts() {
		if len(names) == 0 && p.long || len(names) > 0 && !slices.Contains(names, p.name) {
			continue
		}
		fmt.Fprintln(os.Stdout, p.name+":", strings.Join(p.command, " "))
		said, err := p.run()
		if err != nil {
			return err
		}
		if text, err = fill(text, p.name, said); err != nil {
			return err
		}
	}
	return os.WriteFile(page, text, 0o600)
}

// fill puts said between the markers of a part.
func fill(text []byte, name, said string) ([]byte, error) {
	begin, end := []byte("<!-- figures: "+name+" -->\n"), []byte("<!-- end of "+name+" -->")
	before, rest, ok := bytes.Cut(text, begin)
	if !ok {
		return nil, fmt.Errorf("%s has no marker %s", page, begin)
	}
	_, after, ok := bytes.Cut(rest, end)
	if !ok {
		return nil, fmt.Errorf("%s has no marker %s", page, end)
	}
	return slices.Concat(before, begin, []byte("\n"+said+"\n"), end, after), nil
}

// A part is one set of figures.
type part struct {
	name    string
	dir     string
	env     []string
	command []string
	long    bool // only where it is asked for
	format  func(out string) (string, error)
}

// run returns the figures with the command that made them.
func (p part) run() (string, error) {
	cmd := exec.Command(p.command[0], p.command[1:]...)
	cmd.Dir, cmd.Env = p.dir, append(os.Environ(), p.env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", p.name, err, out)
	}
	said, err := p.format(string(out))
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", p.name, err, out)
	}
	where := "of the module"
	if p.dir == "." {
		where = "verify"
	}
	shown := strings.Join(append(p.env, quoted(p.command)...), " ")
	return fmt.Sprintf("%s\n\nBy `%s` in the folder %s.\n", said, shown, where), nil
}

// quoted quotes what a shell would take apart.
func quoted(args []string) (q []string) {
	for _, a := range args {
		if strings.ContainsAny(a, "^$()|*") {
			a = "'" + a + "'"
		}
		q = append(q, a)
	}
	return q
}
