// Package bench has the benchmark of remote calls beside gRPC. It is a module of its own, so that
// asyncnats does not require gRPC.
package bench
