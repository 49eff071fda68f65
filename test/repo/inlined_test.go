package repo_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"unsafe"
)

// This file asks the compiler what it inlines.

// A look at what is complete is one load because the compiler can inline it. That
// hangs on how much stands in a function, which changes without notice.
func TestPins_Inlined(t *testing.T) {
	needGo(t)
	if unsafe.Sizeof(uintptr(0)) < 8 {
		t.Skip("64-bit atomics are calls here")
	}
	out, err := exec.Command("go", "build", "-gcflags=-m", ".", "./internal/latch").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, f := range []string{"(*Latch).IsSet", "(*Event).IsSet", "(*Event).Wait"} {
		if !strings.Contains(string(out), "can inline "+f+"\n") {
			t.Errorf("%s is not inlined", f)
		}
	}
	// What is generic is inlined where it is instantiated.
	dir := userModule(t)
	writeUser(t, dir, "func isDone(_ context.Context, c *async.Call[int]) bool { return c.IsDone() }\n")
	cmd := exec.Command("go", "build", "-gcflags=-m", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off")
	if out, err = cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !strings.Contains(string(out), "can inline async.(*Call[go.shape.int]).IsDone\n") {
		t.Errorf("(*Call[int]).IsDone is not inlined:\n%s", out)
	}
}
