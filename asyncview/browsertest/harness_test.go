package browsertest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
)

// What the harness is to find, it finds: a page with everything wrong.
func TestHarness(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'nonce-1'")
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, `<p style="color: red">styled</p><input><script>let not = "run"</script>
			<script nonce="1">console.error("said"); throw new Error("thrown")</script>`)
	}))
	defer s.Close()
	b := open(t)
	b.visit(s.URL)
	b.until("all of it", "document.querySelector('p')")
	for _, want := range []string{"said", "thrown", "inline style", "inline script"} {
		if len(b.expected(want)) == 0 {
			t.Errorf("not heard: %s", want)
		}
	}
	b.expected("") // the rest of it
	script, err := axe()
	if err != nil {
		t.Skip("there is no axe-core: ", err)
	}
	if found := b.violations(script); len(found) < 3 {
		t.Errorf("axe-core finds only %q", found)
	}
}
