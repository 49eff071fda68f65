module vettest

go 1.26.0

require github.com/seed4712c49f/async v0.0.0

require github.com/seed4712c49f/async/asyncnats v0.0.0

require golang.org/x/sync v0.24.0

require go.uber.org/goleak v1.3.0 // indirect

replace github.com/seed4712c49f/async => ../../..

replace github.com/seed4712c49f/async/asyncnats => ./asyncnats
