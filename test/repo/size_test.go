package repo_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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

// resultTypes are kinds of result types, and the bytes that one more type of the kind may
// add to the archive.
var resultTypes = map[string]struct {
	declare func(n int) string // the type of a number
	most    int
}{
	"pointers":         {func(n int) string { return fmt.Sprintf("type S%d %s\ntype T%[1]d = *S%[1]d", n, layout(n)) }, 100_000},
	"one layout":       {func(n int) string { return fmt.Sprintf("type T%d %s", n, layout(0)) }, 100_000},
	"distinct layouts": {func(n int) string { return fmt.Sprintf("type T%d %s", n, layout(n)) }, 195_000},
}

// layout returns a struct type of n+1 words. A struct of many fields costs more: the
// compiler writes the layout, as text, into the name of each method that it makes.
func layout(n int) string { return fmt.Sprintf("struct{ a [%d]int }", n+1) }

// use is what a package does with each of its result types.
const use = `
%s

func use%[2]d(ctx context.Context, fn func(context.Context) (T%[2]d, error)) (T%[2]d, error) {
	return async.Go(ctx, fn).Await(ctx)
}
`

// TestSize_OneMoreResultType builds packages with 1 and with 21 result types.
func TestSize_OneMoreResultType(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs the compiler for many seconds")
	}
	needGo(t)
	for name, kind := range resultTypes {
		t.Run(name, func(t *testing.T) {
			const more = 20
			each := (archive(t, kind.declare, 1+more) - archive(t, kind.declare, 1)) / more
			t.Logf("%d bytes for one more type", each)
			if each > kind.most {
				t.Errorf("one more type adds %d bytes to the archive, %d are allowed", each, kind.most)
			}
			if each <= 0 {
				t.Errorf("one more type adds %d bytes: that is no measure", each)
			}
		})
	}
}

// archive returns the size of a compiled package that uses the library with n result types.
func archive(t *testing.T, declare func(n int) string, n int) int {
	t.Helper()
	dir := t.TempDir()
	var text strings.Builder
	text.WriteString("package many\n\nimport (\n\t\"context\"\n\n\t\"" + modulePath + "\"\n)\n")
	for i := range n {
		fmt.Fprintf(&text, use, declare(i), i)
	}
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
	for name, data := range map[string]string{"many.go": text.String(), "go.mod": mod, "go.sum": string(sum)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "build", "-trimpath", "-o", "many.a", ".") // the size does not depend on the folder
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	info, err := os.Stat(filepath.Join(dir, "many.a"))
	if err != nil {
		t.Fatal(err)
	}
	return int(info.Size())
}

// needGo skips a test where there is no go command.
func needGo(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skipf("no compiler to ask: %v", err)
	}
}
