package asyncnats

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// This file stores single messages in streams, for store, and waits until the stream has
// acknowledged each. The publisher of nats.go does the same, with a context, a timer and a
// decoder of JSON for each message, which together cost more than the message. Here all
// messages of a queue share one inbox, one table of those that are not acknowledged, and one
// timer, which runs while there are some.

// A publisher stores messages. Any number of goroutines may use it at the same time.
type publisher struct {
	nc    *nats.Conn
	inbox string // what the subjects of all acknowledgements begin with, its dot included
	sub   *nats.Subscription

	mu      sync.Mutex
	last    uint64              // the number of the last attempt
	waiting map[uint64]*attempt // that are not acknowledged
	spare   []*attempt          // that nobody uses
	age     int                 // how often the timer has fired
	timer   *time.Timer         // nil while nobody waits
	err     error               // not nil when nothing is acknowledged any more
}

// An attempt is one message on its way to its stream. Who takes an attempt out of the table puts
// one answer into the channel, which has room for it. Nobody else does, so an attempt that was
// taken out can be used again.
type attempt struct {
	number uint64
	age    int // of the publisher when the message was sent
	answer chan settlement
}

// A settlement is what became of an attempt: the number of the message in its stream, or an error.
type settlement struct {
	seq uint64
	err error
}

const maxSpare = 1024

// newPublisher subscribes to the acknowledgements.
func newPublisher(nc *nats.Conn) (*publisher, error) {
	p := &publisher{nc: nc, inbox: nc.NewInbox() + ".", waiting: make(map[uint64]*attempt)}
	sub, err := nc.Subscribe(p.inbox+"*", p.receive)
	if err != nil {
		return nil, err
	}
	sub.SetClosedHandler(func(string) { p.end(nats.ErrConnectionClosed) })
	p.sub = sub
	return p, nil
}

// store sends a message once, and returns its number in the stream when the stream has
// acknowledged it. It sets the message's Reply. The error is that of the stream, a
// *jetstream.APIError; nats.ErrTimeout where there was no acknowledgement within writeTime or
// half as long again; the cause of ctx where that ended first; or that of the connection.
func (p *publisher) store(ctx context.Context, m *nats.Msg) (uint64, error) {
	a, err := p.begin()
	if err != nil {
		return 0, err
	}
	m.Reply = p.inbox + strconv.FormatUint(a.number, 36)
	if err := p.nc.PublishMsg(m); err != nil {
		p.settle(a.number, settlement{err: err})
	}
	var end settlement
	select {
	case end = <-a.answer:
	case <-ctx.Done():
		p.settle(a.number, settlement{err: context.Cause(ctx)})
		end = <-a.answer
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.spare) < maxSpare {
		p.spare = append(p.spare, a)
	}
	return end.seq, end.err
}

// begin takes an attempt into the table.
func (p *publisher) begin() (a *attempt, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return nil, p.err
	}
	if n := len(p.spare); n > 0 {
		a, p.spare = p.spare[n-1], p.spare[:n-1]
	} else {
		a = &attempt{answer: make(chan settlement, 1)}
	}
	p.last++
	a.number, a.age = p.last, p.age
	p.waiting[a.number] = a
	if p.timer == nil {
		p.timer = time.AfterFunc(writeTime/2, p.tick)
	}
	return a, nil
}

// settle takes an attempt out of the table, and answers it. One that is not there has its answer.
func (p *publisher) settle(number uint64, end settlement) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if a := p.waiting[number]; a != nil {
		delete(p.waiting, number)
		a.answer <- end
	}
}

// tick answers the attempts that have waited for writeTime at least.
func (p *publisher) tick() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.age++
	for number, a := range p.waiting {
		if p.age-a.age > 2 {
			delete(p.waiting, number)
			a.answer <- settlement{err: nats.ErrTimeout}
		}
	}
	if len(p.waiting) > 0 {
		p.timer.Reset(writeTime / 2)
	} else {
		p.timer = nil
	}
}

// receive is the handler of the subscription.
func (p *publisher) receive(m *nats.Msg) {
	number, err := strconv.ParseUint(strings.TrimPrefix(m.Subject, p.inbox), 36, 64)
	if err == nil {
		seq, err := parseAck(m)
		p.settle(number, settlement{seq, err})
	}
}

// end answers all attempts with an error, and those that come later: the connection is closed, or
// the queue is.
func (p *publisher) end(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = orElse(p.err, err)
	for number, a := range p.waiting {
		delete(p.waiting, number)
		a.answer <- settlement{err: p.err}
	}
	if p.timer != nil {
		p.timer.Stop()
	}
}

// close ends the subscription. What is stored from now on fails as of a queue that is closed.
func (p *publisher) close() {
	p.end(errClosed())
	_ = p.sub.Unsubscribe() // the connection may be closed
}

// parseAck reads an acknowledgement. What servers send for a message that was stored is read
// here: {"stream":"NAME","seq":123}, where a name may have no quotation mark. All else goes to
// the decoder of JSON.
func parseAck(m *nats.Msg) (uint64, error) {
	if rest, ok := bytes.CutPrefix(m.Data, []byte(`{"stream":"`)); ok {
		rest = rest[bytes.IndexByte(rest, '"')+1:]
		if digits, ok := bytes.CutPrefix(rest, []byte(`,"seq":`)); ok && len(digits) > 1 && digits[len(digits)-1] == '}' {
			if seq, err := strconv.ParseUint(string(digits[:len(digits)-1]), 10, 64); err == nil {
				return seq, nil
			}
		}
	}
	return parseOtherAck(m)
}

// parseOtherAck reads any acknowledgement, and refusals.
func parseOtherAck(m *nats.Msg) (uint64, error) {
	if len(m.Data) == 0 && m.Header.Get("Status") != "" {
		return 0, jetstream.ErrNoStreamResponse
	}
	var a struct {
		Error  *jetstream.APIError `json:"error"`
		Stream string              `json:"stream"`
		Seq    uint64              `json:"seq"`
	}
	switch err := json.Unmarshal(m.Data, &a); {
	case err != nil:
		return 0, errors.Join(jetstream.ErrInvalidJSAck, err)
	case a.Error != nil:
		return 0, a.Error
	case a.Stream == "":
		return 0, jetstream.ErrInvalidJSAck
	}
	return a.Seq, nil
}
