package list_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/seed4712c49f/async/internal/list"
)

type item struct {
	links list.Links[item]
	n     int
}

func (x *item) Links() *list.Links[item] { return &x.links }

type items = list.List[item]

// forwards and backwards return the numbers in a list, by either link.
func forwards(l *items) (ns []int) {
	for x := list.First(l); x != nil; x = list.Next(x) {
		ns = append(ns, x.n)
	}
	return ns
}

func backwards(l *items) (ns []int) {
	for x := list.Last(l); x != nil; x = list.Prev(x) {
		ns = append(ns, x.n)
	}
	slices.Reverse(ns)
	return ns
}

// A list and a slice are changed by the same random steps, and hold the same.
func TestList_IsASlice(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var l items
		var want []int
		all := make([]*item, 8)
		for i := range all {
			all[i] = &item{n: i}
		}
		for range 100 {
			x := all[r.IntN(len(all))]
			switch at := slices.Index(want, x.n); {
			case at >= 0:
				list.Remove(&l, x)
				want = slices.Delete(want, at, at+1)
			case r.IntN(2) == 0:
				list.Push(&l, x)
				want = append(want, x.n)
			default:
				behind := r.IntN(len(want) + 1) // 0: the first place
				var y *item
				if behind > 0 {
					y = all[want[behind-1]]
				}
				list.Insert(&l, x, y)
				want = slices.Insert(want, behind, x.n)
			}
			if f, b := forwards(&l), backwards(&l); !slices.Equal(f, want) || !slices.Equal(b, want) {
				t.Fatalf("forwards %v, backwards %v, want %v", f, b, want)
			}
			for _, x := range all {
				if list.Has(&l, x) != slices.Contains(want, x.n) {
					t.Fatalf("Has(%d) is %v of %v", x.n, list.Has(&l, x), want)
				}
			}
		}
	}
}

// Remove of an element that is in no list changes nothing, also of one that left.
func TestList_RemoveTwice(t *testing.T) {
	var l items
	a, b, c := &item{n: 1}, &item{n: 2}, &item{n: 3}
	list.Push(&l, a)
	list.Push(&l, b)
	list.Remove(&l, c)
	list.Remove(&l, a)
	list.Remove(&l, a)
	if got := forwards(&l); !slices.Equal(got, []int{2}) {
		t.Errorf("the list is %v", got)
	}
	if list.Next(a) != nil || list.Prev(a) != nil {
		t.Error("an element that left has a neighbor")
	}
}

// To enter and to leave allocates nothing.
func TestList_Allocations(t *testing.T) {
	var l items
	a, b := new(item), new(item)
	if n := testing.AllocsPerRun(100, func() {
		list.Push(&l, a)
		list.Insert(&l, b, nil)
		list.Remove(&l, a)
		list.Remove(&l, b)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
