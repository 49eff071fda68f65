package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// This file measures what a face of 100 methods costs a compiler, against the package of its
// interface: a client of a service, as such packages are, with 25 types of results.

// TestFace_cost builds the package of the interface and those of its faces. The time is that
// of processors and not of the clock, and the best of three, the first of which may compile
// what is imported, too. A face whose time has no limit is compiled once, for its size.
func TestFace_cost(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs the compiler for a minute")
	}
	dir := t.TempDir()
	writeModule(t, dir, "m")
	writeFile(t, filepath.Join(dir, "big", "big.go"), bigClient(100, 25))
	faces := map[string]struct {
		parts string
		bytes int64   // of the archive
		times float64 // the time of the interface's package
	}{
		"object": {"object,sync,factory", 2_950_000, 2},
		"calls":  {"calls", 11_700_000, 0}, // 75 types of calls; see decision 0027
	}
	for name, face := range faces {
		writeFile(t, filepath.Join(dir, name, "doc.go"), "package "+name+"\n")
		if code, stderr := asyncgen(t, filepath.Join(dir, name), "-type", "m/big.Client", "-only", face.parts, "-output", "client_async.go"); code != 0 {
			t.Fatal(stderr)
		}
	}
	const times = 3
	own, _ := compile(t, dir, "big", times)
	for name, face := range faces {
		n := times
		if face.times == 0 {
			n = 1
		}
		took, size := compile(t, dir, name, n)
		t.Logf("%s: %.2f times the interface's package, an archive of %d bytes", name, float64(took)/float64(own), size)
		if face.times > 0 && float64(took) > face.times*float64(own) {
			t.Errorf("%s: compiled in %.2f times the time of the interface's package, %v are allowed", name, float64(took)/float64(own), face.times)
		}
		if size > face.bytes {
			t.Errorf("%s: an archive of %d bytes, %d are allowed", name, size, face.bytes)
		}
	}
}

// compile compiles a package so many times. It returns the least time that the go command
// took, and the size of the archive.
func compile(t *testing.T, dir, name string, times int) (least time.Duration, size int64) {
	t.Helper()
	archive := filepath.Join(dir, name+".a")
	for i := range times {
		writeFile(t, filepath.Join(dir, name, "again.go"), fmt.Sprintf("package %s\n\nconst again = %d\n", name, time.Now().UnixNano()))
		cmd := exec.CommandContext(t.Context(), "go", "build", "-p", "1", "-o", archive, "./"+name)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if took := cmd.ProcessState.UserTime(); i == 0 || took < least { // with that of the compiler
			least = took
		}
	}
	info, err := os.Stat(archive)
	if err != nil {
		t.Fatal(err)
	}
	return least, info.Size()
}

func writeFile(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// bigClient is the source of an interface of so many methods, and of a client of a service
// that implements it.
func bigClient(methods, types int) string {
	var b strings.Builder
	b.WriteString("package big\n\nimport (\n\t\"bytes\"\n\t\"context\"\n\t\"encoding/json\"\n\t\"fmt\"\n\t\"io\"\n\t\"net/http\"\n\t\"net/url\"\n)\n\n")
	for i := range types {
		fmt.Fprintf(&b, "type R%d struct {\n\tID, Name string\n\tSizes [%d]int\n\tLabels map[string]string\n}\n\n", i, i+1)
	}
	b.WriteString("type Options struct {\n\tFilter string\n\tLimit int\n\tAll bool\n}\n\ntype Client interface {\n")
	for i := range methods {
		fmt.Fprintf(&b, "\t%s\n", signatureOf(i, types))
	}
	b.WriteString("}\n\ntype client struct {\n\thttp *http.Client\n\tbase string\n}\n\nfunc New(base string) Client { return &client{http.DefaultClient, base} }\n")
	for i := range methods {
		fmt.Fprintf(&b, bigMethod, signatureOf(i, types), i)
	}
	return b.String()
}

// signatureOf is the signature of a method: the results are of four kinds in turn.
func signatureOf(i, types int) string {
	result := []string{"*R%d", "[]R%d", "struct{}", "R%d"}[i%4]
	if strings.Contains(result, "%") {
		result = fmt.Sprintf(result, i%types)
	}
	return fmt.Sprintf("Method%d(ctx context.Context, id string, o Options) (v %s, err error)", i, result)
}

// bigMethod is a method of the client, by its signature and its number.
const bigMethod = `
func (c *client) %[1]s {
	query := url.Values{}
	if o.Filter != "" {
		query.Set("filter", o.Filter)
	}
	if o.Limit > 0 {
		query.Set("limit", fmt.Sprint(o.Limit))
	}
	if o.All {
		query.Set("all", "1")
	}
	body, err := json.Marshal(o)
	if err != nil {
		return v, fmt.Errorf("method %[2]d: %%w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+"/method%[2]d/"+url.PathEscape(id)+"?"+query.Encode(), bytes.NewReader(body))
	if err != nil {
		return v, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return v, err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 400 {
		text, _ := io.ReadAll(resp.Body)
		return v, fmt.Errorf("method %[2]d: %%s: %%s", resp.Status, text)
	}
	return v, json.NewDecoder(resp.Body).Decode(&v)
}
`
