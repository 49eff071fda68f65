package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/seed4712c49f/async"
)

// hedgeAfter is how long one replica is waited for before another is asked, too.
const hedgeAfter = 20 * time.Millisecond

// A show is what the steps have in common.
type show struct {
	out      io.Writer
	replicas []*replica
}

func (s *show) printf(format string, args ...any) { fmt.Fprintf(s.out, format+"\n", args...) }

// steps makes all steps, in this order.
func steps(ctx context.Context, out io.Writer) (err error) {
	replicas, stop, err := startReplicas(3)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	s := &show{out, replicas}
	s.printf("three replicas of the health service are up, each a gRPC server on the loopback")
	for _, step := range []func(context.Context) error{s.hedged, s.canceled, s.streaming, s.underScope} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// hedged asks a replica, and the next one while there is no answer.
func (s *show) hedged(ctx context.Context) error {
	s.printf("\nhedged: replica 1 is asked, and after %v replica 2 as well", hedgeAfter)
	asked, told := s.replicas[0].hangs()
	s.replicas[1].waitsFor(asked) // or else, on a machine that is slow today, nobody would have to be told
	type answer struct {
		from   int
		status healthpb.HealthCheckResponse_ServingStatus
	}
	a, err := async.Hedge(ctx, hedgeAfter, 2, func(ctx context.Context, attempt int) (answer, error) {
		call := s.replicas[attempt].calls.Check(ctx, new(healthpb.HealthCheckRequest))
		defer call.Release()
		r, err := call.Await(ctx)
		return answer{attempt + 1, r.GetStatus()}, err
	})
	if err != nil {
		return err
	}
	s.printf("  client     replica %d answered: %v", a.from, a.status)
	s.printf("  replica 1  was told to stop: %s", <-told)
	return nil
}

// canceled begins, cancels and finishes a call by a call object.
func (s *show) canceled(ctx context.Context) error {
	s.printf("\ncanceled: a call object, and a replica that hangs")
	asked, told := s.replicas[0].hangs()
	call, err := async.CreateCall[AsyncHealthClient](NewHealthClientFactory(s.replicas[0].client))
	if err != nil {
		return err
	}
	defer call.Release()
	if err := call.BeginCheck(ctx, new(healthpb.HealthCheckRequest)); err != nil {
		return err
	}
	<-asked
	s.printf("  replica 1  has the call")
	s.printf("  client     BeginCheck returned at once; a second one is refused: %v", call.BeginCheck(ctx, nil))
	if err := call.Cancel(errors.New("the user has closed the window")); err != nil {
		return err
	}
	_, err = call.FinishCheck()
	s.printf("  client     Cancel returned at once; FinishCheck says: %v", err)
	s.printf("  replica 1  was told to stop: %s", <-told)
	s.replicas[0].hold.Store(nil)
	return nil
}

// streaming watches a replica. The stream outlives the call that has opened it, until the
// call is released.
func (s *show) streaming(ctx context.Context) error {
	s.printf("\nstreaming: Watch, whose result is a stream")
	call := s.replicas[2].calls.Watch(ctx, new(healthpb.HealthCheckRequest))
	defer call.Release() // twice does no harm
	stream, err := call.Await(ctx)
	if err != nil {
		return err
	}
	for _, next := range []healthpb.HealthCheckResponse_ServingStatus{
		healthpb.HealthCheckResponse_NOT_SERVING, healthpb.HealthCheckResponse_SERVING,
	} {
		r, err := stream.Recv()
		if err != nil {
			return err
		}
		s.printf("  client     the stream says %v", r.Status)
		s.printf("  replica 3  is set to %v", next)
		s.replicas[2].health.SetServingStatus("", next)
	}
	if _, err := stream.Recv(); err != nil {
		return err
	}
	call.Release()
	for err == nil {
		_, err = stream.Recv()
	}
	if status.Code(err) != codes.Canceled {
		return fmt.Errorf("the stream ended with %w", err)
	}
	s.printf("  client     released the call, which ended the stream: %v", status.Code(err))
	return nil
}

const (
	checks = 60
	atOnce = 8
)

// underScope begins many calls at once, which a Scope lets run by eights.
func (s *show) underScope(ctx context.Context) error {
	s.printf("\nunder a Scope: %d calls begun at once, %d may run", checks, atOnce)
	scope := async.NewScope(async.ScopeOptions{Name: "checks", Limit: atOnce})
	d := new(desk)
	var clients []HealthClientCalls
	for _, r := range s.replicas {
		r.works(d)
		clients = append(clients, NewHealthClientCalls(r.client, scope))
	}
	var calls async.Calls[*healthpb.HealthCheckResponse]
	for i := range checks {
		calls = append(calls, clients[i%len(clients)].Check(ctx, new(healthpb.HealthCheckRequest)))
	}
	answers, err := calls.All(ctx)
	if err != nil {
		return err
	}
	if d.most > atOnce {
		return fmt.Errorf("%d calls were at the replicas at once", d.most)
	}
	s.printf("  client     has %d answers", len(answers))
	s.printf("  replicas   never had more than %d calls at once", atOnce)
	if err := scope.Shutdown(ctx); err != nil {
		return err
	}
	_, err = clients[0].Check(ctx, new(healthpb.HealthCheckRequest)).Await(ctx)
	s.printf("  client     has shut the scope down; a further call is refused: %v", err)
	return nil
}
