module github.com/seed4712c49f/async/verify

go 1.26.0

require (
	github.com/anishathalye/porcupine v1.3.1
	github.com/seed4712c49f/async v0.0.0
	pgregory.net/rapid v1.3.0
)

require golang.org/x/sync v0.24.0

replace github.com/seed4712c49f/async => ../
