package main

import (
	"bytes"
	"context"
	"fmt"
	"image/color"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncview"
	"go.uber.org/goleak"
)

// The tests here run the command in a real terminal, whose screen an emulator plays, beside
// a real server with real scopes. They are in package main because the command is the
// binary of the test itself, run again.

const runAgain = "ASYNCTOP_RUN_AGAIN"

func TestMain(m *testing.M) {
	if os.Getenv(runAgain) != "" {
		log.SetOutput(io.Discard)
		os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
	}
	goleak.VerifyTestMain(m)
}

// command returns the command with arguments.
func command(t *testing.T, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), runAgain+"=1", "TERM=xterm-256color", "COLORTERM=truecolor", "NO_COLOR=", "COLUMNS=")
	return cmd
}

// A terminal is the command in a terminal.
type terminal struct {
	t    *testing.T
	cmd  *exec.Cmd
	tty  *os.File
	over chan struct{} // closed when nothing is written any more
	news chan struct{} // has a value when something was written since somebody looked

	mu      sync.Mutex
	screen  *vt.Emulator
	written bytes.Buffer
	isAlt   bool
	isBlind bool // the cursor is hidden
	title   string
}

// start starts the command in a terminal of a size with a background. The screen has a line
// of text already.
func start(t *testing.T, columns, rows int, background color.Color, cmd *exec.Cmd) *terminal {
	t.Helper()
	s := &terminal{t: t, cmd: cmd, over: make(chan struct{}), news: make(chan struct{}, 1), screen: vt.NewEmulator(columns, rows)}
	s.screen.SetBackgroundColor(background)
	s.screen.SetCallbacks(vt.Callbacks{
		AltScreen:        func(on bool) { s.isAlt = on },
		CursorVisibility: func(on bool) { s.isBlind = !on },
		Title:            func(title string) { s.title = title },
	})
	_, _ = s.screen.Write([]byte("$ was there\r\n"))
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: uint16(rows), Cols: uint16(columns)})
	if err != nil {
		t.Skip("there is no terminal to run on: ", err)
	}
	s.tty = tty
	answers := make(chan struct{})
	go func() { // of the terminal to the command, such as the color of the background
		defer close(answers)
		_, _ = io.Copy(tty, s.screen)
	}()
	go s.show()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-s.over
		_ = cmd.Wait()
		_ = tty.Close()
		_ = s.screen.Close()
		<-answers
	})
	return s
}

