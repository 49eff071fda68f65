package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The whole output is the same at every run.
const want = `three replicas of the health service are up, each a gRPC server on the loopback

hedged: replica 1 is asked, and after 20ms replica 2 as well
  client     replica 2 answered: SERVING
  replica 1  was told to stop: context canceled

canceled: a call object, and a replica that hangs
  replica 1  has the call
  client     BeginCheck returned at once; a second one is refused: async: call pending
  client     Cancel returned at once; FinishCheck says: async: call "HealthClient.Check" canceled: the user has closed the window
  replica 1  was told to stop: context canceled

streaming: Watch, whose result is a stream
  client     the stream says SERVING
  replica 3  is set to NOT_SERVING
  client     the stream says NOT_SERVING
  replica 3  is set to SERVING
  client     released the call, which ended the stream: Canceled

under a Scope: 60 calls begun at once, 8 may run
  client     has 60 answers
  replicas   never had more than 8 calls at once
  client     has shut the scope down; a further call is refused: async: call "HealthClient.Check" of scope "checks" refused: scope closed
`

func TestRun(t *testing.T) {
	for range 3 {
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), &stdout, &stderr); code != 0 || stderr.Len() > 0 {
			t.Fatalf("exit code %d: %s", code, stderr.String())
		}
		if stdout.String() != want {
			t.Errorf("got\n%s\nwant\n%s", stdout.String(), want)
		}
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("Ctrl-C"))
	var stdout, stderr bytes.Buffer
	if code := run(ctx, &stdout, &stderr); code != 130 || !strings.HasPrefix(stderr.String(), "grpc: interrupted: ") {
		t.Errorf("exit code %d: %s", code, stderr.String())
	}
}

// The generated file is what the line in health.go writes.
func TestGenerated(t *testing.T) {
	text, err := os.ReadFile("health.go")
	if err != nil {
		t.Fatal(err)
	}
	_, line, ok := strings.Cut(string(text), "//go:generate go run -C ")
	line, _, _ = strings.Cut(line, "\n")
	args := strings.Fields(line) // the folder, a dot, and what asyncgen is given
	if !ok || len(args) < 3 {
		t.Fatal("health.go has no line that runs asyncgen")
	}
	asyncgen := filepath.Join(t.TempDir(), "asyncgen")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-C", args[0], "-o", asyncgen, ".").CombinedOutput(); err != nil {
		t.Skipf("the generator cannot be built here: %v\n%s", err, out)
	}
	check := exec.CommandContext(t.Context(), asyncgen, append([]string{"-check"}, args[2:]...)...)
	check.Dir = args[0]
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
