package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
)

// A store is a database of sales, in a file.
type store struct {
	db   *bbolt.DB
	temp string // the folder to remove at the end, or nothing
}

// A sale is a record of the database. Its key is the number of the sale, in order.
type sale struct {
	Product string `json:"product"`
	Pieces  int    `json:"pieces"`
	Cents   int64  `json:"cents"` // for each
	City    string `json:"city"`
}

// A total is the answer to a query: what was sold of a product.
type total struct {
	Sales, Pieces int
	Cents         int64
}

// salesBucket is where the sales are. It is made together with them, in one
// transaction: where it is, they all are.
const salesBucket = "sales"

// openStore opens the database at path, or where that is empty, a new one in a
// folder for temporary files.
func openStore(path string) (*store, error) {
	s := new(store)
	if path == "" {
		dir, err := os.MkdirTemp("", "cache-example-")
		if err != nil {
			return nil, err
		}
		s.temp, path = dir, filepath.Join(dir, "sales.db")
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second}) // for the lock of the file
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cannot open %s: %w", path, err), s.remove())
	}
	s.db = db
	return s, nil
}

// close closes the database, and waits until no query reads it any more.
func (s *store) close() error { return errors.Join(s.db.Close(), s.remove()) }

func (s *store) remove() error {
	if s.temp == "" {
		return nil
	}
	return os.RemoveAll(s.temp)
}

// fill writes so many sales of so many products, made from a seed, unless the
// database has sales already. It returns how many it has.
func (s *store) fill(ctx context.Context, seed uint64, sales, products int) (n int, err error) {
	err = s.db.Update(func(tx *bbolt.Tx) error {
		if b := tx.Bucket([]byte(salesBucket)); b != nil {
			n = b.Stats().KeyN
			return nil
		}
		b, err := tx.CreateBucket([]byte(salesBucket))
		if err != nil {
			return err
		}
		b.FillPercent = 1 // the keys come in order
		rng := rand.New(rand.NewPCG(seed, 0))
		for i := range sales {
			if ctx.Err() != nil {
				return context.Cause(ctx) // and nothing is written
			}
			if err := putSale(b, i, newSale(rng, products)); err != nil {
				return err
			}
		}
		n = sales
		return nil
	})
	return n, err
}

func newSale(rng *rand.Rand, products int) sale {
	cities := [...]string{"Accra", "Bergen", "Cusco", "Dakar", "Esfahan", "Florence", "Galway", "Hanoi"}
	return sale{
		Product: productName(rng.IntN(products)),
		Pieces:  1 + rng.IntN(9),
		Cents:   int64(99 + 100*rng.IntN(50)),
		City:    cities[rng.IntN(len(cities))],
	}
}

func productName(i int) string { return fmt.Sprintf("product-%03d", i) }

func putSale(b *bbolt.Bucket, n int, s sale) error {
	value, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return b.Put(binary.BigEndian.AppendUint64(nil, uint64(n)), value)
}

// recordsPerLook is how many records a query reads between two looks at its
// context: a fraction of a millisecond.
const recordsPerLook = 64

// total reads every sale there is and adds up those of a product. This is slow, as
// there is no index; when nobody waits for the answer any more, it stops.
func (s *store) total(ctx context.Context, product string) (t total, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		read := 0
		return tx.Bucket([]byte(salesBucket)).ForEach(func(_, value []byte) error {
			if read++; read%recordsPerLook == 0 && ctx.Err() != nil {
				return context.Cause(ctx)
			}
			var s sale
			if err := json.Unmarshal(value, &s); err != nil {
				return err
			}
			if s.Product == product {
				t.Sales, t.Pieces, t.Cents = t.Sales+1, t.Pieces+s.Pieces, t.Cents+int64(s.Pieces)*s.Cents
			}
			return nil
		})
	})
	return t, err
}
