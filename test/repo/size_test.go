package repo_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// This file measures what one more result type costs a package that uses the library. A
// package with calls of many types, such as one that asyncgen has written, pays this for
// each.
//
// The compiler makes the generic methods once for each memory layout of the type argument.
// All pointer types have one layout. So have two named types whose underlying type is the
// same. For these a type adds what the compiler writes for each type: a dictionary, type
// descriptors, and methods that pass the dictionary on. A struct with other fields is
// another layout, and the compiler makes the methods again: the code, the line tables and
// the inlining trees. Each exported method adds to each type, whether the method is
// called or not. The library can make that smaller only by fewer or smaller generic methods.

// kinds are kinds of result types, by the declaration of the type of a number. In a kind of
// its own, each type is a struct of another size: of another layout.
var kinds = map[string]func(n int) string{
	"pointers": func(n int) string { return fmt.Sprintf("type S%d %s\ntype T%[1]d = *S%[1]d", n, layout(n)) },
	"layouts":  func(n int) string { return fmt.Sprintf("type T%d %s", n, layout(n)) },
}

// layout returns a struct type of n+1 words. A struct of many fields costs more: the
// compiler writes the layout, as text, into the name of each method that it makes.
func layout(n int) string { return fmt.Sprintf("struct{ a [%d]int }", n+1) }

// uses are what a package does with each of its result types, as the parameters and the
// body of a function, and the bytes that one more type may then add to the archive. What
// is above 100 kB, and why, stands in decision 0027.
var uses = map[string]struct {
	params, body     string // with T for the type
	pointer, layouts int
}{
	"Go and Await":   {"fn func(context.Context) (T, error)", "_, _ = async.Go(ctx, fn).Await(ctx)", 77_000, 157_000},
	"promise":        {"v T", "p, c := async.NewPromise[T](ctx); p.Complete(v, nil); _, _ = c.Await(ctx)", 77_500, 157_000},
	"Begin, Finish":  {"fn func(context.Context) (T, error)", "var c async.Call[T]; _ = c.Begin(ctx, fn); _ = c.Wait(ctx); _, _ = c.Finish()", 73_500, 145_000},
	"Discard":        {"fn func(context.Context) (T, error)", "async.Go(ctx, fn, async.Discard(func(T, error) {})).Release()", 100_000, 196_000},
	"Set of calls":   {"fn func(context.Context) (T, error)", "var s async.Set[int]; s.Add(1, async.Go(ctx, fn)); _, _ = s.Next(ctx)", 77_500, 157_000},
	"Map":            {"in iter.Seq[int], fn func(context.Context, int) (T, error)", "for range async.Map(ctx, in, fn) {\n}", 49_000, 128_000},
	"Hedge":          {"fn func(context.Context, int) (T, error)", "_, _ = async.Hedge(ctx, 1, 2, fn)", 79_000, 173_000},
	"GoEach and All": {"in []int, fn func(context.Context, int) (T, error)", "_, _ = async.GoEach(ctx, in, fn).All(ctx)", 138_000, 315_000},
	"Group":          {"g *async.Group[string, T], fn func(context.Context) (T, error)", `_, _, _ = g.Do(ctx, "", fn)`, 97_000, 200_000},
	"Lazy":           {"l *async.Lazy[T]", "_, _ = l.Get(ctx)", 18_700, 48_500},
}

// TestSize_OneMoreResultType builds packages with one result type and with more.
func TestSize_OneMoreResultType(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs the compiler for a minute")
	}
	needGo(t)
	const more = 2
	texts := make(map[string]string)
	for name, use := range uses {
		for kind := range kinds {
			for _, n := range []int{1, 1 + more} {
				texts[fmt.Sprint(name, kind, n)] = declarations(kinds[kind], use.params, use.body, n)
			}
		}
	}
	size := archives(t, texts)
	for name, use := range uses {
		for kind, most := range map[string]int{"pointers": use.pointer, "layouts": use.layouts} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				each := (size[fmt.Sprint(name, kind, 1+more)] - size[fmt.Sprint(name, kind, 1)]) / more
				t.Logf("%d bytes for one more type", each)
				if each > most {
					t.Errorf("one more type adds %d bytes to the archive, %d are allowed", each, most)
				}
				if each < most*9/10 {
					t.Errorf("one more type adds %d bytes to the archive: that is no measure, or %d is too much to allow", each, most)
				}
			})
		}
	}
}

