package wire

import (
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// The headers of a request and of a reply. A request that needs none of the others has no
// HeaderID either: the id is the last token of the subject of its reply. A reply without
// HeaderError is a value.
const (
	HeaderID      = "Async-Id"      // of a request: the id of the call
	HeaderTimeout = "Async-Timeout" // of a request: how long the caller waits, as 1.5s
	HeaderKeep    = "Async-Keep"    // of a request: for how long the reply may be asked for again
	HeaderName    = "Async-Name"    // of a request: what the caller named the call
	HeaderMethod  = "Async-Method"  // of a request: the fingerprint of a method of an interface

	HeaderErrors  = "Async-Errors"  // of a reply: the codes of all errors that the error is
	HeaderService = "Async-Service" // of a reply: the name of the service that failed
	HeaderLong    = "Async-Long"    // of a reply: the body has the text of the error
	HeaderValue   = "Async-Value"   // of a reply that is an error: so many bytes at the end of the body are a value

	HeaderLane     = "Async-Lane"     // of a request in a queue: where its record is to go
	HeaderNamed    = "Async-Named"    // of a request in a queue: the user chose its id
	HeaderWriter   = "Async-Writer"   // of a record: the delivery that it comes from
	HeaderDelivery = "Async-Delivery" // of the last error: the number of the delivery that failed

	HeaderError = "Nats-Service-Error"      // of a reply: the text of the error
	HeaderCode  = "Nats-Service-Error-Code" // of a reply: the first code of the error

	headerStatus       = "Status"
	statusNoResponders = "503"
)

// IsNoResponders reports whether a message is what the server of NATS says when
// nobody is there to take a message.
func IsNoResponders(header map[string][]string, data []byte) bool {
	s := header[headerStatus]
	return len(data) == 0 && len(s) == 1 && s[0] == statusNoResponders
}

// A Control is what a client tells a server about calls that are in flight: one of its
// fields is set.
type Control struct {
	Cancel *Cancel `json:"cancel,omitempty"`
	Ask    *Ask    `json:"ask,omitempty"`
	Drop   *Drop   `json:"drop,omitempty"`
}

// A Cancel says that nobody waits for a call any more.
type Cancel struct {
	Reply string   `json:"reply"`           // the subject on which the reply was to come
	Codes []string `json:"codes,omitempty"` // what the cause is
	Text  string   `json:"text,omitempty"`  // of the cause
}

// An Ask wants to know of calls whether the server has them.
type Ask struct {
	Inbox string `json:"inbox"`         // of the client
	IDs   []byte `json:"ids"`           // packed
	All   bool   `json:"all,omitempty"` // all servers are asked, and those that have nothing say nothing
}

// A Drop says of calls which a server says to have that the client does not wait for them.
type Drop struct {
	Inbox string `json:"inbox"` // of the client
	IDs   []byte `json:"ids"`   // packed
}

// A Beat is what a server tells a client, regularly while a call of the client is in
// flight at the server.
type Beat struct {
	Server string        `json:"server"`         // the id of the server
	Every  time.Duration `json:"every"`          // the time from beat to beat
	Has    []byte        `json:"has,omitempty"`  // packed ids of calls that the server has taken since the last beat
	Gone   []byte        `json:"gone,omitempty"` // packed ids that the client asked for and that the server does not have

	// Line counts how often the server's connection was lost and is there again. Where it is
	// more than it was, replies may have been lost with the connection.
	Line int `json:"line,omitempty"`
	// Service has two tokens with a space between: the name of the service, and the id by
	// which nats micro knows the server. It is there for people, beside Has.
	Service string `json:"service,omitempty"`
}

// MaxIDs is how many ids one message has at most, which is 96 kB of text.
const MaxIDs = 4096

var errControl = errors.New("not a control message")

// ParseControl parses what a client sent.
func ParseControl(data []byte) (c Control, err error) {
	if err = json.Unmarshal(data, &c); err != nil {
		return c, err
	}
	set := 0
	if c.Cancel != nil {
		set++
	}
	if c.Ask != nil && isPacked(c.Ask.IDs) && isInbox(c.Ask.Inbox) {
		set++
	}
	if c.Drop != nil && isPacked(c.Drop.IDs) && isInbox(c.Drop.Inbox) {
		set++
	}
	if set != 1 {
		return c, errControl
	}
	return c, nil
}

// ParseBeat parses what a server sent.
func ParseBeat(data []byte) (b Beat, err error) {
	if err = json.Unmarshal(data, &b); err != nil {
		return b, err
	}
	if !IsToken(b.Server) || b.Every <= 0 || b.Every > MaxEvery || !isPacked(b.Has) || !isPacked(b.Gone) || !isService(b.Service) {
		return b, errControl
	}
	return b, nil
}

// isService reports whether s can be the Service of a beat.
func isService(s string) bool {
	name, id, _ := strings.Cut(s, " ")
	return s == "" || IsToken(name) && IsToken(id)
}

// MaxEvery is the longest time between beats that is believed. It keeps sums of times
// from overflowing.
const MaxEvery = 24 * time.Hour

func isPacked(ids []byte) bool { return len(ids)%IDSize == 0 && len(ids) <= MaxIDs*IDSize }

// IsToken reports whether s can be one token of a subject.
func IsToken(s string) bool {
	return s != "" && len(s) <= MaxToken && strings.IndexFunc(s, notInToken) < 0
}

// MaxToken is the length of the longest token.
const MaxToken = 128

func notInToken(r rune) bool { return r <= ' ' || r >= 0x7f || r == '.' || r == '*' || r == '>' }

// IsSubject reports whether a message can be published to s: tokens that are not
// empty, without wildcards and space.
func IsSubject(s string) bool {
	if s == "" || len(s) > maxSubject {
		return false
	}
	empty := true
	for i := range len(s) {
		switch c := s[i]; {
		case c == '.':
			if empty {
				return false
			}
			empty = true
			continue
		case c <= ' ' || c == 0x7f || c == '*' || c == '>':
			return false
		}
		empty = false
	}
	return !empty
}

// IsPattern reports whether something can be subscribed to: a subject, of which tokens may be *
// and the last one may be >.
func IsPattern(s string) bool {
	for {
		token, rest, more := strings.Cut(s, ".")
		if token != "*" && (token != ">" || more) && !IsSubject(token) {
			return false
		}
		if !more {
			return true
		}
		s = rest
	}
}

// maxSubject is well below the length of a line that a server of NATS takes by
// default, 4096 bytes.
const maxSubject = 2048

// IsHeaderText reports whether s can stand in a header without becoming more than one.
func IsHeaderText(s string) bool { return !strings.ContainsAny(s, "\r\n\x00") }

// IsHeaderKey reports whether s can be the name of a header.
func IsHeaderKey(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == ':' }) < 0
}

