package wire_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/seed4712c49f/async/asyncnats/internal/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// An id has one text, and a text that is accepted is that of one id.
func TestIDText(t *testing.T) {
	m := wire.NewMinter()
	for range 1000 {
		id := m.Mint()
		got, ok := wire.ParseID(id.String())
		if !ok || got != id {
			t.Fatalf("%s was read as %s, %t", id, got, ok)
		}
	}
	for _, s := range []string{"", strings.Repeat("A", 21), strings.Repeat("A", 23), strings.Repeat("A", 21) + "B", strings.Repeat("A", 21) + "=", strings.Repeat("é", 11)} {
		if id, ok := wire.ParseID(s); ok {
			t.Errorf("%q was read as %s", s, id)
		}
	}
}

// Minters have seeds of their own, and mint no id twice.
func TestMint(t *testing.T) {
	seen := make(map[wire.ID]bool)
	for range 100 {
		m := wire.NewMinter()
		for range 1000 {
			id := m.Mint()
			if seen[id] {
				t.Fatal("an id was minted twice")
			}
			seen[id] = true
		}
	}
}

func TestReply(t *testing.T) {
	id := wire.NewMinter().Mint()
	inbox := wire.Inbox("_INBOX.shop", "json", "NONCE")
	r, ok := wire.ParseReply(inbox + "." + id.String())
	if !ok || r.Inbox != inbox || r.Codec != "json" || r.ID != id {
		t.Errorf("%+v, %t", r, ok)
	}
	for _, s := range []string{
		"", ".", id.String(), "." + id.String(), "_INBOX." + id.String(), "_INBOX.x." + id.String(), "async-json-x" + id.String(),
		inbox + "..", inbox + ". " + id.String(), "a b.async-json-x." + id.String(), strings.Repeat("x", 5000) + ".async-json-x." + id.String(),
		inbox + "." + id.String() + ".",
	} {
		if r, ok := wire.ParseReply(s); ok {
			t.Errorf("%q was read as %+v", s, r)
		}
	}
}

func TestIsSubject(t *testing.T) {
	for s, want := range map[string]bool{
		"a": true, "a.b": true, "$SRV.x": true, "ä.ö": true, "_ASYNC": true,
		"": false, ".": false, "a.": false, ".a": false, "a..b": false, "a b": false, "a.*": false, ">": false, "a\r\n": false, "a\x00": false,
		strings.Repeat("x", 5000): false,
	} {
		if got := wire.IsSubject(s); got != want {
			t.Errorf("IsSubject(%.20q) is %t", s, got)
		}
	}
}

func TestIDs(t *testing.T) {
	n := 0
	if !wire.IDs(make([]byte, 3*wire.IDSize), func(wire.ID) { n++ }) || n != 3 {
		t.Error(n)
	}
	if wire.IDs(make([]byte, wire.IDSize+1), func(wire.ID) {}) {
		t.Error("what is left over was not seen")
	}
}

// Whatever is parsed without an error is what it says, and says the same when it is sent on.
func FuzzParseBeat(f *testing.F) {
	f.Add([]byte(`{"server":"a","every":1000000000,"has":"AAAAAAAAAAAAAAAAAAAAAA=="}`))
	f.Add([]byte(`{"server":"a.b","every":-1,"gone":"AAAA"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := wire.ParseBeat(data)
		if err != nil {
			return
		}
		if !wire.IsToken(b.Server) || b.Every <= 0 || b.Every > 24*time.Hour || len(b.Has)%wire.IDSize+len(b.Gone)%wire.IDSize != 0 {
			t.Errorf("%+v", b)
		}
		again, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		c, err := wire.ParseBeat(again)
		if err != nil || c.Server != b.Server || c.Every != b.Every || !bytes.Equal(c.Has, b.Has) || !bytes.Equal(c.Gone, b.Gone) {
			t.Errorf("%+v, %v", c, err)
		}
	})
}

func FuzzParseControl(f *testing.F) {
	f.Add([]byte(`{"cancel":{"reply":"_INBOX.async-json-X.AAAAAAAAAAAAAAAAAAAAAA","codes":["a"],"text":"t"}}`))
	f.Add([]byte(`{"ask":{"inbox":"_INBOX.async-json-X","ids":"AAAAAAAAAAAAAAAAAAAAAA==","all":true}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := wire.ParseControl(data)
		if err == nil && c.Cancel == nil && c.Ask == nil && c.Drop == nil {
			t.Errorf("%+v", c)
		}
	})
}

func FuzzParseReply(f *testing.F) {
	f.Add("_INBOX.async-json-X.AAAAAAAAAAAAAAAAAAAAAA")
	f.Add("_INBOX.x.y")
	f.Fuzz(func(t *testing.T, s string) {
		r, ok := wire.ParseReply(s)
		if ok && (r.Inbox+"."+r.ID.String() != s || !wire.IsSubject(s)) {
			t.Errorf("%q was read as %+v", s, r)
		}
	})
}
