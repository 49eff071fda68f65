// Package examples_test runs the examples as people do: on a terminal. A terminal
// emulator plays the screen, 40, 80 or 200 columns wide.
package examples_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/creack/pty"
	"github.com/hinshun/vt10x"

	// So that go test runs this again when they change.
	_ "github.com/seed4712c49f/async"
	_ "github.com/seed4712c49f/async/examples/internal/console"
)

// A program is an example that is run here.
type program struct {
	dir   string
	args  []string
	texts []string // what stands on the screen in the end, whatever the width: regular expressions

	slow  []string // arguments with which it takes longer; silent is a server that never answers
	begun string   // stands on the screen when it is to be interrupted
	over  string   // stands there at the beginning of a line, or after the key, when it was
}

var programs = []program{
	{
		dir: "mirrors",
		texts: []string{
			`Seconds since each mirror was asked: `,
			`won \d\.\d{3}s http://127\.0\.0\.1:\d+/fast 100% \[=+\] 8\.0 MiB of 8\.0 MiB, \d+\.\d MiB/s`,
			`lost \|[.x ]+\| asked \d\.\d{3} over \d\.\d{3}`,
			`SHA-256 [0-9a-f ]{64,} \(as the mirror announced\) No goroutine is left\.$`,
		},
		slow: []string{"silent"}, begun: "pending", over: `mirrors: the file was not fetched: interrupt`,
	},
	{
		dir: "crawler", args: []string{"-limit", "32"},
		texts: []string{
			`\d\.\d{3}s broken: /\S+: answered `, `300 pages found, \d+ fetched, \d broken\. .* pages fetched a second\.`,
			`= the limit is 32`, `The site counted 300 requests, none for the same page twice\.$`,
		},
		slow: []string{"-grace", "10ms", "-url", "silent"}, begun: "being fetched", over: ` \d\.\d{3}s  Stopping: interrupt`,
	},
	{
		dir: "queue", args: []string{"-files", "300"},
		texts: []string{
			`Hashing and compressing \d+\.\d KiB, 8 at the same time\.`, `: 300 of 300 files done\. \d+ files a second\.`,
			`KiB became \d+\.\d KiB\. Jobs tried again \d+ times\.$`,
		},
		slow: []string{"-files", "20000", "-grace", "10ms"}, begun: "files a second", over: `queue: interrupted: interrupt`,
	},
	{
		dir: "cache", args: []string{"-sales", "500", "-asks", "5"},
		texts: []string{
			`hits \d+ (=+ )?answered from memory`, `before \d+ (=+ )?their turn came, and read nothing`,
			`all within \d+\S+\.`, `most asked for asked queries product-000 \d+ \d+ =+`,
		},
		slow: []string{"-asks", "1000000"}, begun: "readers ask it", over: `cache: interrupted`,
	},
	{
		dir: "stream",
		texts: []string{
			`looping CreateCall of another face async: server has no asynchronous interface of this type`,
			`10\. Close .* FinishClose ok$`,
		},
		begun: "1. Ask for a call object", over: `stream: `,
	},
	{
		dir: "stuck", args: []string{"-text", "-grace", "10ms"},
		texts: []string{
			`Five things are stuck in this program\.`, `http://127\.0\.0\.1:\d+/debug/async/`,
			`invoice 17`, `report of October`, `payment 4711`, `audit`, `mail`,
			`scope "reports" did not stop: .*"report of October" #1, canceled$`,
		},
		begun: "The page names all five", over: `stuck: interrupted`,
	},
}

var widths = []int{40, 80, 200}

// Whatever the width, everything is on the screen in the end, and no line is longer
// than the screen is wide: the screen would cut it within a word.
func TestTerminals(t *testing.T) {
	t.Parallel()
	bin := build(t)
	for _, p := range programs {
		for _, columns := range widths {
			t.Run(fmt.Sprintf("%s at %d", p.dir, columns), func(t *testing.T) {
				t.Parallel() // the programs wait most of the time
				testTerminal(t, bin, p, columns)
			})
		}
	}
}

