// Soak runs for three quarters of an hour what is too long for a check before a merge: a million
// calls in flight, a million of every outcome under the goroutine leak profile, the
// race detector with few processors and many, other architectures, random histories
// and schedules on all processors, random programs and every pair of operations, and
// every schedule with three forced switches.
//
//	go run ./cmd/soak            in verify: all of it, 42 minutes at most
//	go run ./cmd/soak -short     a part of each, a few minutes
//	go run ./cmd/soak -only leak those whose names contain that
//
// Each part has its own time; none begins, and none goes on, when all is over. One
// that cannot be run here is skipped, and says why. A dot is ten seconds. The exit
// code is 1 where a part failed.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"time"
)

func main() {
	short := flag.Bool("short", false, "a part of each, a few minutes in all")
	only := flag.String("only", "", "run the parts whose names contain this")
	flag.Parse()
	if err := run(length(*short), *only); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

func run(short length, only string) error {
	if _, err := os.Stat("cmd/soak"); err != nil {
		return fmt.Errorf("soak runs in the module verify: %w", err)
	}
	tmp, err := os.MkdirTemp("", "async-soak-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	ctx, cancel := context.WithTimeoutCause(context.Background(), short.bound(), errBound)
	defer cancel()
	failed, skipped, start := 0, 0, time.Now()
	for _, p := range parts(short) {
		if !strings.Contains(p.name, only) {
			continue
		}
		fmt.Fprintf(os.Stdout, "%6s  %s (%v at most)", time.Since(start).Round(time.Second), p.name, p.limit)
		stop := dots()
		said, err := p.run(ctx, tmp)
		stop()
		switch {
		case errors.Is(err, errSkip):
			skipped++
			fmt.Fprintln(os.Stdout, " skipped:", said)
		case err != nil:
			failed++
			fmt.Fprintf(os.Stdout, " FAILED: %v\n%s\n", err, said)
		default:
			fmt.Fprintln(os.Stdout, " ok,", said)
		}
	}
	fmt.Fprintf(os.Stdout, "%d failed, %d skipped, %v in all\n", failed, skipped, time.Since(start).Round(time.Second))
	if failed > 0 {
		return fmt.Errorf("%d parts failed", failed)
	}
	return nil
}

var (
	errSkip  = errors.New("skipped")
	errBound = errors.New("the time of all is over")
)

// dots prints one every ten seconds until it is stopped.
func dots() (stop func()) {
	over, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(10 * time.Second)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				fmt.Fprint(os.Stdout, ".")
			case <-over:
				return
			}
		}
	}()
	return func() { close(over); <-stopped }
}

// command runs something in the part's folder and returns what it printed.
func (p part) command(ctx context.Context, env []string, name string, arg ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, arg...)
	cmd.Dir, cmd.Env = p.dir, append(append(os.Environ(), p.env...), env...)
	cmd.WaitDelay = 10 * time.Second
	return cmd.CombinedOutput()
}

var green = regexp.MustCompile(`(?m)^ *(=== |--- (PASS|SKIP)).*\n`)

// again finds what a hunt says of a failure, and how to run the failure again.
var again = regexp.MustCompile(`(?m)^.*(\bafter \S+: |replay: ).*\n`)

// tail returns the end of what a failed part printed, without what went well, and what a hunt
// said before.
func tail(out []byte) string {
	const most = 8000
	out = green.ReplaceAll(out, nil)
	if len(out) <= most {
		return string(out)
	}
	before, end := out[:len(out)-most], out[len(out)-most:]
	return string(append(bytes.Join(again.FindAll(before, -1), nil), end...))
}
