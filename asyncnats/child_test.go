package asyncnats_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats"
	"github.com/seed4712c49f/async/asyncnats/internal/natstest"
)

// A child is a process that serves the subject child: an even number waits for the end of
// its context, an odd one is doubled at once.

const (
	childURL  = "ASYNCNATS_TEST_CHILD"
	childBeat = 500 * time.Millisecond
)

func child(url string) int {
	nc, err := nats.Connect(url, nats.ReconnectWait(time.Millisecond), nats.MaxReconnects(-1))
	if err != nil {
		fmt.Println(err)
		return 1
	}
	_, err = asyncnats.Serve(nc, "child", func(ctx context.Context, n int) (int, error) {
		if n%2 == 0 {
			<-ctx.Done()
		}
		return 2 * n, nil
	}, asyncnats.ServeOptions{Name: "child", Heartbeat: childBeat})
	if err != nil || nc.Flush() != nil {
		return 1
	}
	fmt.Println("ready")
	os.Stdin.Read(make([]byte, 1)) // until the parent is gone
	return 0
}

// startChild starts a child, and waits until it serves.
func startChild(t testing.TB, url string) *os.Process {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), childURL+"="+url)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		cmd.Process.Kill()
		cmd.Wait()
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatal(line, err)
	}
	return cmd.Process
}

// A process that serves is killed, or stopped: its calls are told within three heartbeats,
// although their contexts never end. Calls of a stopped one that is continued are over, and
// it serves again.
func TestLost_Process(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGSTOP} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			url := natstest.Run(t, natstest.Options()).ClientURL()
			process := startChild(t, url)
			ear := listen(t, natstest.Connect(t, url), "_INBOX")
			c := newClient(t, natstest.Connect(t, url), asyncnats.ClientOptions{Heartbeat: childBeat})
			calls := make(async.Calls[int], 1000)
			for i := range calls {
				calls[i] = asyncnats.Begin[int](t.Context(), c, "child", 2*i)
			}
			ear.told(t, len(calls))
			ear.beat(t) // the client has heard of them, too
			if s := c.Stats(); s.InFlight != len(calls) {
				t.Fatalf("%+v", s)
			}
			start := time.Now()
			if err := process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			if sig == syscall.SIGSTOP { // a signal takes its time
				if _, err := syscall.Wait4(process.Pid, nil, syscall.WUNTRACED, nil); err != nil {
					t.Fatal(err)
				}
			}
			fresh := asyncnats.Begin[int](t.Context(), c, "child", 1)
			for _, call := range calls {
				wantError(t, call, asyncnats.ErrResponderLost)
			}
			t.Logf("told after %.2f heartbeats", float64(time.Since(start))/float64(childBeat))
			if _, err := await(t, fresh); sig == syscall.SIGSTOP && !errors.Is(err, asyncnats.ErrResponderLost) {
				t.Errorf("a call to a process that is stopped returned %v", err)
			}
			if sig == syscall.SIGSTOP {
				process.Signal(syscall.SIGCONT)
				eventually(t, "it serves again", func() bool {
					v, err := await(t, asyncnats.Begin[int](t.Context(), c, "child", 21))
					return v == 42 && err == nil
				})
			} else {
				wantError(t, asyncnats.Begin[int](t.Context(), c, "child", 1), asyncnats.ErrNoResponders)
			}
		})
	}
}

// Of two processes one is killed: its calls are told, the others' go on, and what comes
// later goes to the other.
func TestLost_OneProcessOfTwo(t *testing.T) {
	t.Parallel()
	url := natstest.Run(t, natstest.Options()).ClientURL()
	first, second := startChild(t, url), startChild(t, url)
	ear := listen(t, natstest.Connect(t, url), "_INBOX")
	c := newClient(t, natstest.Connect(t, url), asyncnats.ClientOptions{Heartbeat: childBeat})
	calls := make(async.Calls[int], 1000)
	for i := range calls {
		calls[i] = asyncnats.Begin[int](t.Context(), c, "child", 2*i)
	}
	ear.told(t, len(calls))
	eventually(t, "both have calls", func() bool { return c.Stats().Servers == 2 })
	first.Kill()
	var set async.Set[int]
	defer set.Release()
	for i, call := range calls {
		set.Add(i, call)
	}
	lost := 0
	eventually(t, "the calls of one are lost, and no others", func() bool {
		for i, ok := set.TryNext(); ok; i, ok = set.TryNext() {
			wantError(t, calls[i], asyncnats.ErrResponderLost)
			lost++
		}
		s := c.Stats()
		return s.Servers == 1 && int64(lost) == s.Lost
	})
	if lost == 0 || lost == len(calls) || c.Stats().InFlight != len(calls)-lost {
		t.Errorf("%d of %d are lost, %+v", lost, len(calls), c.Stats())
	}
	for i := range 100 {
		wantValue(t, asyncnats.Begin[int](t.Context(), c, "child", 2*i+1), 4*i+2)
	}
	second.Kill()
	for _, call := range calls {
		wantError(t, call, asyncnats.ErrResponderLost)
	}
}

// The clocks of client and server are apart: that of the client, which is in a bubble, says that it
// is the year 2000, and stands still. So only the server's clock can end the function's context, and
// does so when the time is over that was left at the client.
func TestN4_ClocksApart(t *testing.T) {
	url := natstest.Run(t, natstest.Options()).ClientURL()
	startChild(t, url)
	bubble(t, func(t *testing.T) {
		c := newClient(t, natstest.Connect(t, url), asyncnats.ClientOptions{})
		wantValue(t, asyncnats.Begin[int](t.Context(), c, "child", 1), 2)
		for _, left := range []time.Duration{50 * time.Millisecond, 500 * time.Millisecond} {
			ctx, cancel := context.WithTimeout(t.Context(), left)
			defer cancel()
			start := realTime(t)
			wantValue(t, asyncnats.Begin[int](ctx, c, "child", 2), 4) // when its context has ended there
			if took := realTime(t) - start; took < left || took > patience || ctx.Err() != nil {
				t.Errorf("a deadline of %v came after %v, and the context of the client is %v", left, took, ctx.Err())
			}
		}
	})
}

// realTime is the time of the system, in a bubble too.
func realTime(t *testing.T) time.Duration {
	t.Helper()
	var now syscall.Timeval
	if err := syscall.Gettimeofday(&now); err != nil {
		t.Fatal(err)
	}
	return time.Duration(now.Nano())
}
