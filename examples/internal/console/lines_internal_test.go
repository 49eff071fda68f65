// How a line is laid out cannot be seen from outside without a terminal.

package console

import (
	"bytes"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
)

func TestLayOut(t *testing.T) {
	for _, c := range []struct {
		width      int
		text, want string
	}{
		{0, "  a  b        c\n", "  a  b        c\n"},
		{20, "a       b          c", "a       b          c"},
		{20, "a       b          c  ", "a       b          c"},
		{20, "name    state       note\n", "name    state\n  note\n"},
		{16, "name    state       note\n", "name    state\n  note\n"},
		{10, "name    state       note\n", "name\n  state\n  note\n"},
		{16, " name   state       a note that is long\n", " name   state\n   a note that\n   is long\n"},
		{12, "words that go on and on", "words that\n  go on and\n  on"},
		{20, "http://127.0.0.1:12345/a/path", "http://\n  127.0.0.1:12345/a/\n  path"},
		{20, "waits for 1 or s, /a/path/of/eighteen/columns", "waits for 1 or s,\n  /a/path/of/\n  eighteen/columns"},
		{12, "        deeply in  b", "   deeply in\n     b"},
		{30, "a site is on http://127.0.0.1:45359/", "a site is on\n  http://127.0.0.1:45359/"},
		{30, "|..   x|  over 1.000\n\n", "|..   x|  over 1.000\n\n"},
		{12, strings.ReplaceAll("|..   x|", " ", string(Blank)) + "  over 1.000\n\n", "|..   x|\n  over 1.000\n\n"},
	} {
		if got := layOut(c.text, c.width); got != c.want {
			t.Errorf("%q in %d columns: got %q, want %q", c.text, c.width, got, c.want)
		}
	}
}

// Whatever the width, every word is there, in order, and no line is too long.
func TestLayOut_everything(t *testing.T) {
	for _, text := range []string{
		"  won          0.500s  http://127.0.0.1:41234/fast  its answer came too late and was closed  over 1.000\n",
		"  order 4711 #1: lent, 9s; it waits for payment 4711 #1 of scope payments, 9s, /a/path/of/a/program/faults.go:139\n",
	} {
		for width := 24; width < 120; width++ {
			got := layOut(text, width)
			if strings.Join(strings.Fields(got), "") != strings.Join(strings.Fields(text), "") {
				t.Errorf("%d columns: %q", width, got)
			}
			for line := range strings.Lines(got) {
				if ansi.StringWidth(strings.TrimSuffix(line, "\n")) > width {
					t.Errorf("%d columns: the line is too long: %q", width, line)
				}
			}
		}
	}
}

func TestBar(t *testing.T) {
	for done, want := range map[int64]string{0: "[          ]", 50: "[====>     ]", 100: "[==========]"} {
		if got := strings.ReplaceAll(Bar(12, done, 100), string(Blank), " "); got != want {
			t.Errorf("%d of 100: %q, want %q", done, got, want)
		}
	}
}

// Elsewhere than on a terminal the text stays as it is, line by line, and there is no
// view.
func TestConsole_noTerminal(t *testing.T) {
	var out bytes.Buffer
	c := New(&out)
	stop := c.Show(func() string { t.Error("the view is drawn"); return "" }, true)
	long := strings.Repeat("words ", 50) + "\n"
	_, _ = c.Write([]byte(long[:20]))
	if out.Len() > 0 {
		t.Errorf("a part of a line is written: %q", &out)
	}
	_, _ = c.Write([]byte(long[20:]))
	stop()
	if want := strings.TrimRight(long, " \n") + "\n"; out.String() != want || c.IsLive() {
		t.Errorf("got %q, want %q", &out, want)
	}
}
