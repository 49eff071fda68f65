package main_test

import (
	"flag"
	"fmt"
	"go/format"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var sources = flag.Int("sources", 12, "how many random packages TestRandom makes")

// TestRandom makes faces for random interfaces, in packages full of clashing
// names, and has the go command vet the outputs, all at once.
func TestRandom(t *testing.T) {
	dir := t.TempDir()
	writeRemoteModule(t, dir, "random")
	writeDeps(t, dir)
	for seed := range uint64(*sources) {
		if text, stderr := generateRandom(t, dir, seed); stderr != "" {
			t.Errorf("seed %d: %s\n%s", seed, stderr, text)
		}
	}
	if !t.Failed() {
		goCommand(t, dir, "vet", "./...")
	}
}

// FuzzRandom is TestRandom for one package at a time, by seed. One takes about a
// second, so -fuzztime is best a number: -fuzztime 500x.
func FuzzRandom(f *testing.F) {
	f.Add(uint64(1_000_003))
	f.Fuzz(func(t *testing.T, seed uint64) {
		dir := t.TempDir()
		writeRemoteModule(t, dir, "random")
		writeDeps(t, dir)
		text, stderr := generateRandom(t, dir, seed)
		if stderr != "" {
			t.Fatalf("%s\n%s", stderr, text)
		}
		goCommand(t, dir, "vet", "./...")
	})
}

// generateRandom writes a random package and its output, and returns the source
// and what the tool said.
func generateRandom(t *testing.T, dir string, seed uint64) (text, stderr string) {
	t.Helper()
	s := newSource(seed)
	text = s.write()
	formatted, err := format.Source([]byte(text))
	if err != nil {
		t.Fatalf("seed %d: %v\n%s", seed, err, text)
	}
	at := filepath.Join(dir, fmt.Sprintf("p%d", seed))
	if err := os.Mkdir(at, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(at, "source.go"), formatted, 0o644); err != nil {
		t.Fatal(err)
	}
	args := []string{"-type", strings.Join(s.ifaces, ","), "-output", "out.go"}
	if seed%2 == 0 { // half of them with every part
		args = append(args, "-fake")
	}
	if s.remote {
		args = append(args, "-remote", "nats")
	}
	if seed%5 == 0 {
		args = append(args, "-prefix", "Slow")
	}
	_, stderr = asyncgen(t, at, args...)
	return string(formatted), stderr
}

// writeDeps writes packages with names that clash, for random ones to import.
func writeDeps(t *testing.T, dir string) {
	t.Helper()
	for path, text := range map[string]string{
		"dep/context": "package context\n\ntype T struct{}\ntype G[X any] []X\ntype I interface{ Embedded(T) (n int, err error) }\n",
		"dep/async":   "package sync\n\ntype T int\ntype G[X any] map[string]X\ntype I interface{ FinishEmbedded(...T) }\n",
		"dep/v2":      "package x\n\ntype T = func(x int) error\ntype G[X any] chan X\ntype I interface{ Wait(G[T]) (_ bool, x T) }\n",
	} {
		at := filepath.Join(dir, filepath.FromSlash(path))
		if err := os.MkdirAll(at, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(at, "dep.go"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// nasty are names that the output, or Go, has a use for.
var nasty = []string{
	"context", "async", "sync", "time", "reflect", "x", "x2", "ctx", "err", "v", "v1", "v2", "r", "fn", "method",
	"server", "opts", "object", "turn", "factory", "enter", "leave", "taken", "begun", "iface", "create", "cause", "d", "T", "K",
	"int", "string", "error", "any", "nil", "true", "append", "panic", "len", "uint64", "bool", "byte",
	"s", "a", "b", "ä", "arg1", "arg2", "errors", "template", "rand",
}

// A source is a random package.
type source struct {
	*rand.Rand
	b       strings.Builder
	uses    strings.Builder // one use of each import
	imports map[string]bool
	types   []string // of the package: names without parameters
	ifaces  []string
	params  []string // type parameters in scope
	remote  bool     // what it has can travel
}

func newSource(seed uint64) *source {
	return &source{Rand: rand.New(rand.NewPCG(seed, 1)), imports: make(map[string]bool), remote: seed%3 == 0}
}

func pick[T any](s *source, list ...T) T { return list[s.IntN(len(list))] }

// write returns the text of the package.
func (s *source) write() string {
	declared := map[string]bool{}
	for range s.IntN(6) {
		name := pick(s, nasty...)
		// What Go predeclares is left alone, and the names of the imports below.
		if declared[name] || slices.Contains([]string{"int", "string", "error", "any", "nil", "true", "append", "panic", "uint64", "bool", "byte", "len"}, name) {
			continue
		}
		declared[name] = true
		if s.IntN(2) == 0 {
			fmt.Fprintf(&s.b, "var %s = 1\n", name)
		} else {
			fmt.Fprintf(&s.b, "type %s %s\n", name, pick(s, s.travels([]string{"int", "struct{ N int }", "[]string"}, "struct{ n int }", "func()")...))
			s.types = append(s.types, name)
		}
	}
	s.b.WriteString("type Own struct{}\ntype Generic[A, B any] struct{}\ntype Alias = map[string]*Own\n")
	s.types = append(s.types, "Own", "Alias")
	for i := range 1 + s.IntN(3) {
		s.iface(pick(s, "Face", "face", "Sync", "X", "Context") + fmt.Sprint(i))
	}
	var head strings.Builder
	head.WriteString("package p\n\nimport (\n")
	for _, spec := range slices.Sorted(func(yield func(string) bool) {
		for spec := range s.imports {
			if !yield(spec) {
				return
			}
		}
	}) {
		head.WriteString(spec + "\n")
	}
	return head.String() + ")\n\n" + s.b.String() + s.uses.String()
}

func (s *source) iface(name string) {
	s.ifaces = append(s.ifaces, name)
	s.params = nil
	decl := ""
	if s.IntN(3) == 0 {
		var list []string
		for range 1 + s.IntN(3) {
			param := pick(s, "T", "K", "V", "Own2", "x", "ctx", "async", "r", "server", "opts", "object", "iface", "create", "face", "err", "ok", "fn", "name", "more", "o",
				"call", "calls", "promise", "want", "d", "cause", "take", "drop", "v", "v1", "serve", "queue", "R", "asyncimpl", "context", "reflect", "time")
			if slices.Contains(s.params, param) || slices.Contains(s.types, param) {
				continue
			}
			s.params = append(s.params, param)
			list = append(list, param+" "+pick(s, "any", "comparable", "~int | ~string", "interface{ Do() }", s.use("cmp", "Ordered"), s.use("fmt", "Stringer")))
		}
		if len(list) > 0 {
			decl = "[" + strings.Join(list, ", ") + "]"
		}
	}
	fmt.Fprintf(&s.b, "type %s%s interface {\n", name, decl)
	if s.IntN(3) == 0 && !s.remote {
		s.b.WriteString(pick(s, s.use("io", "Reader"), s.use("dep/context", "I"), s.use("dep/async", "I"), s.use("dep/v2", "I"), s.use("io/fs", "FS")) + "\n")
	}
	methods := []string{"Do", "do", "BeginDo", "FinishDo", "Begin", "Finish", "Done", "Wait2", "Release", "Cancel", "Signal", "IsDone",
		"Call", "CreateCall", "begin", "finish", "enter", "leave", "server", "opts", "object", "Seek", "WriteTo", "MarshalJSON", "A", "Ä", "X_", "Result"}
	s.Shuffle(len(methods), func(i, j int) { methods[i], methods[j] = methods[j], methods[i] })
	for _, m := range methods[:1+s.IntN(5)] {
		if s.remote && m == "CreateCall" {
			continue // which the client has
		}
		s.b.WriteString(m + s.signature(m) + "\n")
	}
	s.b.WriteString("}\n")
}

// signature is a random one, which go vet accepts for the method.
func (s *source) signature(method string) string {
	switch method {
	case "Seek":
		return "(offset int64, err int) (int64, error)"
	case "WriteTo":
		if s.remote {
			return s.both(4) // none of which is an io.Writer
		}
		return "(" + s.use("io", "Writer") + ") (x int64, err error)"
	case "MarshalJSON":
		return "() ([]byte, error)"
	}
	return s.both(4)
}

// both is parameters and results, whose names all differ.
func (s *source) both(most int) string {
	used := make(map[string]bool)
	return s.tuple(most, true, used) + " " + s.tuple(most, false, used)
}

// tuple is a list of parameters or results.
func (s *source) tuple(most int, params bool, used map[string]bool) string {
	var list []string
	named := s.IntN(2) == 0
	n := s.IntN(most + 1)
	for i := range n {
		t := s.typ(2)
		switch {
		case params && s.IntN(4) == 0 && !(s.remote && used["a context"]):
			t = s.use("context", "Context")
			used["a context"] = true
		case params && i == n-1 && s.IntN(4) == 0:
			t = "..." + t
		case !params && i == n-1 && s.IntN(2) == 0:
			t = "error"
		}
		if named {
			name := pick(s, nasty...)
			if used[name] || s.IntN(6) == 0 {
				name = "_"
			}
			used[name] = true
			t = name + " " + t
		}
		list = append(list, t)
	}
	return "(" + strings.Join(list, ", ") + ")"
}

// typ is a random type, nested at most depth deep.
func (s *source) typ(depth int) string {
	if depth == 0 || s.IntN(3) == 0 {
		return s.simple()
	}
	elem := func() string { return s.typ(depth - 1) }
	if s.remote {
		return s.traveler(elem)
	}
	switch s.IntN(13) {
	case 0:
		return "[]" + elem()
	case 1:
		return "*" + elem()
	case 2:
		return fmt.Sprintf("[%d]%s", s.IntN(4), elem())
	case 3:
		return "map[" + pick(s, "string", "int", "Own", "[2]bool") + "]" + elem()
	case 4:
		return pick(s, "chan ", "<-chan ", "chan<- ") + "(" + elem() + ")"
	case 5:
		return "func" + s.both(2)
	case 6:
		return "struct{ A " + elem() + "; b " + elem() + " `json:\"-\"` }"
	case 7:
		return "interface{ Do" + s.tuple(2, true, make(map[string]bool)) + "; " + pick(s, "error", "do()", "Own3() int") + " }"
	case 8:
		return "Generic[" + elem() + ", " + elem() + "]"
	case 9:
		return s.use("dep/context", "G") + "[" + elem() + "]"
	case 10:
		return s.use("dep/async", "G") + "[" + elem() + "]"
	case 11:
		return s.use("dep/v2", "G") + "[" + elem() + "]"
	}
	return s.use("iter", "Seq") + "[" + elem() + "]"
}

// travels is a list of what can travel, and where nothing has to, of more.
func (s *source) travels(list []string, more ...string) []string {
	if s.remote {
		return list
	}
	return append(list, more...)
}

// traveler is a random type that can travel.
func (s *source) traveler(elem func() string) string {
	switch s.IntN(5) {
	case 0:
		return "[]" + elem()
	case 1:
		return fmt.Sprintf("[%d]%s", s.IntN(4), elem())
	case 2:
		return "map[" + pick(s, "string", "int") + "]" + elem()
	case 3:
		return "struct{ A " + elem() + "; b " + elem() + " `json:\"-\"` }"
	}
	return "*Own"
}

func (s *source) simple() string {
	if s.remote {
		list := []string{"int", "string", "bool", "byte", "uint64", "struct{}", s.use("time", "Duration"), s.use("time", "Time"), s.use("dep/context", "T"), s.use("dep/async", "T")}
		return pick(s, append(append(list, s.types...), s.params...)...)
	}
	list := []string{
		"int", "string", "error", "any", "bool", "byte", "uint64", "struct{}", "interface{}", "func()",
		s.use("context", "Context"), s.use("context", "CancelFunc"), s.use("time", "Duration"), s.use("dep/context", "T"), s.use("dep/async", "T"), s.use("dep/v2", "T"),
		"*" + s.use("sync", "Mutex"), s.use("reflect", "Type"), s.use("unsafe", "Pointer"), "*" + s.use("math/rand", "Rand"), "*" + s.use("text/template", "Template"),
	}
	list = append(list, s.types...)
	return pick(s, append(list, s.params...)...)
}

// use names something of a package by a name that is the source's own. What the
// source does not use in the end is used by a blank declaration.
func (s *source) use(path, name string) string {
	alias := "i_" + strings.NewReplacer("/", "_").Replace(path)
	full := path
	if strings.HasPrefix(path, "dep/") {
		full = "random/" + path
	}
	spec := fmt.Sprintf("%s %q", alias, full)
	if !s.imports[spec] {
		s.imports[spec] = true
		switch path {
		case "cmp":
			s.uses.WriteString("var _ = " + alias + ".Compare[int]\n")
		case "iter":
			s.uses.WriteString("type _ = " + alias + ".Seq[int]\n")
		case "dep/v2", "dep/context", "dep/async":
			s.uses.WriteString("type _ = " + alias + ".T\n")
		default:
			s.uses.WriteString("type _ = " + alias + "." + name + "\n")
		}
	}
	return alias + "." + name
}
