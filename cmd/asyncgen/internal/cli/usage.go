package cli

const usage = `asyncgen writes the asynchronous face of Go interfaces.

usage: asyncgen [-type Name[,Name...]] [flags] [folder | folder/... ...]

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
                    by its import path: net/http.RoundTripper; with =Name where
                    the declarations are to have another name:
                    encoding/json.Marshaler=JSONMarshaler
    -output file    instead of <first type in lower case>_async.go, or _async_test.go
                    for a type of a test file
    -package name   the package of the output, where its folder has no Go files;
                    for a _test.go file the external test package
    -prefix name    instead of Async; it stands before the other names, too
    -only list      write only these parts, and what they need: object, sync,
                    factory, calls, server, fake, remote
    -server         write the call object of a server that is asynchronous itself,
                    too: AsyncStreamServer, ServeAsyncStream, a promise a method;
                    and a plain client of such a server: ServeAsyncStreamCalls
    -fake           write such a server for tests, too: FakeStream
    -remote nats    write a client and a server for other processes and machines,
                    over NATS, too: RemoteStream, RemoteStreamCalls, ServeStream;
                    the module needs github.com/seed4712c49f/async/asyncnats
    -factories name write a type with the factories of all types, to embed
    -stream list    methods whose results go on using their context: Watch, or
                    Stream.Watch
    -nostream list  methods whose results do not, whatever they look like
    -discard list   methods with a Discard of their own in the plain client, and in
                    that for other processes
    -tags list      build tags, as for go build
    -check          write nothing; fail where a file is not up to date
    -version        print the version
    -h              print this

Comments in the source do the same as flags:

    //async:gen [-only list] [-server] [-fake] [-remote nats] [-prefix name] [-name name]
                [-stream list] [-nostream list] [-discard list]
                    above an interface: without -type it gets an output; -name is
                    the name that its declarations have, as =Name behind -type
    //async:stream, //async:nostream, //async:discard
                    above a method, or with a list of methods above an interface
    //async:form Circle, *Square
                    above an interface that is a parameter or a result: the
                    types that it can have where it travels

examples:

    //go:generate go run github.com/seed4712c49f/async/cmd/asyncgen -type Stream

    asyncgen ./...
    asyncgen -type Reader,Writer -output store/async.go ./store
    asyncgen -type Store,Cache ./...
    asyncgen -type io.ReadWriteCloser
    asyncgen -type Stream -output ../streamasync/stream.go -package streamasync
    asyncgen -type Stream -remote nats
    asyncgen -check -type Stream

Whatever is wrong is told in one line, "asyncgen: file:line: what", with exit
code 1, and no file is written or changed.
`