// show shows what the command writes until the command ends.
func (s *terminal) show() {
	defer close(s.over)
	buf := make([]byte, 64<<10)
	for {
		n, err := s.tty.Read(buf)
		s.mu.Lock()
		_, _ = s.screen.Write(buf[:n])
		s.written.Write(buf[:n])
		s.mu.Unlock()
		select {
		case s.news <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

// text is what stands on the screen.
func (s *terminal) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.screen.String()
}

// bytes returns all that the command has written.
func (s *terminal) bytes() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.written.String()
}

// sees waits until the screen has each of some texts, which are regular expressions.
func (s *terminal) sees(texts ...string) {
	s.t.Helper()
	for _, text := range texts {
		want := regexp.MustCompile(text)
		s.until(func() bool { return want.MatchString(s.text()) }, "nothing on the screen is "+text)
	}
}

// loses waits until the screen has no such text any more.
func (s *terminal) loses(text string) {
	s.t.Helper()
	want := regexp.MustCompile(text)
	s.until(func() bool { return !want.MatchString(s.text()) }, "still on the screen is "+text)
}

// until waits until something is so, which it may be after each write.
func (s *terminal) until(is func() bool, otherwise string) {
	s.t.Helper()
	timeout := time.After(time.Minute)
	for !is() {
		select {
		case <-s.news:
		case <-s.over:
			if !is() {
				s.t.Fatalf("the command has ended, and %s:\n%s", otherwise, s.text())
			}
		case <-timeout:
			s.t.Fatalf("%s:\n%s", otherwise, s.text())
		}
	}
}

// press writes keys, as a terminal sends them.
func (s *terminal) press(keys ...string) {
	for _, k := range keys {
		_, _ = io.WriteString(s.tty, k)
	}
}

const (
	enter = "\r"
	down  = "\x1b[B"
	left  = "\x1b[D"
	right = "\x1b[C"
	end   = "\x1b[F"
)

// ends waits for the end of the command, checks that the terminal is as it was, and returns
// the exit code.
func (s *terminal) ends() int {
	s.t.Helper()
	select {
	case <-s.over:
	case <-time.After(time.Minute):
		s.t.Fatalf("the command goes on:\n%s", s.text())
	}
	_ = s.cmd.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isAlt || s.isBlind || s.title != "" {
		s.t.Errorf("the terminal is left in the alternate screen (%t), without a cursor (%t), with the title %q", s.isAlt, s.isBlind, s.title)
	}
	if got := s.screen.String(); !strings.HasPrefix(got, "$ was there") || strings.Contains(got, "CALLS") {
		s.t.Errorf("the screen is not as it was:\n%s", got)
	}
	return s.cmd.ProcessState.ExitCode()
}

// A shop is a program to look at.
type shop struct {
	address string
	server  *httptest.Server
	orders  *async.Scope
	mail    *async.Scope
}

// open starts a program with scopes: calls that wait for calls, a function that does not
// stop, results that nobody takes, a queue.
func open(t *testing.T, more ...*async.Scope) *shop {
	t.Helper()
	s := &shop{
		orders: async.NewScope(async.ScopeOptions{Name: "orders", Track: true}),
		mail:   async.NewScope(async.ScopeOptions{Name: "mail", Limit: 2, Track: true}),
	}
	ctx, cancel := context.WithCancel(context.Background())
	go1 := func(name string, scope *async.Scope, f func(ctx context.Context) (int, error)) *async.Call[int] {
		c := async.Go(ctx, f, scope, async.Name(name))
		t.Cleanup(c.Release)
		return c
	}
	wait := func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, ctx.Err() }
	var begun, runs async.Event
	go1("checkout", s.orders, func(ctx context.Context) (int, error) {
		c := async.Go(ctx, wait, s.orders, async.Name("reserve"))
		defer c.Release()
		begun.Set()
		return c.Await(ctx)
	})
	_ = begun.Wait(t.Context())
	stop := make(chan struct{})
	deaf := go1("recount", s.orders, func(context.Context) (int, error) { runs.Set(); <-stop; return 0, nil })
	_ = runs.Wait(t.Context())
	_ = deaf.Cancel(nil)
	for range 9 {
		go1("send", s.mail, wait)
	}
	view := asyncview.For(func() []*async.Scope { return append([]*async.Scope{s.orders, s.mail}, more...) }, asyncview.AllowCancel())
	mux := http.NewServeMux()
	mux.Handle("/debug/async/", view)
	s.server = httptest.NewServer(mux)
	s.address = s.server.URL + "/debug/async/"
	t.Cleanup(func() {
		s.server.CloseClientConnections()
		s.server.Close()
		cancel()
		close(stop)
		for _, scope := range append([]*async.Scope{s.orders, s.mail}, more...) {
			if err := scope.Shutdown(context.Background()); err != nil {
				t.Error(err)
			}
		}
	})
	return s
}

// What is wrong, the scopes and the calls are on the first screen, at each width.
func TestV10_First(t *testing.T) {
	shop := open(t)
	for _, columns := range []int{40, 80, 200} {
		s := start(t, columns, 24, color.Black, command(t, shop.address))
		s.sees(`(?m)^ WRONG [1-9]`, `(?m)^ (warning|fault) +scope orders: re`, `(?m)^ SCOPES 2 .* RUNNING .*QUEUED`, `(?m)^ orders `, `(?m)^ mail .* 2/2 .* 7`,
			`(?m)^»CALLS 12 `, `(?m)^>.*▾ #1 checkout`, `(?m)  ▸ 9 × send`, `(?m)^ q quit  \? help`)
		s.press("q")
		if code := s.ends(); code != 0 {
			t.Errorf("exit code %d", code)
		}
	}
}

// What changes in the program is seen.
func TestV10_Live(t *testing.T) {
	shop := open(t)
	s := start(t, 80, 24, color.Black, command(t, shop.address))
	s.sees("checkout")
	p, call := async.NewPromise[int](t.Context(), shop.orders, async.Name("newcomer"))
	s.sees("newcomer", "CALLS 13")
	p.Complete(1, nil)
	_, _ = call.Await(t.Context())
	s.loses("newcomer")
	s.sees("CALLS 12")
}

