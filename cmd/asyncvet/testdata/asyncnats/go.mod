module github.com/seed4712c49f/async/asyncnats

go 1.26.0

require github.com/seed4712c49f/async v0.0.0
