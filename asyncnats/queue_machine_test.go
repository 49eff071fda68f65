package asyncnats_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats"
	"github.com/seed4712c49f/async/asyncnats/internal/natstest"
)

// Faults of the machine that NATS runs on: the process of the server is killed with SIGKILL, and
// the disk below JetStream is full.

const (
	natsDir  = "ASYNCNATS_TEST_NATS"
	natsPort = "ASYNCNATS_TEST_NATS_PORT"
	natsDisk = "ASYNCNATS_TEST_NATS_DISK" // the size of a file system of its own, or empty
)

// natsProcess is a server of NATS with JetStream. It prints where it is. Then it fills its disk at
// the line fill of its input; at free it makes room and starts the server anew, as an operator does:
// a stream of NATS that could not write takes nothing until then.
func natsProcess(dir string) int {
	if size := os.Getenv(natsDisk); size != "" {
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
			fmt.Println("no file system:", err)
			return 0
		}
	}
	o := natstest.Store(filepath.Join(dir, "store"))
	if _, err := fmt.Sscan(os.Getenv(natsPort), &o.Port); err != nil {
		fmt.Println(err)
		return 1
	}
	s := startHere(o)
	for input := bufio.NewScanner(os.Stdin); input.Scan(); {
		filler := filepath.Join(dir, "filler")
		switch input.Text() {
		case "fill":
			fmt.Println("full:", fill(filler))
		case "free":
			s.Shutdown()
			s.WaitForShutdown()
			os.Remove(filler)
			s = startHere(o)
		}
	}
	s.Shutdown()
	s.WaitForShutdown()
	return 0
}

// startHere starts the server, and prints where it is. Without one the process is of no use.
func startHere(o *server.Options) *server.Server {
	s, err := natstest.Start(o)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	o.Port = s.Addr().(*net.TCPAddr).Port
	fmt.Println("at", s.ClientURL())
	return s
}

// fill writes to a file until there is no room, and returns the error that says so.
func fill(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for block := make([]byte, 64<<10); ; {
		if _, err := f.Write(block); err != nil && len(block) == 1 {
			return err
		} else if err != nil {
			block = block[:len(block)/2]
		}
	}
}

// A natsChild is a server of NATS in a process of its own.
type natsChild struct {
	*workerChild
	url string
}

// startNATS starts a server of NATS whose files are in the folder, at the port, or a free one where
// that is 0. With a disk the folder is a file system of that size, which only the process sees.
func startNATS(t *testing.T, dir string, port int, disk string) natsChild {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if port == 0 {
		port = natstest.Lasting(t)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), natsDir+"="+dir, natsDisk+"="+disk, fmt.Sprintf("%s=%d", natsPort, port))
	if disk != "" {
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		}
	}
	c, err := startProcess(t, cmd)
	if err != nil && disk != "" {
		t.Skip("the machine gives a process no file system of its own:", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	select {
	case line := <-c.lines:
		if why, ok := strings.CutPrefix(line, "no file system:"); ok {
			t.Skip("the machine gives a process no file system of its own:", why)
		}
		return natsChild{c, strings.TrimPrefix(line, "at ")}
	case <-c.over:
		t.Fatal("the server of NATS did not start")
	}
	return natsChild{}
}

// say has the server do something.
func (c natsChild) say(t *testing.T, line string) {
	t.Helper()
	if _, err := fmt.Fprintln(c.in, line); err != nil {
		t.Fatal(err)
	}
}

// The server of a queue with one replica is killed with SIGKILL while requests are submitted
// and run, and started at the same files: every call completes, with its result, and
// who attaches sees the same. The system has what the process has written; what is lost with the
// power of the machine is in TestFault_LostWrites.
func TestFault_ServerKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := startNATS(t, dir, 0, "")
	var port int
	if _, err := fmt.Sscanf(s.url, "nats://127.0.0.1:%d", &port); err != nil {
		t.Fatal(s.url, err)
	}
	open := func() *asyncnats.Queue { // a client that tries too often connects to itself while the port is free
		return openQueue(t, natstest.Connect(t, s.url, nats.ReconnectWait(20*time.Millisecond)), asyncnats.QueueOptions{})
	}
	q := open()
	for range 2 {
		work(t, open(), double, asyncnats.WorkOptions{AckWait: time.Second, MaxDeliver: -1})
	}
	const n = 200
	calls, ids := make(async.Calls[int], n), make([]string, n)
	killed := make(chan natsChild, 1)
	for i := range calls {
		if i == n/2 {
			go func() {
				s.kill()
				killed <- startNATS(t, dir, port, "")
			}()
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
		defer cancel()
		var err error
		if calls[i], ids[i], err = asyncnats.Submit[int](ctx, q, i, keyOfSome(i)...); err != nil {
			t.Fatal(i, err)
		}
		if i == n-1 {
			s = <-killed
		}
	}
	for i, call := range calls {
		ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
		defer cancel()
		if v, err := call.Await(ctx); v != 2*i || err != nil {
			t.Fatalf("call %d returned %d and %v", i, v, err)
		}
	}
	other := open()
	for i := 0; i < n; i += 20 {
		wantValue(t, asyncnats.Attach[int](t.Context(), other, ids[i]), 2*i)
	}
}

// The disk below JetStream is full, in truth: Submit does not say that a request is stored which is
// not, and a call whose result cannot be stored is not complete. When there is room and the server
// is started again, all calls complete.
func TestFault_DiskFull(t *testing.T) {
	t.Parallel()
	s := startNATS(t, t.TempDir(), 0, "24m")
	q := openQueue(t, natstest.Connect(t, s.url), asyncnats.QueueOptions{})
	g := newGate()
	big := func(ctx context.Context, n int) (string, error) {
		v, err := g.double(ctx, n)
		return strings.Repeat(fmt.Sprint(v), 100<<10), err
	}
	w := work(t, openQueue(t, natstest.Connect(t, s.url), asyncnats.QueueOptions{}), big, asyncnats.WorkOptions{AckWait: time.Second, MaxDeliver: -1})
	running, _ := submit[string](t, q, 1)
	g.next(t)
	s.say(t, "fill")
	if said := s.next(t, "full:"); !strings.Contains(said, syscall.ENOSPC.Error()) {
		t.Fatal(said)
	}
	g.open.Set()
	eventually(t, "the worker has tried to store the result", func() bool { return w.Stats().Unstored > 0 })
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	refused, _, err := asyncnats.Submit[string](ctx, q, strings.Repeat("x", 1<<20/2))
	if err == nil {
		refused.Release()
	}
	if !errors.Is(err, async.ErrQueueFull) && !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Submit to a full disk returned %v", err)
	}
	if running.IsDone() {
		t.Error("a call is complete whose result is not stored")
	}
	s.say(t, "free")
	s.next(t, "at")
	if v, err := await(t, running); len(v) != 100<<10 || err != nil {
		t.Errorf("the call returned %d bytes and %v", len(v), err)
	}
	after, _ := submit[string](t, q, 2)
	if v, err := await(t, after); len(v) != 100<<10 || err != nil {
		t.Errorf("a later call returned %d bytes and %v", len(v), err)
	}
}