// mark begins the token of an inbox by which a server knows a client of this package.
const mark = "async-"

// Inbox returns the subject of the replies to a client, but for the last token, which is
// the id of a call. The name of the client's codec is in the subject, since a header would
// cost more than all else that is sent. nonce cannot be guessed.
func Inbox(prefix, codec, nonce string) string {
	return prefix + "." + mark + codec + "-" + nonce
}

// A Reply is the subject of a reply, in its parts.
type Reply struct {
	Inbox string // of the client
	Codec string // of the client
	ID    ID     // of the call
}

// ParseReply splits the subject of a reply. It reports false where the subject is not that
// of a client of this package.
func ParseReply(s string) (r Reply, ok bool) {
	dot := len(s) - TextSize - 1
	if dot <= 0 || s[dot] != '.' || len(s) > maxSubject {
		return Reply{}, false
	}
	r.Inbox = s[:dot]
	if r.Codec, ok = codecOf(r.Inbox); !ok {
		return Reply{}, false
	}
	r.ID, ok = ParseID(s[dot+1:])
	return r, ok && IsSubject(r.Inbox)
}

// codecOf returns the name of the codec in an inbox, and whether it can be one of this package.
func codecOf(inbox string) (codec string, ok bool) {
	codec, ok = strings.CutPrefix(inbox[strings.LastIndexByte(inbox, '.')+1:], mark)
	return codec[:max(strings.LastIndexByte(codec, '-'), 0)], ok
}

// isInbox reports whether s can be the inbox of a client of this package.
func isInbox(s string) bool {
	_, ok := codecOf(s)
	return ok && IsSubject(s)
}

// BeatToken is the last token of the subject that a client hears beats on. It is no id.
const BeatToken = "_"

// ControlToken is the last token of the subject that one server is told something on.
const ControlToken = "ctl"
