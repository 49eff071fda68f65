package main

// The interface is the client that protoc-gen-go-grpc has written for the health service
// of gRPC, and the output is a file of this package, since the other is not ours. The
// generator is a module of its own, which this one does not require; so here it is run from
// its folder. In a module of yours the line is
//
//	//go:generate go tool asyncgen -type google.golang.org/grpc/health/grpc_health_v1.HealthClient
//
// once its version is pinned there:
//
//	go get -tool github.com/seed4712c49f/async/cmd/asyncgen
//
//go:generate go run -C ../../cmd/asyncgen . -type google.golang.org/grpc/health/grpc_health_v1.HealthClient -only object,factory,calls ../../examples/grpc
