package asyncnats

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed4712c49f/async/asyncnats/internal/wire"
)

// This file is what a queue has at NATS: its two streams, the subjects in them, and the
// writes with a condition by which everything is decided. It knows nothing of calls.
//
//	stream ASYNC_<queue>
//	    _ASYNC.queue.<queue>.run.<id>          a request
//	    _ASYNC.queue.<queue>.key.<key>.<id>    a request with a key
//	    _ASYNC.queue.<queue>.turn.<key>        the turn of a key
//	stream KV_ASYNC_<queue>, a key-value bucket
//	    $KV.ASYNC_<queue>.call.<id>.<kind>.<lane>    how the call has ended
//	    $KV.ASYNC_<queue>.error.<id>                 the last error of a call that is tried again
//	    $KV.ASYNC_<queue>.mark.<worker>              a marker of a worker
//	    $KV.ASYNC_<queue>.worker.<worker>            what a worker is at

// A kind is how a call has ended. It is a token of the record's subject.
type kind string

const (
	kindDone     kind = "done"     // the record has the value
	kindFailed   kind = "failed"   // the record has the error of the function
	kindGivenUp  kind = "gaveup"   // the record has ErrGivenUp and the last error
	kindCanceled kind = "canceled" // the record has the cause
)

// A record says how a call has ended.
type record struct {
	id, lane string
	kind     kind
	header   nats.Header
	data     []byte
}

// errTaken says that a write was not done, because its condition does not hold.
var errTaken = errors.New("asyncnats: somebody else was first")

// A store is a queue's two streams.
type store struct {
	js        jetstream.JetStream
	publisher *publisher
	requests  jetstream.Stream
	bucket    jetstream.Stream
	work      string // what subjects of requests begin with, and a dot
	kv        string // what subjects of the bucket begin with, and a dot
	retried   func() // told of each write that is tried again, or nil
}

// openStore makes the streams, unless they are there.
func openStore(ctx context.Context, js jetstream.JetStream, o QueueOptions) (s store, err error) {
	s = store{js: js, work: "_ASYNC.queue." + o.Name + ".", kv: "$KV.ASYNC_" + o.Name + "."}
	storage := jetstream.FileStorage
	if o.Memory {
		storage = jetstream.MemoryStorage
	}
	s.requests, err = ensureStream(ctx, js, jetstream.StreamConfig{
		Name: "ASYNC_" + o.Name, Description: "requests of the queue " + o.Name, Subjects: []string{s.work + ">"},
		Retention: jetstream.WorkQueuePolicy, Discard: jetstream.DiscardNew, MaxMsgsPerSubject: 1,
		MaxBytes: o.MaxBytes, Storage: storage, Replicas: o.Replicas,
	})
	if err != nil {
		return s, err
	}
	// AllowDirect is off, unlike in other buckets: what is read is read from the leader.
	s.bucket, err = ensureStream(ctx, js, jetstream.StreamConfig{
		Name: "KV_ASYNC_" + o.Name, Description: "results of the queue " + o.Name, Subjects: []string{s.kv + ">"},
		MaxMsgsPerSubject: 1, Discard: jetstream.DiscardNew, DenyDelete: true, AllowRollup: true,
		MaxAge: o.Keep, Duplicates: min(o.Keep, 2*time.Minute), MaxBytes: o.MaxBytes,
		Storage: storage, Replicas: o.Replicas, Metadata: map[string]string{codecKey: o.Codec.Name()},
	})
	if err != nil {
		return s, err
	}
	if c := s.bucket.CachedInfo().Config.Metadata[codecKey]; c != o.Codec.Name() {
		return s, fmt.Errorf("the codec of the queue is %.20q, not %s", c, o.Codec.Name())
	}
	s.publisher, err = newPublisher(js.Conn())
	return s, err
}

// codecKey is what the bucket's metadata has the name of the codec under.
const codecKey = "async-codec"

