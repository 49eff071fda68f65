package browsertest_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// axe-core looks for what keeps people with disabilities from using a page: contrasts that
// are too low, fields without labels, tables without heads. It comes from npm, in one
// version, and is not kept here.

const (
	axeVersion = "4.14.1"
	axeSum     = "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==" // SHA-512, as npm states it
)

// axe is the script, and the error where it cannot be had.
var axe = sync.OnceValues(fetchAxe)

// fetchAxe has npm fetch the package, compares its sum and returns the script in it.
func fetchAxe() (string, error) {
	dir, err := os.MkdirTemp("", "axe")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "npm", "pack", "--silent", "axe-core@"+axeVersion)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm pack: %w: %s", err, bytes.TrimSpace(out))
	}
	data, err := os.ReadFile(filepath.Join(dir, "axe-core-"+axeVersion+".tgz"))
	if err != nil {
		return "", err
	}
	if sum := sha512.Sum512(data); base64.StdEncoding.EncodeToString(sum[:]) != axeSum {
		return "", fmt.Errorf("axe-core %s is not what it was: its sum is %x", axeVersion, sum)
	}
	return unpack(data, "package/axe.min.js")
}

// unpack returns one file of a compressed archive.
func unpack(data []byte, name string) (string, error) {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return "", err
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err != nil {
			return "", fmt.Errorf("no %s: %w", name, err)
		}
		if h.Name == name {
			text, err := io.ReadAll(r)
			return string(text), err
		}
	}
}

// accessible fails the test for everything that axe-core finds in the page as it is. Where
// there is no axe-core, it says so.
func (b *tab) accessible() {
	b.t.Helper()
	script, err := axe()
	if err != nil {
		b.t.Log("left out: there is no axe-core: ", err)
		return
	}
	for _, found := range b.violations(script) {
		b.t.Error("axe-core: ", found)
	}
}

// violations runs axe-core in the page, and returns what it finds.
func (b *tab) violations(script string) (all []string) {
	b.t.Helper()
	eval[int](b, script+"; 0")
	result := eval[string](b, `axe.run(document, {resultTypes: ["violations"]}).then(r => JSON.stringify(r.violations))`)
	var violations []struct {
		ID, Impact, Help string
		Nodes            []struct {
			HTML, FailureSummary string
		}
	}
	if err := json.Unmarshal([]byte(result), &violations); err != nil {
		b.t.Fatal(err)
	}
	for _, v := range violations {
		where := v.Nodes[0]
		all = append(all, fmt.Sprintf("%s (%s): %s: %d times, as in %s: %s",
			v.ID, v.Impact, v.Help, len(v.Nodes), where.HTML, strings.Join(strings.Fields(where.FailureSummary), " ")))
	}
	return all
}