func testTerminal(t *testing.T, bin string, p program, columns int) {
	s := start(t, columns, filepath.Join(bin, p.dir), p.args...)
	if code := s.wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	text := strings.Join(strings.Fields(s.text()), " ")
	for _, want := range p.texts {
		if !regexp.MustCompile(want).MatchString(text) {
			t.Errorf("nothing on the screen says %q", want)
		}
	}
	for _, line := range s.tooLong() {
		t.Errorf("the screen cuts %q", line)
	}
	if t.Failed() {
		t.Fatalf("the screen:\n%s", s.text())
	}
}

// Ctrl-C is exit code 130 everywhere.
func TestTerminals_interrupt(t *testing.T) {
	t.Parallel()
	bin := build(t)
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer silent.Close()
	for _, p := range programs {
		var args []string
		for _, arg := range p.slow {
			args = append(args, strings.ReplaceAll(arg, "silent", silent.URL))
		}
		code := 0
		for tries := 0; code == 0 && tries < 20; tries++ { // it may be over before the key is pressed
			s := start(t, 80, filepath.Join(bin, p.dir), args...)
			s.until(p.begun)
			_, _ = s.tty.Write([]byte{3}) // Ctrl-C
			code = s.wait()
			if code != 0 && (code != 130 || !regexp.MustCompile(`(?m)^(\^C)?`+p.over).MatchString(s.text())) {
				t.Errorf("%s: exit code %d, on the screen:\n%s", p.dir, code, s.text())
			}
		}
		if code == 0 {
			t.Errorf("%s: it is not interrupted", p.dir)
		}
	}
}

// build builds the programs and returns the folder that they are in.
func build(t *testing.T) string {
	t.Helper()
	bin := t.TempDir()
	args := []string{"build", "-buildvcs=false", "-o", bin + string(filepath.Separator)}
	for _, p := range programs {
		args = append(args, "./"+p.dir)
		files, err := filepath.Glob(p.dir + "/*.go")
		if err != nil || len(files) == 0 {
			t.Fatalf("no files in %s: %v", p.dir, err)
		}
		for _, f := range files {
			_, _ = os.Stat(f) // so that go test runs this again when it changes
		}
	}
	if out, err := exec.CommandContext(t.Context(), "go", args...).CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return bin
}

// A session is a program on a terminal.
type session struct {
	cmd     *exec.Cmd
	tty     *os.File
	columns int
	over    chan struct{} // closed when nothing is written any more

	mu      sync.Mutex
	screen  vt10x.Terminal // high enough that nothing leaves it
	written bytes.Buffer
}

const rows = 500

func start(t *testing.T, columns int, path string, args ...string) *session {
	t.Helper()
	s := &session{cmd: exec.CommandContext(t.Context(), path, args...), columns: columns, over: make(chan struct{})}
	s.cmd.Env = append(os.Environ(), "TERM=xterm-256color")
	s.screen = vt10x.New(vt10x.WithSize(columns, rows))
	tty, err := pty.StartWithSize(s.cmd, &pty.Winsize{Rows: rows, Cols: uint16(columns)})
	if err != nil {
		t.Skip("there is no terminal to run on: ", err)
	}
	s.tty = tty
	go s.show()
	return s
}

// show shows what the program writes until it ends.
func (s *session) show() {
	defer close(s.over)
	buf := make([]byte, 32<<10)
	for {
		n, err := s.tty.Read(buf)
		s.mu.Lock()
		_, _ = s.screen.Write(buf[:n])
		s.written.Write(buf[:n])
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// wait returns the exit code of the program.
func (s *session) wait() int {
	<-s.over
	_ = s.cmd.Wait()
	_ = s.tty.Close()
	return s.cmd.ProcessState.ExitCode()
}

// until waits until a text is on the screen, or the program ends.
func (s *session) until(text string) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !strings.Contains(s.text(), text) {
		select {
		case <-tick.C:
		case <-s.over:
			return
		}
	}
}

// text is what stands on the screen.
func (s *session) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.TrimRight(s.screen.String(), "\n ")
}

// tooLong returns the lines that the program has written and that are longer than the
// screen is wide.
func (s *session) tooLong() (lines []string) {
	for line := range strings.Lines(ansi.Strip(s.written.String())) {
		if line = strings.TrimRight(line, "\r\n"); ansi.StringWidth(line) > s.columns {
			lines = append(lines, line)
		}
	}
	return lines
}
