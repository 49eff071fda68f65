package plain_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
	"github.com/seed4712c49f/async/cmd/asynctop/internal/plain"
)

func TestName(t *testing.T) {
	for name, want := range map[string]string{
		"fetch":                                 "fetch",
		"GET /a?b=c d":                          "GET /a?b=c d",
		`C:\temp`:                               `C:\temp`,
		"Zürich ×2":                             "Zürich ×2",
		"東京":                                    "東京",
		"e\u0301te\u0301":                       "e\u0301te\u0301",
		"שלום":                                  "שלום",
		"":                                      ``,
		" a":                                    ` a`,
		"a\nb":                                  `a\nb`,
		`\x1b[2J`:                               `\x1b[2J`,
		"\x1b[2J":                               `\x1b[2J`,
		"\x1b]0;\"\\\a":                         `\x1b]0;"\\a`,
		"\u009b31m":                             `\u009b31m`,
		"\xff\xc0x":                             `\xff\xc0x`,
		"\uFFFD":                                "\uFFFD",
		"a\u202eb":                              `a\u202eb`,
		"a\u200db":                              `a\u200db`,
		"\u0301a":                               `\u0301a`,
		"a\u0301\u0301\u0301\u0301\u0301\u0301": `a\u0301\u0301\u0301\u0301\u0301\u0301`,
		"👍":                                     "👍",
		"👍🏽":                                    `👍\U0001f3fd`,
		"👨\u200d👩":                              `👨\u200d\U0001f469`,
		"❤\ufe0f":                               `❤\ufe0f`,
		strings.Repeat("x", 1000):               strings.Repeat("x", 299) + "…",
	} {
		if got := plain.Name(name); got != want {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
	}
}

func TestLines(t *testing.T) {
	got := strings.Join(plain.Lines("main.f()\r\n\tmain.go:12 +0x4\n\n\x1b[31mred\n", 10), "|")
	if want := `main.f()|    main.go:12 +0x4||\x1b[31mred`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	got = strings.Join(plain.Lines("a\nb\nc\nd", 3), "|")
	if want := "a|b|… 2 more lines"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := plain.Lines("", 3); len(got) != 0 {
		t.Errorf("the lines of nothing: %q", got)
	}
	if got, want := plain.Line(" a\n b\t\x00"), `a b \x00`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Whatever comes in, what comes out has no control character, is valid, and is of one width
// for all terminals. Cutting and padding keep to the width asked for.
func TestRandom(t *testing.T) {
	const seed = 1
	rnd := rand.New(rand.NewPCG(seed, seed))
	for range 5_000 {
		in := random(rnd)
		for what, out := range map[string]string{"Name": plain.Name(in), "Line": plain.Line(in), "Lines": strings.Join(plain.Lines(in, 5), "")} {
			check(t, what, in, out)
			width := rnd.IntN(30)
			if cut := plain.Cut(out, width); plain.Width(cut) > width {
				t.Errorf("Cut of %q to %d is %q", out, width, cut)
			}
			if cut := plain.CutLeft(out, width); plain.Width(cut) > width {
				t.Errorf("CutLeft of %q to %d is %q", out, width, cut)
			}
			if pad := plain.Pad(out, width); plain.Width(pad) != width {
				t.Errorf("Pad of %q to %d is %q", out, width, pad)
			}
			for _, line := range plain.Wrap(out, width+2) {
				if plain.Width(line) > width+2 {
					t.Errorf("Wrap of %q to %d has %q", out, width+2, line)
				}
			}
		}
		if t.Failed() {
			t.FailNow()
		}
	}
}

// Megabytes take no time.
func TestHuge(t *testing.T) {
	for _, s := range []string{"x", "\x1b", "é", "\xff", "a\u0301", "\n", "\u0301"} {
		huge := strings.Repeat(s, 10<<20/len(s))
		for what, out := range map[string]string{"Name": plain.Name(huge), "Line": plain.Line(huge), "Lines": strings.Join(plain.Lines(huge, 5), "")} {
			check(t, what, s, out)
			if len(out) > 100_000 {
				t.Errorf("%s of megabytes of %q has %d bytes", what, s, len(out))
			}
		}
	}
}

func check(t *testing.T, what, in, out string) {
	t.Helper()
	if !utf8.ValidString(out) {
		t.Errorf("%s(%q) = %q is not valid", what, in, out)
	}
	for _, r := range out {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x200b && r <= 0x200f || r >= 0x2028 && r <= 0x202e || r >= 0x2060 && r <= 0x206f || r == 0xfeff {
			t.Errorf("%s(%q) = %q has %U", what, in, out, r)
		}
	}
	if g, w := ansi.GraphemeWidth.StringWidth(out), ansi.WcWidth.StringWidth(out); g != w {
		t.Errorf("%s(%q) = %q is %d cells wide by clusters and %d by runes", what, in, out, g, w)
	}
}

func random(rnd *rand.Rand) string {
	pieces := []string{
		"a", "Z", " ", "é", "e\u0301", "\u0301", "東", "한", "\u1112\u1161\u11ab", "ש", "م", "क्ष", "👍", "🏽", "👨\u200d👩\u200d👧", "🇩🇪", "🇩", "\ufe0f", "\u200d",
		"\x1b", "\x1b[31m", "\x1b]8;;x\x07", "\x9b", "\u009b", "\x00", "\n", "\r", "\t", "\x7f", "\xff", "\xc3", "\u202e", "\u2066", "\u2028", "\ufeff", "\u00ad", "\\", "\"", "\U000e0041", "ﷺ", "ｱ", "…",
	}
	var b strings.Builder
	for range rnd.IntN(12) {
		switch rnd.IntN(4) {
		case 0:
			b.WriteRune(rune(rnd.IntN(0x20000)))
		case 1:
			b.WriteByte(byte(rnd.IntN(256)))
		default:
			b.WriteString(pieces[rnd.IntN(len(pieces))])
		}
	}
	return b.String()
}
