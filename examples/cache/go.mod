module github.com/seed4712c49f/async/examples/cache

go 1.26.0

replace github.com/seed4712c49f/async => ../..

require (
	github.com/seed4712c49f/async v0.0.0-00010101000000-000000000000
	go.etcd.io/bbolt v1.5.0
	go.uber.org/goleak v1.3.0
)

require (
	golang.org/x/sync v0.24.0 // indirect
	golang.org/x/sys v0.45.0 // indirect
)
