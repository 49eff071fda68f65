// Package embed has interfaces made of others, its own, the standard library's
// and third parties'.
package embed

import (
	"database/sql/driver"
	"fmt"
	"io"
	"io/fs"
	"net/http"

	"golden/dep/rand"

	"golang.org/x/sync/errgroup"
)

//go:generate go run github.com/seed4712c49f/async/cmd/asyncgen -type Overlap,Conn,RoundTripper,Tripper,Seeder,Tasks
//go:generate go run github.com/seed4712c49f/async/cmd/asyncgen -type io.ReadWriteCloser,io/fs.FS,database/sql/driver.Tx -output std_async.go
//go:generate go run github.com/seed4712c49f/async/cmd/asyncgen -type encoding/json.Marshaler,io.ByteScanner,io.ReadSeeker,fmt.Formatter -output vet_async.go

type (
	first interface {
		io.Reader
		io.Closer
		fmt.Stringer
	}
	// Overlap has methods that come in twice.
	Overlap interface {
		first
		io.ReadCloser
		Close() error
		interface{ Extra() fs.FileInfo }
	}
	Conn         = driver.Conn     // an alias
	RoundTripper http.RoundTripper // a type of its own
	Tripper      interface{ http.RoundTripper }
	Seeder       = rand.Seeder // with a type that cannot be named
	Tasks        interface {
		Group(*errgroup.Group) *errgroup.Group
	}
)
