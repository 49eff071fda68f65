package asyncnats_test

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats"
)

// Workers as child processes, which are killed, stopped, and die of what they are given.

const (
	workerURL  = "ASYNCNATS_TEST_WORKER"
	workerMode = "ASYNCNATS_TEST_WORKER_MODE"

	modeWork = "work" // works for a while
	modeDie  = "die"  // ends the process
	modeHold = "hold" // waits for a line of the parent
)

var soak = flag.Bool("soak", false, "run the long form of the tests that have one")

// workerProcess is a worker of the queue jobs. It prints a line for each function that begins,
// with what the function returns, and for each result that is discarded.
func workerProcess(url, mode string) int {
	nc, err := nats.Connect(url, nats.ReconnectWait(10*time.Millisecond), nats.MaxReconnects(-1), nats.RetryOnFailedConnect(true),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	if err != nil {
		return 1
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return 1
	}
	ctx := context.Background()
	q, err := asyncnats.OpenQueue(ctx, js, asyncnats.QueueOptions{Name: "jobs"})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	input := bufio.NewReader(os.Stdin)
	var mu sync.Mutex
	runs := 0
	_, err = asyncnats.Work(ctx, q, func(_ context.Context, n int) (string, error) {
		mu.Lock()
		runs++
		result := fmt.Sprintf("%d by %d.%d", n, os.Getpid(), runs)
		fmt.Println("began", result)
		mu.Unlock()
		switch mode {
		case modeWork:
			<-time.After(time.Duration(n%100) * time.Millisecond)
		case modeDie:
			os.Exit(3)
		case modeHold:
			input.ReadString('\n')
		}
		return result, nil
	}, asyncnats.WorkOptions{
		AckWait: childAckWait, MaxDeliver: orElse(map[string]int{modeDie: 2}[mode], -1), AtOnce: 10,
		Options: []async.Option{async.Discard(func(v string, _ error) { fmt.Println("discarded", v) })},
	})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("ready")
	if mode != modeHold {
		io.Copy(io.Discard, os.Stdin) // until the parent is gone
		return 0
	}
	select {}
}

func orElse(n, zero int) int {
	if n == 0 {
		return zero
	}
	return n
}

const childAckWait = time.Second

// A workerChild is a worker, or a server of NATS, in a process of its own.
type workerChild struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines chan string // what it prints
	over  chan struct{}
}

func startWorker(t *testing.T, url, mode string) *workerChild {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), workerURL+"="+url, workerMode+"="+mode)
	c, err := startProcess(t, cmd)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// startProcess starts a process of the test, which is killed at its end.
func startProcess(t *testing.T, cmd *exec.Cmd) (*workerChild, error) {
	t.Helper()
	c := &workerChild{cmd: cmd, lines: make(chan string, 100_000), over: make(chan struct{})}
	c.cmd.Stderr = os.Stderr
	in, err := c.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	c.in = in
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(c.over)
		for scan := bufio.NewScanner(out); scan.Scan(); {
			c.lines <- scan.Text()
		}
		c.cmd.Wait()
	}()
	t.Cleanup(c.kill)
	return c, nil
}

// kill kills the process, and returns when all that it has printed is in lines.
func (c *workerChild) kill() {
	c.cmd.Process.Kill()
	c.in.Close()
	<-c.over
}

// next returns the next line that begins with the word.
func (c *workerChild) next(t *testing.T, word string) string {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		select {
		case line := <-c.lines:
			if rest, ok := strings.CutPrefix(line, word); ok {
				return strings.TrimSpace(rest)
			}
		case <-timer.C:
			t.Fatalf("the worker did not print %q", word)
		}
	}
}

// A worker that has a request is killed: another one runs it, after AckWait.
func TestJ3_WorkerKilled(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	q := d.open(asyncnats.QueueOptions{})
	first := startWorker(t, d.url, modeHold)
	call, _ := submit[string](t, q, 7)
	held := first.next(t, "began")
	first.kill()
	second := startWorker(t, d.url, modeWork)
	result, err := await(t, call)
	if err != nil || result == held || result != second.next(t, "began") {
		t.Errorf("the call returned %q and %v", result, err)
	}
}

