// First asks three mirrors for the same file and uses the first good answer: a
// mirror that fails does not end the wait, and one that does not answer is told
// to stop as soon as it is no longer needed.
//
// Output:
//
//	mirror 1 served "release notes"
//	mirror 2 was told to stop
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"

	"github.com/seed4712c49f/async"
)

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	var asked, stopped async.Event // of the mirror that does not answer
	mirrors := http.NewServeMux()
	mirrors.HandleFunc("/0", http.NotFound)
	mirrors.HandleFunc("/1", func(w http.ResponseWriter, r *http.Request) {
		<-asked.Done() // so that there is somebody to be told to stop
		fmt.Fprint(w, "release notes")
	})
	mirrors.HandleFunc("/2", func(_ http.ResponseWriter, r *http.Request) {
		asked.Set()
		<-r.Context().Done()
		stopped.Set()
	})
	server := &http.Server{Handler: mirrors}
	defer server.Close()
	go func() { _ = server.Serve(l) }()

	base := "http://" + l.Addr().String()
	calls := async.GoEach(ctx, []string{base + "/0", base + "/1", base + "/2"}, get)
	defer calls.Release()
	i, body, err := calls.Any(ctx)
	calls.Cancel(nil)
	if err != nil {
		return err
	}
	fmt.Printf("mirror %d served %q\n", i, body)
	if err := stopped.Wait(ctx); err != nil {
		return err
	}
	fmt.Println("mirror 2 was told to stop")
	return nil
}

func get(ctx context.Context, url string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s", url, resp.Status)
	}
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}
