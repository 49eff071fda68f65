// Grpc calls a real gRPC service asynchronously: hedged, canceled, streaming, and under a
// Scope.
//
//	cd examples/grpc && go run .
//
// A generated gRPC client is a Go interface, so nothing has to be adapted: asyncgen writes
// the asynchronous face of grpc_health_v1.HealthClient as it does for any interface. The
// line is in health.go, what it has written in healthclient_async.go:
//
//   - HealthClientCalls, a client whose methods return an *async.Call each. Watch, which
//     streams, is known by its shape: its call keeps the context of the stream until it is
//     released.
//   - AsyncHealthClient, a call object with BeginCheck and FinishCheck, and a CallFactory.
//
// The servers are three replicas on the loopback, in replica.go. The steps are in steps.go,
// one function each, and print what happens at both ends.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program the hard way
	os.Exit(run(ctx, os.Stdout, os.Stderr))
}

// run is the program; it returns the exit code.
func run(ctx context.Context, stdout, stderr io.Writer) int {
	err := steps(ctx, stdout)
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil:
		fmt.Fprintln(stderr, "grpc: interrupted:", err)
		return 130
	}
	fmt.Fprintln(stderr, "grpc:", err)
	return 1
}