// Workers die of a request: it is given up after MaxDeliver times, by whichever worker lives,
// although nobody was there to see the last one die.
func TestJ3_WorkersDieOfIt(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	q := d.open(asyncnats.QueueOptions{})
	call, _ := submit[string](t, q, 7)
	keyedCall, _ := submit[string](t, q, 8, asyncnats.Key("k"))
	both := async.Go(t.Context(), func(ctx context.Context) (int, error) { return 0, async.WaitAll(ctx, call, keyedCall) })
	defer both.Release()
	deaths := 0
	for ; ; deaths++ {
		child := startWorker(t, d.url, modeDie)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		i, err := async.WaitAny(ctx, async.Chan(child.over), both)
		if err != nil {
			t.Fatal(err)
		}
		if i == 1 {
			break
		}
	}
	if deaths < 2 {
		t.Errorf("%d workers died", deaths)
	}
	for _, c := range []*async.Call[string]{call, keyedCall} {
		if err := wantError(t, c, asyncnats.ErrGivenUp, asyncnats.ErrResponderLost); !hasText(err, "2 deliveries") {
			t.Error(err)
		}
	}
}

// A worker stands still for longer than AckWait, and goes on: it is too late, and discards.
func TestJ2_LateWorkerDiscards(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	q := d.open(asyncnats.QueueOptions{})
	first := startWorker(t, d.url, modeHold)
	call, id := submit[string](t, q, 7)
	late := first.next(t, "began")
	if err := first.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	startWorker(t, d.url, modeWork)
	result, err := await(t, call)
	if err != nil || result == late {
		t.Errorf("the call returned %q and %v", result, err)
	}
	first.cmd.Process.Signal(syscall.SIGCONT)
	fmt.Fprintln(first.in)
	if got := first.next(t, "discarded"); got != late {
		t.Errorf("%q was discarded, not %q", got, late)
	}
	wantValue(t, asyncnats.Attach[string](t.Context(), q, id), result)
}

// The main test: many calls, three workers in processes of their own, one of which is killed
// again and again, and the server restarted twice. Every call completes exactly once, with the
// result of one of its runs, and everybody sees that one.
func TestSoak_Queue(t *testing.T) {
	t.Parallel()
	calls, every := 1000, 400*time.Millisecond
	if *soak {
		calls, every = 10_000, time.Second
	}
	d := newDepot(t)
	q := d.open(asyncnats.QueueOptions{})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	var workers [3]*workerChild
	var all []*workerChild
	start := func(i int) {
		workers[i] = startWorker(t, d.url, modeWork)
		all = append(all, workers[i])
	}
	for i := range workers {
		start(i)
	}
	ids := make([]string, calls)
	results := make(async.Calls[string], calls)
	submitted := async.Go(ctx, func(ctx context.Context) (int, error) {
		for i := range ids {
			var err error
			if results[i], ids[i], err = asyncnats.Submit[string](t.Context(), q, i); err != nil {
				return i, err
			}
		}
		return calls, nil
	})
	done := async.Go(ctx, func(ctx context.Context) (int, error) {
		if _, err := submitted.Await(ctx); err != nil {
			return 0, err
		}
		for _, call := range results {
			if err := call.Wait(ctx); err != nil {
				return 0, err
			}
		}
		return 0, nil
	})
	kills := 0
	for restarts := 0; !done.IsDone(); kills++ {
		if err := done.WaitFor(every); !errors.Is(err, async.ErrTimeout) {
			break
		}
		workers[kills%3].kill()
		start(kills % 3)
		if kills%2 == 1 && restarts < 2 {
			restarts++
			d.restart()
		}
	}
	if _, err := done.Await(ctx); err != nil {
		t.Fatal(err)
	}
	for _, w := range workers {
		w.kill()
	}
	t.Logf("%d workers were killed", kills)
	checkLedger(t, d, all, ids, results)
}

// checkLedger compares what the workers began with what the calls completed with, here and for
// whoever attaches.
func checkLedger(t *testing.T, d *depot, workers []*workerChild, ids []string, results async.Calls[string]) {
	t.Helper()
	began := make(map[string]bool)
	starts := 0
	for _, w := range workers {
		for {
			select {
			case line := <-w.lines:
				if run, ok := strings.CutPrefix(line, "began "); ok {
					began[run] = true
					starts++
				}
				continue
			default:
			}
			break
		}
	}
	other := d.open(asyncnats.QueueOptions{})
	for i, call := range results {
		result, err := call.Finish()
		if err != nil || !began[result] || !strings.HasPrefix(result, fmt.Sprint(i, " by ")) {
			t.Fatalf("call %d returned %q and %v", i, result, err)
		}
		if i%10 == 0 {
			wantValue(t, asyncnats.Attach[string](t.Context(), other, ids[i]), result)
		}
	}
	records := 0
	s := d.liveStream("KV_ASYNC_jobs")
	info, err := s.Info(t.Context(), jetstream.WithSubjectFilter("$KV.ASYNC_jobs.call.>"))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range info.State.Subjects {
		records += int(n)
	}
	if records != len(ids) {
		t.Errorf("%d records of %d calls", records, len(ids))
	}
	t.Logf("%d functions began for %d calls", starts, len(ids))
}
