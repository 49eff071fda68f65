// Package history records what concurrent goroutines do to an object and what
// they are told, and has a checker say whether a sequential object could have told
// them the same: whether the history is linearizable.
package history

import (
	"slices"
	"sync/atomic"

	"github.com/anishathalye/porcupine"
)

// A Recorder records one history. Each client is one goroutine.
type Recorder struct {
	clock   atomic.Int64
	clients [][]porcupine.Operation
}

// NewRecorder returns a recorder for so many clients.
func NewRecorder(clients int) *Recorder {
	return &Recorder{clients: make([][]porcupine.Operation, clients)}
}

// Do records an operation of a client: f does it and returns what it was told.
func (r *Recorder) Do(client int, in any, f func() (out any)) {
	call := r.clock.Add(1)
	out := f()
	r.note(client, in, out, call, r.clock.Add(1))
}

// Halves records two operations that happen in one go, one of them somewhere
// after the other: the first says none, the second what f returns.
func (r *Recorder) Halves(client int, first, second, none any, f func() (out any)) {
	call := r.clock.Add(1)
	out := f()
	end := r.clock.Add(1)
	r.note(client, first, none, call, end)
	r.note(client, second, out, call, end)
}

func (r *Recorder) note(client int, in, out any, call, end int64) {
	r.clients[client] = append(r.clients[client], porcupine.Operation{
		ClientId: client, Input: in, Output: out, Call: call, Return: end,
	})
}

// Operations returns what was recorded. The clients have ended.
func (r *Recorder) Operations() []porcupine.Operation { return slices.Concat(r.clients...) }