// ensureStream makes a stream, or finds the one that is there: whoever may only use a queue
// need not be permitted to make one. It returns an error where the stream has other options.
func ensureStream(ctx context.Context, js jetstream.JetStream, c jetstream.StreamConfig) (s jetstream.Stream, err error) {
	err = whenUp(ctx, func(ctx context.Context) error {
		s, err = js.Stream(ctx, c.Name)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			s, err = js.CreateStream(ctx, c)
		}
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			s, err = js.Stream(ctx, c.Name)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return s, sameOptions(s.CachedInfo().Config, c)
}

// whenUp calls f. Where f's error is that of a cluster of NATS which is coming up, or NATS does not
// answer, it calls f again, until ctx ends. A cluster without a leader does not answer, and a user
// who may not ask is not answered either: without a deadline one attempt has to do.
func whenUp(ctx context.Context, f func(context.Context) error) error {
	_, patient := ctx.Deadline()
	var reason error // what NATS has said last
	for rest := writeRest; ; rest = min(2*rest, maxRest) {
		once, cancel := context.WithTimeout(ctx, attemptTime)
		err := f(once)
		unheard := once.Err() != nil && ctx.Err() == nil && patient
		cancel()
		switch {
		case err == nil:
			return nil
		case isComingUp(err):
			reason = err
		case !unheard && (ctx.Err() == nil || reason == nil):
			return err
		}
		if !pause(ctx, rest) {
			return endedWith(ctx, orElse(reason, err))
		}
	}
}

// attemptTime is how long NATS has for one answer about streams and consumers.
const attemptTime = 5 * time.Second

const (
	codeNoPeers    = 10005 // for the replicas; the text says why
	codeNoLeader   = 10008 // of the cluster
	codeNoQuestion = 10009 // the cluster does not answer it now
)

// isComingUp reports whether an error of NATS is one of a cluster whose servers have not all found
// each other: it has no leader, or too few servers for the replicas. A server of which the leader
// has not heard is offline, or has what NATS calls a miscellaneous issue.
func isComingUp(err error) bool {
	e := new(jetstream.APIError)
	if !errors.As(err, &e) {
		return false
	}
	return e.ErrorCode == codeNoLeader || e.ErrorCode == codeNoQuestion ||
		e.ErrorCode == codeNoPeers && (strings.Contains(e.Description, "peer offline") || strings.Contains(e.Description, "miscellaneous issue"))
}

// sameOptions returns an error where a stream has not the options that a queue needs, or was
// given. The error names both the field of the stream and the option of the queue.
func sameOptions(there, want jetstream.StreamConfig) error {
	for _, o := range []struct {
		name        string
		there, want any
	}{
		{"Retention", there.Retention, want.Retention},
		{"MaxMsgsPerSubject", there.MaxMsgsPerSubject, want.MaxMsgsPerSubject},
		{"Replicas", there.Replicas, want.Replicas},
		{"MaxAge (Keep)", there.MaxAge, want.MaxAge},
		{"Storage (Memory)", there.Storage, want.Storage},
		{"MaxBytes", there.MaxBytes, want.MaxBytes},
	} {
		if o.there != o.want {
			return fmt.Errorf("the stream %s is there with other options: %s is %v, not %v", want.Name, o.name, o.there, o.want)
		}
	}
	return nil
}

func (s *store) runSubject(id string) string { return s.work + "run." + id }

// keySubject is the subject of a request with a key, which keyToken has made a token.
func (s *store) keySubject(key, id string) string { return s.work + "key." + key + "." + id }
func (s *store) turnSubject(key string) string    { return s.work + "turn." + key }

// recordSubject is the subject of a record. allRecords has all that an id could have.
func (s *store) recordSubject(id string, k kind, lane string) string {
	return s.kv + "call." + id + "." + string(k) + "." + lane
}
func (s *store) allRecords(id string) string        { return s.kv + "call." + id + ".>" }
func (s *store) errorSubject(id string) string      { return s.kv + "error." + id }
func (s *store) markSubject(worker string) string   { return s.kv + "mark." + worker }
func (s *store) workerSubject(worker string) string { return s.kv + "worker." + worker }

// parseRecord reads a record. It reports false where the message is none.
func (s *store) parseRecord(subject string, h nats.Header, data []byte) (r record, ok bool) {
	rest, ok := strings.CutPrefix(subject, s.kv)
	if !ok {
		return r, false
	}
	rest, call := strings.CutPrefix(rest, "call.")
	id, rest, _ := strings.Cut(rest, ".")
	k, lane, ok := strings.Cut(rest, ".")
	return record{id: id, kind: kind(k), lane: lane, header: h, data: data}, ok && call
}

// keyToken makes a key a token of a subject: the key itself, or its base64 after a = where
// the key has other characters.
func keyToken(key string) string {
	if wire.IsToken(key) && !strings.HasPrefix(key, "=") {
		return key
	}
	return "=" + base64.RawURLEncoding.EncodeToString([]byte(key))
}

// keyOf is the key that was made a token.
func keyOf(token string) string {
	if text, coded := strings.CutPrefix(token, "="); coded {
		if b, err := base64.RawURLEncoding.DecodeString(text); err == nil {
			return string(b)
		}
	}
	return token
}

// splitCodes returns the names of errors that a header has, at most so many.
func splitCodes(h nats.Header, most int) []string {
	codes := strings.Split(h.Get(wire.HeaderErrors), ",")
	return codes[:min(len(codes), most)]
}

// An id that Submit has made ends with the lane of the client, so that the request needs no header.
const (
	randomSize = 26 // characters of five bits
	laneSize   = 8  // enough to tell the clients of one queue apart
)

func newLane() string { return rand.Text()[:laneSize] }

// newID returns an id that is unique, and cannot be guessed, of a client with the lane.
func newID(lane string) string {
	var id [randomSize + laneSize]byte
	_, _ = rand.Read(id[:randomSize]) // it never fails
	for i, b := range id[:randomSize] {
		id[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[b%32]
	}
	copy(id[randomSize:], lane)
	return string(id[:])
}

// laneOf returns the lane of a request. A request that no client of this package has made has
// none of its own.
func laneOf(id string, h nats.Header) string {
	if lane := h.Get(wire.HeaderLane); wire.IsToken(lane) {
		return lane
	}
	if len(id) == randomSize+laneSize && wire.IsToken(id) {
		return id[randomSize:]
	}
	return "-"
}
