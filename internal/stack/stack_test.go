package stack_test

import (
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/seed4712c49f/async/internal/stack"
)

//go:noinline
func here(t *stack.Table, depth int) *stack.Stack {
	if depth > 0 {
		return here(t, depth-1)
	}
	return t.Here()
}

// A place that a table knows has one stack, and costs nothing.
func TestTable(t *testing.T) {
	var table stack.Table
	var one [3]*stack.Stack
	for i := range one {
		one[i] = here(&table, 3)
	}
	if one[0] != one[1] || one[1] != one[2] {
		t.Error("one place has several stacks")
	}
	if here(&table, 3) == one[0] || here(&table, 4) == one[0] {
		t.Error("two places have one stack")
	}
	if n := testing.AllocsPerRun(100, func() { here(&table, 3) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
	text := one[0].String()
	if !strings.HasPrefix(text, "testing.tRunner\n\t") { // the first that is not below package async
		t.Errorf("printed as\n%s", text)
	}
	if none := (*stack.Stack)(nil).String(); none != "" {
		t.Errorf("no stack is printed as %q", none)
	}
}

// A table is bounded, and stacks beyond its bound are right, too.
func TestTable_Bounded(t *testing.T) {
	n := 200_000
	if testing.Short() {
		n = 50_000
	}
	var table stack.Table
	before := heap()
	for i := range n {
		s := distinct(&table, i)
		if s.String() == "" {
			t.Fatal("no stack")
		}
		if i == 3 {
			before = heap()
		}
	}
	if grown := heap() - before; grown > 8<<20 {
		t.Errorf("it grew by %d bytes", grown)
	}
	runtime.KeepAlive(&table)
}

// distinct records one of very many stacks: the bits of n say by which way.
func distinct(t *stack.Table, n int) *stack.Stack {
	switch {
	case n == 0:
		return t.Here()
	case n%2 == 0:
		return distinct(t, n/2)
	}
	s := distinct(t, n/2) // another program counter
	return s
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// Goroutines that record a place at once agree on it from then on.
func TestTable_AtOnce(t *testing.T) {
	for range 300 {
		var table stack.Table
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() { here(&table, 2) })
		}
		wg.Wait()
		if a, b := again(&table); a != b {
			t.Fatal("one place has two stacks")
		}
	}
}

func again(t *stack.Table) (a, b *stack.Stack) {
	var of [2]*stack.Stack
	for i := range of {
		of[i] = here(t, 2)
	}
	return of[0], of[1]
}

func TestBegins(t *testing.T) {
	const test = "github.com/seed4712c49f/async/internal/stack_test."
	var wg sync.WaitGroup
	for _, depth := range []int{0, 10, 100, 5000} {
		wg.Go(func() { begin(t, depth, test) })
	}
	wg.Wait()
}

func begin(t *testing.T, depth int, test string) {
	var look func(depth int)
	look = func(depth int) {
		if depth > 0 {
			look(depth - 1)
			return
		}
		var pcs [64]uintptr
		n := runtime.Callers(1, pcs[:])
		if stack.Begins(test+"begin", pcs[:n], n == len(pcs)) || stack.Begins(test+"look", pcs[:n], n == len(pcs)) {
			t.Error("begun by a function that is not the outermost")
		}
		if !stack.Begins("sync.(*WaitGroup).Go.func1", pcs[:n], n == len(pcs)) {
			t.Errorf("at depth %d the first function is not found", depth)
		}
	}
	look(depth)
}