// The keys sort, filter, fold, open a call, cancel it, and the cancel is real.
func TestV10_Keys(t *testing.T) {
	shop := open(t)
	s := start(t, 80, 30, color.Black, command(t, shop.address))
	s.sees(`▾ #1 checkout`, `#2 reserve`)
	s.press("s")
	s.sees("newest first")
	s.press("s")
	s.sees("by letter")
	s.press("g")
	s.sees(`CALLS 12  by name`, `▸ 9 × send`)
	s.press("g", "g", "s", "s")
	s.sees("tree · oldest first")
	s.press(left)
	s.sees(`▸ #1 checkout`)
	s.loses(`s running +#2 reserve`)
	s.press(right)
	s.sees(`▾ #1 checkout`)
	s.press("/rese", enter)
	s.sees(`CALLS 1  only /rese · tree · oldest first`, `>.*#2 reserve`)
	s.loses("checkout")
	s.press(enter)
	s.sees(`Call #2 reserve of orders`, `(?s)WAY UP.*#1 checkout`, `(?s)BEGUN AT.*terminal_test.go:\d+`)
	s.press("x")
	s.sees(`Cancel #2 reserve of orders\? y/n`)
	s.press("y")
	s.sees(`#2 was canceled|reserve.*canceled`, `It is not in flight any more`)
	s.press("\x1b")
	s.sees(`none of these is in flight`)
	s.press("\x1b")
	s.sees(`▸ 9 × send`, `CALLS 10 `) // checkout waited for it
	s.press("\t\t", down, "x")
	s.sees(`Cancel all that is queued in mail\? y/n`)
	s.press("y")
	s.sees(`7 queued calls were canceled`, `▸? ?.*send`)
	if n := shop.mail.Stats().Canceled; n != 7 {
		t.Errorf("%d calls of mail were canceled", n)
	}
}

