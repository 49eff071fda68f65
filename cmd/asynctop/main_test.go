package main

import (
	"bytes"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func listen(address string) (net.Listener, error) { return net.Listen("tcp", address) }

// result runs a command to its end, with its output into pipes.
func result(t *testing.T, cmd *exec.Cmd) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		if _, ok := errors.AsType[*exec.ExitError](err); !ok {
			t.Fatal(err)
		}
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// Into a pipe or a file, the picture of the moment is written as text, without colors.
func TestDump(t *testing.T) {
	shop := open(t)
	out, errs, code := result(t, command(t, shop.address))
	if code != 0 || errs != "" {
		t.Fatalf("exit code %d, %q", code, errs)
	}
	for _, want := range []string{"WRONG", "SCOPES 2", "CALLS 12", "#1 checkout", "#2 reserve", "9 × send", shop.address} {
		if !strings.Contains(out, want) {
			t.Errorf("there is no %q in\n%s", want, out)
		}
	}
	if strings.ContainsFunc(out, func(r rune) bool { return r < ' ' && r != '\n' }) {
		t.Errorf("there are control characters in %q", out)
	}
	file, err := os.Create(t.TempDir() + "/dump")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cmd := command(t, "-once", "-search", "RESERVE", "-columns", "40", shop.address)
	cmd.Stdout = file
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file.Name())
	if err != nil || !bytes.Contains(data, []byte("#2 reserve")) || bytes.Contains(data, []byte("▾ #1 checkout")) {
		t.Errorf("%v\n%s", err, data)
	}
}

// Each mistake has its text and its exit code.
func TestExitCodes(t *testing.T) {
	answer := func(status int, body string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			if r.Header.Get("Authorization") == "Bearer right" {
				status = http.StatusOK
			}
			w.WriteHeader(status)
			w.Write([]byte(body))
		}))
		t.Cleanup(s.Close)
		return s.URL
	}
	const empty = `{"version":1,"time":"2026-03-01T03:00:00Z"}`
	for _, test := range []struct {
		args []string
		code int
		text string
	}{
		{nil, 2, "the address is missing"},
		{[]string{"a", "b"}, 2, "2 addresses"},
		{[]string{"-no"}, 2, "flag provided but not defined: -no"},
		{[]string{"-sort", "size", "a"}, 2, "it is one of [age newest name count]"},
		{[]string{"-limit", "0", "a"}, 2, "-limit 0 is not from 1 to 10000"},
		{[]string{"-columns", "3", "a"}, 2, "-columns 3 is not from 20"},
		{[]string{"-interval", "-1s", "a"}, 2, "-interval -1s is below zero"},
		{[]string{"-H", "x", "a"}, 2, "a header is not of the form"},
		{[]string{"ftp://a/"}, 2, `begins with "ftp://"`},
		{[]string{"localhost:1"}, 1, "cannot reach localhost:1"},
		{[]string{answer(401, "")}, 3, "asks for credentials"},
		{[]string{"-H", "Authorization: Bearer wrong", answer(403, "")}, 3, "does not allow this"},
		{[]string{"-H", "Authorization: Bearer right", answer(401, empty)}, 0, ""},
		{[]string{answer(404, "")}, 4, "is no asyncview: it answers 404"},
		{[]string{answer(200, `{"version":9}`)}, 4, "speaks version 9 of the schema"},
		{[]string{answer(200, empty)}, 0, ""},
	} {
		out, errs, code := result(t, command(t, test.args...))
		if code != test.code || !strings.Contains(errs, test.text) || code == 0 != (errs == "") || code == 0 != (out != "") {
			t.Errorf("%q: exit code %d, not %d with %q:\n%s%s", test.args, code, test.code, test.text, out, errs)
		}
	}
}

// The usage names every flag and every exit code, in 80 columns.
func TestUsage(t *testing.T) {
	out, errs, code := result(t, command(t, "-h"))
	if code != 0 || errs != "" || out != usage {
		t.Errorf("exit code %d:\n%s%s", code, out, errs)
	}
	for _, word := range []string{"-H ", "-once", "-interval", "-limit", "-search", "-state", "-sort", "-group", "-columns", "NO_COLOR", "0 after q", "1 when", "2 for", "3 when", "4 when", "130"} {
		if !strings.Contains(strings.Join(strings.Fields(out), " "), word) {
			t.Errorf("the usage does not say %q", word)
		}
	}
	for line := range strings.Lines(out) {
		if len(line) > 81 {
			t.Errorf("a line is too long: %s", line)
		}
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), "```text\n"+usage+"```\n") {
		t.Error("the README does not have the usage as it is")
	}
}
