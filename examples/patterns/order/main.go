// Order uses the answers of three servers in the order in which they arrive,
// which is not the order in which they were asked. So that the output is the
// same each time, each server here answers when the one before it was heard.
//
// Output:
//
//	server 2 says hello from 2
//	server 0 says hello from 0
//	server 1 failed: EOF
package main

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"net"

	"github.com/seed4712c49f/async"
)

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	var turns [3]async.Event
	addrs := make([]string, len(turns))
	for i := range turns {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		defer l.Close()
		addrs[i] = l.Addr().String()
		go greet(l, i, &turns[i])
	}

	calls := async.GoEach(ctx, addrs, readGreeting)
	defer calls.Release()
	defer calls.Cancel(nil)
	next := map[int]int{2: 0, 0: 1} // whose turn is after whose
	turns[2].Set()
	for i, r := range calls.Each(ctx) {
		if r.Err != nil {
			fmt.Printf("server %d failed: %v\n", i, r.Err)
			continue
		}
		fmt.Printf("server %d says %s", i, r.Value)
		turns[next[i]].Set()
	}
	return ctx.Err() // Each ends quietly when its context does
}

// greet serves one client when its turn comes; server 1 has nothing to say.
func greet(l net.Listener, i int, turn *async.Event) {
	conn, err := l.Accept()
	if err != nil {
		return // the listener was closed
	}
	defer conn.Close()
	<-turn.Done()
	if i != 1 {
		fmt.Fprintf(conn, "hello from %d\n", i)
	}
}

func readGreeting(ctx context.Context, addr string) (string, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })() // a read ends when ctx does
	return bufio.NewReader(conn).ReadString('\n')
}
