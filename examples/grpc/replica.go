package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// A replica is a gRPC server on the loopback with the health service that gRPC ships, and a
// client of it.
type replica struct {
	health *health.Server
	client healthpb.HealthClient
	calls  HealthClientCalls // the same client, asynchronously

	// hold is what a Check does before the server answers, or nil.
	hold atomic.Pointer[func(ctx context.Context) error]

	stop func() error
}

// startReplicas starts n replicas.
func startReplicas(n int) (list []*replica, stop func() error, err error) {
	stop = func() error {
		var all error
		for _, r := range list {
			all = errors.Join(all, r.stop())
		}
		return all
	}
	for range n {
		r, err := startReplica()
		if err != nil {
			return nil, nil, errors.Join(err, stop())
		}
		list = append(list, r)
	}
	return list, stop, nil
}

func startReplica() (*replica, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &replica{health: health.NewServer()}
	server := grpc.NewServer(grpc.UnaryInterceptor(r.intercept))
	healthpb.RegisterHealthServer(server, r.health)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()

	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		server.Stop()
		return nil, errors.Join(err, <-served)
	}
	r.client = healthpb.NewHealthClient(conn)
	r.calls = NewHealthClientCalls(r.client)
	r.stop = func() error {
		err := conn.Close()
		server.Stop()
		return errors.Join(err, <-served)
	}
	return r, nil
}

// intercept has the server wait before it answers.
func (r *replica) intercept(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	if hold := r.hold.Load(); hold != nil {
		if err := (*hold)(ctx); err != nil {
			return nil, err
		}
	}
	return handler(ctx, request)
}

// hangs has every Check hang until its context ends at the server, which told says then.
func (r *replica) hangs() (asked <-chan struct{}, told <-chan string) {
	came, over := make(chan struct{}, 1), make(chan string, 1)
	hang := func(ctx context.Context) error {
		came <- struct{}{}
		<-ctx.Done()
		over <- fmt.Sprint(context.Cause(ctx))
		return ctx.Err()
	}
	r.hold.Store(&hang)
	return came, over
}

// waitsFor has a Check wait for an event.
func (r *replica) waitsFor(event <-chan struct{}) {
	wait := func(ctx context.Context) error {
		select {
		case <-event:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	r.hold.Store(&wait)
}

// works has every Check take a while, and has it counted at the desk.
func (r *replica) works(d *desk) {
	work := func(ctx context.Context) error {
		d.enter()
		defer d.leave()
		select {
		case <-time.After(2 * time.Millisecond):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	r.hold.Store(&work)
}

// A desk counts what all servers do at the same time.
type desk struct {
	mu       sync.Mutex
	in, most int
}

func (d *desk) enter() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.in++
	d.most = max(d.most, d.in)
}

func (d *desk) leave() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.in--
}