// The screen follows the size of the terminal.
func TestV10_Resize(t *testing.T) {
	shop := open(t)
	s := start(t, 80, 24, color.Black, command(t, shop.address))
	s.sees("checkout")
	for _, size := range [][2]int{{40, 20}, {200, 50}, {20, 6}, {80, 24}} {
		s.mu.Lock()
		s.screen.Resize(size[0], size[1])
		s.mu.Unlock()
		if err := pty.Setsize(s.tty, &pty.Winsize{Cols: uint16(size[0]), Rows: uint16(size[1])}); err != nil {
			t.Fatal(err)
		}
		last := fmt.Sprintf(`(?s)^([^\n]*\n){%d} q quit`, size[1]-1)
		s.sees(last, `CALLS 12`, `▾ `)
	}
	s.press("q")
	if code := s.ends(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// Ctrl-C and SIGTERM leave the terminal as it was, too.
func TestV10_Quit(t *testing.T) {
	shop := open(t)
	s := start(t, 80, 24, color.Black, command(t, shop.address))
	s.sees("checkout")
	s.press("\x03")
	if code := s.ends(); code != 130 {
		t.Errorf("Ctrl-C: exit code %d", code)
	}
	s = start(t, 80, 24, color.Black, command(t, shop.address))
	s.sees("checkout")
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s.ends()
}

// The keys are those of the terminal, also where the standard input is a pipe.
func TestV10_Input(t *testing.T) {
	shop := open(t)
	cmd := command(t, shop.address)
	cmd.Stdin, cmd.SysProcAttr = strings.NewReader("no keys"), &syscall.SysProcAttr{Ctty: 1}
	s := start(t, 80, 24, color.Black, cmd)
	s.sees("checkout")
	s.press("s")
	s.sees("newest first")
	s.press("q")
	if code := s.ends(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// The last picture stays while the server is away, and goes on when the server is back.
func TestV10_Away(t *testing.T) {
	shop := open(t)
	s := start(t, 80, 24, color.Black, command(t, shop.address))
	s.sees("live", "checkout")
	handler, address := shop.server.Config.Handler, shop.server.Listener.Addr().String()
	shop.server.CloseClientConnections()
	shop.server.Close()
	s.sees(`OLD, \d`, `This is an old picture: cannot reach 127.0.0.1:\d+: connect: connection\s+refused; asking`, "checkout")
	shop.server = serveAt(t, address, handler)
	s.sees("live", "checkout")
	s.loses("OLD")
}

// serveAt starts a server at an address.
func serveAt(t *testing.T, address string, h http.Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.Listener.Close()
	l, err := listen(address)
	if err != nil {
		t.Fatal(err)
	}
	server.Listener = l
	server.Start()
	return server
}

// The colors follow the background, and NO_COLOR turns them off.
func TestV10_Colors(t *testing.T) {
	shop := open(t)
	const onDark, onLight = "38;2;154;160;166", "38;2;95;99;104" // of what is dim
	for _, test := range []struct {
		background color.Color
		env        string
		want, not  string
	}{
		{color.Black, "", onDark, onLight},
		{color.White, "", onLight, onDark},
		{color.White, "NO_COLOR=1", "\x1b[1m", `\x1b\[([0-9;]*;)?(3[0-9]|9[0-7]|38;[0-9;]*)m`},
	} {
		cmd := command(t, shop.address)
		cmd.Env = append(cmd.Env, test.env)
		s := start(t, 80, 24, test.background, cmd)
		s.sees("checkout")
		s.until(func() bool { return strings.Contains(s.bytes(), test.want) }, fmt.Sprintf("%q is never written", test.want))
		before := len(s.bytes())
		s.press("s") // draws more
		s.sees("newest first")
		s.press("q")
		s.ends()
		rest := s.bytes()[before:]
		if i := regexp.MustCompile(test.not).FindStringIndex(rest); i != nil {
			t.Errorf("with %v and %q, %q is written", test.background, test.env, rest[i[0]:i[1]])
		}
	}
}

// Nothing in a name reaches the terminal as more than a letter, and the columns stay where
// they are.
func TestV10_Hostile(t *testing.T) {
	names := []string{
		"\x1b]0;pwned\x07", "\x1b[2J\x1b[31mred", "\u009b31m", "a\nb\rc\td", "\xff\xfe", strings.Repeat("\x1b[1m long ", 100_000),
		"東京の天気", "e\u0301\u0301te\u0301", "\u0301", "שלום עולם", "a\u202edlrow", "👨\u200d👩\u200d👧", "👍🏽", "🇩🇪", "❤\ufe0f", "",
	}
	scope := async.NewScope(async.ScopeOptions{Name: "\x1b[41mscope\u202e"})
	shop := open(t, scope)
	for i, name := range names {
		p, c := async.NewPromise[int](t.Context(), scope, async.Name(name+fmt.Sprintf("/%02d|", i)))
		defer c.Release()
		defer p.Complete(0, nil)
	}
	for _, columns := range []int{40, 80, 200} {
		s := start(t, columns, 60, color.Black, command(t, "-state", "running", shop.address))
		s.sees("/15\\|", "東京の天気", "שלום עולם", `\\u202e`)
		s.press("/|", enter)
		s.sees(`only /\|`)
		s.press("q")
		s.ends()
		written := s.bytes()
		for _, bad := range []string{"pwned\x07", "\x1b[2J\x1b[31m", "\u009b", "\u202e", "\x1b[41m", "\xff", "\u200d", "\ufe0f", "\x00"} {
			if strings.Contains(written, bad) {
				t.Errorf("%d columns: %q reaches the terminal", columns, bad)
			}
		}
	}
}

// Of ten thousand calls, only what is seen is written: a key costs no more than a screen.
func TestV10_Many(t *testing.T) {
	scope := async.NewScope(async.ScopeOptions{Name: "many"})
	shop := open(t, scope)
	const n = 10_000 - 12
	for i := range n {
		p, c := async.NewPromise[int](t.Context(), scope, async.Name(fmt.Sprintf("name-%d", i)))
		defer c.Release()
		defer p.Complete(0, nil)
	}
	s := start(t, 80, 24, color.Black, command(t, "-limit", "10000", shop.address))
	s.sees(`CALLS 10,000 `)
	s.press("p") // what is written is for the keys alone
	s.sees("PAUSED")
	s.press(end)
	s.sees(fmt.Sprintf(`>.* name-%d`, n-1))
	before := len(s.bytes())
	for range 100 {
		s.press("\x1b[A")
	}
	s.sees(fmt.Sprintf(`>.* name-%d`, n-101))
	if wrote := len(s.bytes()) - before; wrote > 100*24*80 {
		t.Errorf("100 keys write %d bytes, more than as many screens", wrote)
	}
	s.press("q")
	s.ends()
}

// Where waiting is of no use, the command says why, and ends.
func TestV10_Refused(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }))
	defer server.Close()
	s := start(t, 80, 24, color.Black, command(t, server.URL))
	code := s.ends()
	said := strings.ReplaceAll(s.text(), "\n", "") // a late answer of the terminal may stand before it, and have the line wrap
	if code != 3 || !strings.Contains(said, "asks for credentials (401 Unauthorized)") {
		t.Errorf("exit code %d:\n%s", code, s.text())
	}
}
