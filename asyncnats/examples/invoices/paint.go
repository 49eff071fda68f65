package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/go-pdf/fpdf"

	"github.com/seed4712c49f/async"
)

// An Order is what an invoice is asked for by: the request of a call.
type Order struct {
	Number   int    `json:"number"`
	Customer string `json:"customer"`
	Items    []Item `json:"items"`
}

// An Item is a line of an invoice.
type Item struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
	Cents int    `json:"cents"` // of one
}

// An Invoice is what a call returns.
type Invoice struct {
	Number int    `json:"number"`
	File   string `json:"file"`
	Sum    string `json:"sha256"`
	Total  int    `json:"total"` // in cents
}

// orderOf makes up an order.
func orderOf(number int) Order {
	o := Order{Number: number, Customer: fmt.Sprintf("Customer %d", number%97)}
	for i := range 1 + number%5 {
		o.Items = append(o.Items, Item{Name: fmt.Sprintf("Article %d", (number*7+i)%211), Count: 1 + (number+i)%9, Cents: 199 + (number*31+i*17)%9000})
	}
	return o
}

func (o Order) total() (cents int) {
	for _, item := range o.Items {
		cents += item.Count * item.Cents
	}
	return cents
}

// A painter makes invoices in a folder.
type painter struct{ dir string }

// paint is the function of the workers. It may run more than once for one order, when a worker
// is killed: the file has the number of the invoice, is there when it is whole, and has the
// same bytes each time. So it is there once however often paint has run.
func (p painter) paint(ctx context.Context, o Order) (Invoice, error) {
	if err := async.Sleep(ctx, thinking); err != nil {
		return Invoice{}, err
	}
	data, err := render(o)
	if err != nil {
		return Invoice{}, err
	}
	name := fmt.Sprintf("invoice-%04d.pdf", o.Number)
	draft, err := os.CreateTemp(p.dir, "draft-*")
	if err != nil {
		return Invoice{}, err
	}
	_, err = draft.Write(data)
	if bad := draft.Close(); err == nil {
		err = bad
	}
	if err == nil {
		err = os.Rename(draft.Name(), filepath.Join(p.dir, name))
	}
	return Invoice{Number: o.Number, File: name, Sum: sumOf(data), Total: o.total()}, err
}

// thinking is how long an invoice takes besides the painting: a real one looks things up.
const thinking = 50 * time.Millisecond

func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// render draws an invoice. The same order has the same bytes.
func render(o Order) ([]byte, error) {
	pdf := fpdf.New("P", "mm", "A4", "")
	at := time.Date(2026, time.January, 1, 12, 0, 0, 0, time.UTC)
	pdf.SetCreationDate(at)
	pdf.SetModificationDate(at)
	pdf.SetCatalogSort(true)
	pdf.AddPage()
	pdf.SetFont("Helvetica", "B", 20)
	pdf.CellFormat(0, 14, fmt.Sprintf("Invoice %04d", o.Number), "", 1, "L", false, 0, "")
	pdf.SetFont("Helvetica", "", 11)
	pdf.CellFormat(0, 10, o.Customer, "", 1, "L", false, 0, "")
	for _, item := range o.Items {
		pdf.CellFormat(90, 8, item.Name, "B", 0, "L", false, 0, "")
		pdf.CellFormat(30, 8, fmt.Sprintf("%d x %s", item.Count, money(item.Cents)), "B", 0, "R", false, 0, "")
		pdf.CellFormat(40, 8, money(item.Count*item.Cents), "B", 1, "R", false, 0, "")
	}
	pdf.SetFont("Helvetica", "B", 11)
	pdf.CellFormat(160, 10, money(o.total()), "", 1, "R", false, 0, "")
	var out bytes.Buffer
	err := pdf.Output(&out)
	return out.Bytes(), err
}

func money(cents int) string { return fmt.Sprintf("%d.%02d", cents/100, cents%100) }
