package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"go.uber.org/goleak"
)

// The test binary is also the processes that the program starts.
func TestMain(m *testing.M) {
	if slices.Contains(os.Args, "-role") {
		main()
	}
	goleak.VerifyTestMain(m)
}

// The program, small: workers and the submitting process are killed, and every invoice is there
// once.
func TestRun(t *testing.T) {
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"-n", "200", "-dir", t.TempDir()}, &out, &errs); code != 0 {
		t.Fatalf("exit code %d: %s\n%s", code, &errs, &out)
	}
	for _, want := range []string{
		"-attach -url nats://", "worker 1 killed with SIGKILL", "worker 3 killed with SIGKILL",
		"the submitting process killed with SIGKILL", "200 of 200 invoices", "all there",
		"Every one of 200 invoices is there once, and whole.",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, &out)
		}
	}
}

// Another terminal attaches while the invoices are made, and once more when they are there. The
// first program may be gone by then.
func TestAttach(t *testing.T) {
	dir := t.TempDir()
	s, err := startNATS(dir, server.RANDOM_PORT)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		s.Shutdown()
		s.WaitForShutdown()
	}()
	first := make(chan int)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		var out, errs bytes.Buffer
		first <- run(ctx, []string{"-n", "100", "-dir", dir, "-url", s.ClientURL()}, &out, &errs)
	}()
	for range 2 {
		var out, errs bytes.Buffer
		if code := run(t.Context(), []string{"-attach", "-n", "100", "-url", s.ClientURL()}, &out, &errs); code != 0 || !strings.Contains(out.String(), "100 of 100") {
			t.Errorf("exit code %d: %s\n%s", code, &errs, &out)
		}
	}
	if code := <-first; code != 0 {
		t.Errorf("the first program returned %d", code)
	}
	cancel()
}

// lineOf returns what the groups of a pattern are in the next line that has it.
func lineOf(t *testing.T, in *bufio.Reader, pattern string) []string {
	t.Helper()
	for re := regexp.MustCompile(pattern); ; {
		line, err := in.ReadString('\n')
		if err != nil {
			t.Fatalf("no line has %q: %v", pattern, err)
		}
		if found := re.FindStringSubmatch(line); found != nil {
			return found
		}
	}
}

// untilGone returns a file for the standard error of a process, and of all processes that the process
// starts. At its end the test waits until none of them is left; its folder is removed after that.
func untilGone(t *testing.T) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.Close()
		defer r.Close()
		if err := r.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		said, err := io.ReadAll(r)
		if err != nil {
			t.Errorf("a process is left: %v", err)
		}
		if t.Failed() {
			t.Logf("the processes said:\n%s", said)
		}
	})
	return w
}

// Somebody kills a worker, the submitting process, and NATS: they are started again. Then the
// program itself is killed. A terminal that is attached stays, and sees all invoices when the program
// is started anew.
func TestKilled(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), exe, "-role", "direct", "-n", "300", "-dir", dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = untilGone(t)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	in := bufio.NewReader(out)
	nats := lineOf(t, in, `NATS is process (\d+)`)[1]
	url := lineOf(t, in, `-attach -url (\S+)`)[1]
	worker := lineOf(t, in, `worker 2 is process (\d+)`)[1]
	clerk := lineOf(t, in, `submitting process is (\d+)`)[1]
	for _, victim := range []struct{ pid, said string }{
		{worker, `worker 2 was gone`}, {clerk, `submitting process (was gone|killed)`}, {nats, `NATS was gone`},
	} {
		pid, err := strconv.Atoi(victim.pid)
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		lineOf(t, in, victim.said)
	}
	r, w := io.Pipe()
	attached := make(chan int, 1)
	go func() {
		attached <- run(t.Context(), []string{"-attach", "-n", "300", "-url", url}, w, io.Discard)
		w.Close()
	}()
	terminal := bufio.NewReader(r)
	lineOf(t, terminal, `\d+ of 300 invoices`)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	rest := make(chan string)
	go func() {
		text, _ := io.ReadAll(terminal) // a pipe in memory
		rest <- string(text)
	}()
	var again, errs bytes.Buffer
	if code := run(t.Context(), []string{"-n", "300", "-url", url, "-dir", dir}, &again, &errs); code != 0 || !strings.Contains(again.String(), "Every one of 300") {
		t.Errorf("exit code %d: %s\n%s", code, &errs, &again)
	}
	if text, code := <-rest, <-attached; code != 0 || !strings.Contains(text, "all there") {
		t.Errorf("the attached terminal returned %d, and printed\n%s", code, text)
	}
}

// A worker dies while NATS is away: it is tried again until NATS is there, and all invoices come.
func TestKilled_NATSAway(t *testing.T) {
	dir := t.TempDir()
	s, err := startNATS(dir, server.RANDOM_PORT)
	if err != nil {
		t.Fatal(err)
	}
	r, w := io.Pipe()
	code := make(chan int, 1)
	var errs bytes.Buffer
	url := s.ClientURL()
	go func() {
		code <- run(t.Context(), []string{"-n", "300", "-url", url, "-dir", dir}, w, &errs)
		w.Close()
	}()
	in := bufio.NewReader(r)
	worker := lineOf(t, in, `worker 2 is process (\d+)`)[1]
	lineOf(t, in, `\d+ of 300 invoices`)
	s.Shutdown()
	s.WaitForShutdown()
	pid, err := strconv.Atoi(worker)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	lineOf(t, in, `worker \d .*tried again`)
	port, err := strconv.Atoi(url[strings.LastIndex(url, ":")+1:])
	if err != nil {
		t.Fatal(err)
	}
	for range 3 { // a process that was just being started has the listener for a moment
		if s, err = startNATS(dir, port); err == nil {
			break
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		s.Shutdown()
		s.WaitForShutdown()
	}()
	lineOf(t, in, `worker \d was gone, and started again`)
	text, _ := io.ReadAll(in) // a pipe in memory
	if code := <-code; code != 0 || !strings.Contains(string(text), "Every one of 300") {
		t.Errorf("exit code %d: %s\n%s", code, &errs, text)
	}
}

// What is wrong with a command line is said, with the exit code 2; help is no error.
func TestUsage(t *testing.T) {
	for line, code := range map[string]int{"-h": 0, "-nonsense": 2, "-workers 0": 2, "-n 0": 2, "-attach": 2, "more": 2, "-role clerk": 2, "-attach -url nats://127.0.0.1:1": 1} {
		var out, errs bytes.Buffer
		if got := run(t.Context(), strings.Fields(line), &out, &errs); got != code || errs.Len() == 0 {
			t.Errorf("%s: exit code %d, %q", line, got, &errs)
		}
	}
}

// The same order has the same bytes, and another one has others.
func TestRender(t *testing.T) {
	a, err := render(orderOf(1))
	b, bad := render(orderOf(1))
	other, worse := render(orderOf(2))
	if err != nil || bad != nil || worse != nil || !bytes.Equal(a, b) || bytes.Equal(a, other) || !bytes.HasPrefix(a, []byte("%PDF-")) {
		t.Errorf("%d, %d and %d bytes: %v %v %v", len(a), len(b), len(other), err, bad, worse)
	}
}
