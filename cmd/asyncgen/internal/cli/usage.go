package cli

const usage = `asyncgen writes the asynchronous face of Go interfaces.

usage: asyncgen -type Name[,Name...] [flags] [folder]

For an interface Stream of the package in the folder, which is the current one
where none is given, it writes stream_async.go with

    AsyncStream         an interface: Begin and Finish of each method, Wait, Cancel, ...
    NewAsyncStream      a call object over any Stream
    NewSyncStream       a Stream over an AsyncStream
    NewSyncStreamFrom   the same with an object for each call, from a CallFactory
    StreamFactory       a CallFactory to embed
    StreamCalls         a client whose methods return an *async.Call

flags:

    -type list      the interfaces, separated by commas; one of another package
                    by its import path: net/http.RoundTripper
    -output file    instead of <first type in lower case>_async.go
    -package name   the package of the output, where its folder has no Go files;
                    for a _test.go file the external test package
    -prefix name    instead of Async; it stands before the other names, too
    -tags list      build tags, as for go build
    -check          write nothing; fail where the file is not up to date
    -h              print this

examples:

    //go:generate go run github.com/seed4712c49f/async/cmd/asyncgen -type Stream

    asyncgen -type Reader,Writer -output async.go ./store
    asyncgen -type io.ReadWriteCloser
    asyncgen -type Stream -output ../streamasync/stream.go -package streamasync
    asyncgen -check -type Stream

Whatever is wrong is told in one line, "asyncgen: file:line: what", with exit
code 1, and no file is written or changed.
`
