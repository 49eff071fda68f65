// Package methods has methods that are named like those of the output.
package methods

import (
	"context"
	"time"
)

//go:generate go run github.com/seed4712c49f/async/cmd/asyncgen -type Methods

// Methods is an asynchronous face itself, and more.
type Methods interface {
	BeginRead(ctx context.Context, p []byte) error
	FinishRead() (int, error)
	Read(ctx context.Context, p []byte) (int, error)
	Begin()
	Finish() error
	Begin1(int) int
	Wait(ctx context.Context) error
	WaitFor(d time.Duration) error
	IsDone() bool
	Done() <-chan struct{}
	Signal() int
	Cancel(cause error) error
	CancelWait(ctx context.Context, cause error) error
	Release()
	CreateCall() (any, error)
	Call()
	Clone()
	Await()
	String() string
	Result() (int, int, error)
	Promise()
	Error() string
	Lock()
	Unlock()
}
