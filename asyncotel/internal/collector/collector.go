// Package collector is a receiver of OpenTelemetry's protocol on loopback, for the tests and
// the example of this module: the published services over gRPC, which keep what they are sent.
package collector

import (
	"context"
	"net"
	"slices"
	"sync"

	colmetric "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	metricpb "go.opentelemetry.io/proto/otlp/metrics/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
)

// A Collector keeps what it is sent. It comes from [Start]. Its methods may be called by any
// number of goroutines at the same time.
type Collector struct {
	address string
	server  *grpc.Server
	over    chan struct{}

	mu      sync.Mutex
	spans   []*tracepb.Span
	metrics map[string]*metricpb.Metric
}

// Start starts a collector on a free port of loopback.
func Start() (*Collector, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c := &Collector{
		address: listener.Addr().String(), server: grpc.NewServer(),
		over: make(chan struct{}), metrics: make(map[string]*metricpb.Metric),
	}
	coltrace.RegisterTraceServiceServer(c.server, traceService{of: c})
	colmetric.RegisterMetricsServiceServer(c.server, metricService{of: c})
	go func() {
		defer close(c.over)
		_ = c.server.Serve(listener) // until Stop
	}()
	return c, nil
}

// Address returns host and port, for exporters.
func (c *Collector) Address() string { return c.address }

// Stop ends the collector, and returns when it has ended.
func (c *Collector) Stop() {
	c.server.Stop()
	<-c.over
}

// Spans returns the spans that have arrived, in the order in which they did.
func (c *Collector) Spans() []*tracepb.Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.spans)
}

// Metric returns the last that has arrived of a metric, or nil.
func (c *Collector) Metric(name string) *metricpb.Metric {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.metrics[name]
}

// Metrics returns the names of the metrics that have arrived, sorted.
func (c *Collector) Metrics() (names []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name := range c.metrics {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// A traceService and a metricService are the two services of a collector: each has a method
// of the same name.

type traceService struct {
	coltrace.UnimplementedTraceServiceServer
	of *Collector
}

// Export keeps spans.
func (s traceService) Export(_ context.Context, req *coltrace.ExportTraceServiceRequest) (*coltrace.ExportTraceServiceResponse, error) {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	for _, rs := range req.GetResourceSpans() {
		for _, ss := range rs.GetScopeSpans() {
			s.of.spans = append(s.of.spans, ss.GetSpans()...)
		}
	}
	return &coltrace.ExportTraceServiceResponse{}, nil
}

type metricService struct {
	colmetric.UnimplementedMetricsServiceServer
	of *Collector
}

// Export keeps the last of each metric.
func (s metricService) Export(_ context.Context, req *colmetric.ExportMetricsServiceRequest) (*colmetric.ExportMetricsServiceResponse, error) {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	for _, rm := range req.GetResourceMetrics() {
		for _, sm := range rm.GetScopeMetrics() {
			for _, m := range sm.GetMetrics() {
				s.of.metrics[m.GetName()] = m
			}
		}
	}
	return &colmetric.ExportMetricsServiceResponse{}, nil
}