// TestSize_FirstResultType builds a package with one result type: what every package that
// uses the library compiles. A generic type that a call can reach by fields and signatures
// adds to that; see package list.
func TestSize_FirstResultType(t *testing.T) {
	needGo(t)
	use := uses["Go and Await"]
	const most = 240_000
	size := archives(t, map[string]string{"one": declarations(kinds["pointers"], use.params, use.body, 1)})
	if size["one"] > most {
		t.Errorf("the archive has %d bytes, %d are allowed", size["one"], most)
	}
}

// declarations returns n types, and a function for each that uses it.
func declarations(declare func(n int) string, params, body string, n int) string {
	var text strings.Builder
	for i := range n {
		of := func(s string) string { return typeName.ReplaceAllString(s, fmt.Sprint("T", i)) }
		fmt.Fprintf(&text, "%s\n\nfunc use%d(ctx context.Context, %s) {\n\t%s\n}\n\n", declare(i), i, of(params), of(body))
	}
	return text.String()
}

// typeName is the name that stands for a result type.
var typeName = regexp.MustCompile(`\bT\b`)

// archives returns the sizes of compiled packages by their names. The texts are their
// declarations. All are packages of one module, so that one run of the go command
// compiles them, and their import paths are equally long.
func archives(t *testing.T, texts map[string]string) map[string]int {
	t.Helper()
	dir := userModule(t)
	folders := make(map[string]string) // of the packages, by the names
	for name, declarations := range texts {
		folders[name] = fmt.Sprintf("p%02d", len(folders))
		writeUser(t, filepath.Join(dir, folders[name]), declarations)
	}
	compiled := compile(t, dir)
	sizes := make(map[string]int)
	for name, folder := range folders {
		info, err := os.Stat(compiled["many/"+folder])
		if err != nil {
			t.Fatal(err)
		}
		sizes[name] = int(info.Size())
	}
	return sizes
}

// userModule makes a module, called many, which uses the library as it is here. The
// module has no packages yet.
func userModule(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	mod := string(goCommand(t, "mod", "edit", "-print"))
	mod = strings.Replace(mod, "module "+modulePath, "module many", 1)
	mod += fmt.Sprintf("\nrequire %s v0.0.0\n\nreplace %[1]s => %s\n", modulePath, root)
	sum, err := os.ReadFile("go.sum")
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "go.mod"), mod)
	writeFile(t, filepath.Join(dir, "go.sum"), string(sum))
	return dir
}

// writeUser writes a package with some declarations, which name the library, into a folder.
func writeUser(t *testing.T, dir, declarations string) {
	t.Helper()
	imports := "\t\"context\"\n"
	if strings.Contains(declarations, "iter.") {
		imports += "\t\"iter\"\n"
	}
	writeFile(t, filepath.Join(dir, "many.go"), "package many\n\nimport (\n"+imports+"\n\t\""+modulePath+"\"\n)\n\n"+declarations)
}

func writeFile(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// compile compiles the packages of the module in a folder, and returns the files of the
// archives by import path.
func compile(t *testing.T, dir string) map[string]string {
	t.Helper()
	// With -trimpath, the size does not depend on the folder.
	cmd := exec.Command("go", "list", "-export", "-trimpath", "-f", "{{.ImportPath}} {{.Export}}", "./...")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	archives := make(map[string]string)
	for line := range strings.Lines(string(out)) {
		path, archive, _ := strings.Cut(strings.TrimSpace(line), " ")
		archives[path] = archive
	}
	return archives
}

// needGo skips a test where there is no go command.
func needGo(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skipf("no compiler to ask: %v", err)
	}
}
