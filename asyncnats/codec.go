package asyncnats

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	"google.golang.org/protobuf/proto"
)

// A Codec writes the requests and replies of calls as bytes, and reads them. Its methods
// may be called by any number of goroutines at the same time.
type Codec interface {
	// Name names the codec, so that a server can refuse a request of another codec.
	// The name is one token of a subject: it has no space, dot, star and >.
	Name() string

	// Encode returns v as bytes. Nobody changes the bytes afterwards.
	Encode(v any) ([]byte, error)

	// Decode reads data into v, a pointer to what Encode was given. It must not keep
	// data where a caller may change v.
	Decode(data []byte, v any) error
}

// JSON is the codec of encoding/json, which clients and servers use by default.
func JSON() Codec { return jsonCodec{} }

// Raw is the codec of calls whose requests and replies are []byte: the bytes are sent as
// they are.
func Raw() Codec { return rawCodec{} }

// Proto is the codec of protocol buffers. Requests and replies are pointers to messages,
// which are a [proto.Message].
func Proto() Codec { return protoCodec{} }

type jsonCodec struct{}

func (jsonCodec) Name() string                    { return "json" }
func (jsonCodec) Encode(v any) ([]byte, error)    { return json.Marshal(v) }
func (jsonCodec) Decode(data []byte, v any) error { return json.Unmarshal(data, v) }

type rawCodec struct{}

func (rawCodec) Name() string { return "raw" }

// Encode copies: the message is sent when Begin has returned, and the caller may use
// the bytes for something else then.
func (rawCodec) Encode(v any) ([]byte, error) {
	b, ok := v.([]byte)
	if !ok {
		return nil, fmt.Errorf("the codec Raw is for []byte, not for %T", v)
	}
	return slices.Clone(b), nil
}

// Decode keeps data: nobody else has them.
func (rawCodec) Decode(data []byte, v any) error {
	b, ok := v.(*[]byte)
	if !ok {
		return fmt.Errorf("the codec Raw is for []byte, not for %T", v)
	}
	*b = data
	return nil
}

type protoCodec struct{}

func (protoCodec) Name() string { return "proto" }

func (protoCodec) Encode(v any) ([]byte, error) {
	m, ok := v.(proto.Message)
	if !ok {
		return nil, fmt.Errorf("the codec Proto is for pointers to messages, not for %T", v)
	}
	return proto.Marshal(m)
}

// Decode makes the message: v is a pointer to a pointer that is nil.
func (protoCodec) Decode(data []byte, v any) error {
	if m, ok := v.(proto.Message); ok {
		return proto.Unmarshal(data, m)
	}
	m, set := newMessage(v)
	if m == nil {
		return fmt.Errorf("the codec Proto is for pointers to messages, not for %T", v)
	}
	if err := proto.Unmarshal(data, m); err != nil {
		return err
	}
	set()
	return nil
}

// newMessage returns a new message for v, a pointer to a pointer to a message, and what
// stores the message there; nil where v is something else.
func newMessage(v any) (m proto.Message, set func()) {
	target := reflect.ValueOf(v)
	if target.Kind() != reflect.Pointer || target.Type().Elem().Kind() != reflect.Pointer {
		return nil, nil
	}
	made := reflect.New(target.Type().Elem().Elem())
	m, ok := reflect.TypeAssert[proto.Message](made)
	if !ok {
		return nil, nil
	}
	return m, func() { target.Elem().Set(made) }
}

// encode is Encode of a codec that may panic: what a user's methods do must not end
// the program.
func encode(c Codec, v any) (data []byte, err error) {
	defer contain(&err)
	return c.Encode(v)
}

// decode is Decode of a codec that may panic.
func decode(c Codec, data []byte, v any) (err error) {
	defer contain(&err)
	return c.Decode(data, v)
}

// errCodecLeft is what a call completes with whose codec has called Goexit.
var errCodecLeft = fmt.Errorf("%w: the codec called runtime.Goexit", ErrBadReply)

func contain(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("the codec panicked: %v", r)
	}
}
