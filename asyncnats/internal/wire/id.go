// Package wire is what clients and servers of asyncnats say to each other: the ids of
// calls, the names of headers, and the control messages. The package knows nothing of
// connections and calls, and trusts nothing that it parses.
package wire

import (
	crand "crypto/rand"
	"encoding/base64"
	"math/rand/v2"
)

// An ID names one call of one client. It is random, so that nobody who has seen
// some ids can guess another.
type ID [IDSize]byte

const (
	// IDSize is the number of bytes in an ID.
	IDSize = 16

	// TextSize is the number of characters that an ID has as text.
	TextSize = 22
)

// coding writes an id as one token of a subject. It is strict, so that an id has one
// text and no other.
func coding() *base64.Encoding { return strict }

var strict = base64.RawURLEncoding.Strict() //nolint:gochecknoglobals // it never changes

// AppendText appends the text of the id to b.
func (id ID) AppendText(b []byte) []byte { return coding().AppendEncode(b, id[:]) }

// String returns the text of the id.
func (id ID) String() string { return string(id.AppendText(nil)) }

// ParseID returns the id that has the text s, and whether there is one.
func ParseID(s string) (id ID, ok bool) {
	if len(s) != TextSize {
		return ID{}, false
	}
	var text [TextSize]byte
	copy(text[:], s)
	n, err := coding().Decode(id[:], text[:])
	return id, err == nil && n == IDSize
}

// A Minter makes ids. The generator is ChaCha8, which package rand calls
// cryptographically strong, with a seed from the system. A Minter must not be used by
// two goroutines at the same time.
type Minter struct{ source *rand.ChaCha8 }

// NewMinter returns a Minter with a seed of its own.
func NewMinter() Minter {
	var seed [32]byte
	_, _ = crand.Read(seed[:]) // never fails: package rand ends the program first
	return Minter{source: rand.NewChaCha8(seed)}
}

// Mint returns a new id.
func (m Minter) Mint() (id ID) {
	_, _ = m.source.Read(id[:]) // never fails
	return id
}

// IDs calls f for every id in packed, which has ids one after the other. What is left
// over at the end is no id; IDs reports whether there was nothing left over.
func IDs(packed []byte, f func(ID)) bool {
	for len(packed) >= IDSize {
		f(ID(packed[:IDSize]))
		packed = packed[IDSize:]
	}
	return len(packed) == 0
}
