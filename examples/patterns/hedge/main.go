// Hedge sends a request a second time when the first is slow to be answered,
// takes whichever answer comes first, and tells the server to drop the other.
//
// Output:
//
//	answered by request 2
//	request 1 was told to stop
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"

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
	var stopped async.Event
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := r.FormValue("request")
		if n == "1" {
			<-r.Context().Done()
			stopped.Set()
			return
		}
		fmt.Fprintf(w, "request %s", n)
	})}
	defer server.Close()
	go func() { _ = server.Serve(l) }()

	url := "http://" + l.Addr().String()
	answer, err := async.Hedge(ctx, 20*time.Millisecond, 2, func(ctx context.Context, attempt int) (string, error) {
		return get(ctx, fmt.Sprintf("%s/?request=%d", url, attempt+1))
	})
	if err != nil {
		return err
	}
	fmt.Println("answered by", answer)
	if err := stopped.Wait(ctx); err != nil {
		return err
	}
	fmt.Println("request 1 was told to stop")
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
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}
