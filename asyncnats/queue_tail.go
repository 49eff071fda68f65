package asyncnats

import (
	"context"
	"encoding/json"
	"time"

	"github.com/nats-io/nats.go"
)

// This file reads one consumer of NATS for the watcher, message by message, as long as NATS is
// heard. It asks for a batch at a time, and for the next one when the batch has come.

const (
	tailBatch = 512
	tailRoom  = 64                  // for what NATS says besides
	tailLost  = 5 * time.Second / 2 // without a sign of NATS
)

// A tail is the subscription to which a consumer delivers.
type tail struct {
	nc       *nats.Conn
	sub      *nats.Subscription
	messages chan *nats.Msg
}

func newTail(nc *nats.Conn) (*tail, error) {
	t := &tail{nc: nc, messages: make(chan *nats.Msg, tailBatch+tailRoom)}
	var err error
	t.sub, err = nc.ChanSubscribe(nc.NewInbox(), t.messages)
	return t, err
}

func (t *tail) stop() { _ = t.sub.Unsubscribe() } // the connection may be closed

// read hands on what the consumer delivers. It returns when f says no, when ctx ends, when the
// status of the connection has changed, when a message is missing, and when NATS has not been
// heard for tailLost or says that the consumer is gone. next is where NATS is asked.
func (t *tail) read(ctx context.Context, status chan nats.Status, next string, f func(*nats.Msg, *nats.MsgMetadata) bool) {
	question, err := json.Marshal(pullRequest{tailBatch, pullTime, pullBeat})
	if err != nil {
		return // it has numbers alone
	}
	ticker := time.NewTicker(tailLost)
	defer ticker.Stop()
	heard := true
	for left, last := 0, uint64(0); ; {
		if left == 0 {
			if t.nc.PublishRequest(next, t.sub.Subject, question) != nil {
				return
			}
			left = tailBatch
		}
		var m *nats.Msg
		select {
		case m = <-t.messages: // without a look at the rest, which takes time
		default:
			select {
			case m = <-t.messages:
			case <-ctx.Done():
				return
			case <-status: // the server may have lost the consumer with the connection
				return
			case <-ticker.C:
				if !heard {
					return
				}
				heard = false
				continue
			}
		}
		heard = true
		switch m.Header.Get("Status") {
		case statusBeat:
			continue
		case statusTimeout:
			left = 0
			continue
		}
		left--
		last++
		meta, err := m.Metadata() // what says that the consumer is gone has none
		if err != nil || meta.Sequence.Consumer != last || !f(m, meta) {
			return
		}
	}
}
