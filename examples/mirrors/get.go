package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// checksumHeader announces the SHA-256 of a file, in hex.
const checksumHeader = "X-Checksum-Sha256"

// A file is what is known of one that was read to its end.
type file struct {
	size      int64
	sum       string // SHA-256 in hex
	announced bool   // the mirror named the same sum beforehand
}

// newClient returns a client with connections of its own: one for each request,
// closed with its body, so that none is left when the program ends.
func newClient() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DisableKeepAlives = true
	t.DisableCompression = true // the checksum is of the file as it is stored
	return &http.Client{Transport: t}
}

// get asks for a file and returns the answer with its body unread. An answer
// that is not the file is an error.
func get(ctx context.Context, client *http.Client, mirror *url.URL) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, mirror.String(), nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return nil, cause
		}
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err // without the URL, which is shown beside it
		}
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return nil, fmt.Errorf("answered %s", resp.Status)
	}
	return resp, nil
}

// read reads a body to its end, telling progress of every piece, and checks that
// it is the whole file, as far as the answer says what that is.
func read(ctx context.Context, resp *http.Response, progress io.Writer) (*file, error) {
	hash := sha256.New()
	n, err := io.Copy(io.MultiWriter(hash, progress), resp.Body)
	sum, want := hex.EncodeToString(hash.Sum(nil)), resp.Header.Get(checksumHeader)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.Is(err, io.ErrUnexpectedEOF) && resp.ContentLength >= 0:
		return nil, fmt.Errorf("the file is cut short: %d of %d bytes came", n, resp.ContentLength)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, fmt.Errorf("the file is cut short after %d bytes", n)
	case err != nil:
		return nil, fmt.Errorf("after %d bytes: %w", n, err)
	case want != "" && !strings.EqualFold(want, sum):
		return nil, fmt.Errorf("the file is damaged: its SHA-256 is %s, announced was %s", sum, want)
	}
	return &file{size: n, sum: sum, announced: want != ""}, nil
}
