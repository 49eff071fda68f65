module github.com/seed4712c49f/async

go 1.26.0

require golang.org/x/sync v0.24.0

require go.uber.org/goleak v1.3.0
