//go:build asyncexplore

package sched

import (
	"bytes"
	"runtime"
	"strconv"
	"sync"
	"unsafe"
)

// header returns what the runtime says of the calling goroutine: its number, and
// that of its bubble, or 0. It costs a traceback, some microseconds.
func header() (id, bubble uint64) {
	var buf [128]byte
	line, _, _ := bytes.Cut(buf[:runtime.Stack(buf[:], false)], []byte(":\n"))
	return numberAfter(line, "goroutine "), numberAfter(line, "synctest bubble ")
}

func numberAfter(line []byte, word string) uint64 {
	_, rest, _ := bytes.Cut(line, []byte(word))
	end := 0
	for end < len(rest) && rest[end] >= '0' && rest[end] <= '9' {
		end++
	}
	n, _ := strconv.ParseUint(string(rest[:end]), 10, 64)
	return n
}

// goid returns the number of the calling goroutine. Every step of every run needs
// it, so where it can it reads what the runtime keeps, at the place it was found.
func goid() uint64 {
	if at := goidAt(); at > 0 {
		return *(*uint64)(unsafe.Add(getg(), at))
	}
	id, _ := header()
	return id
}

// goidAt finds the number in what the runtime keeps of a goroutine, by what the
// headers of some goroutines say, or returns 0 where it cannot.
//
//nolint:gochecknoglobals // only in builds that explore, and it never changes
var goidAt = sync.OnceValue(func() uintptr {
	const most = 256 // bytes, of more than 400
	might := make(map[uintptr]bool)
	for at := uintptr(8); at < most; at += 8 {
		might[at] = true
	}
	for range 10 {
		done := make(chan struct{})
		go func() {
			defer close(done)
			g, id := getg(), uint64(0)
			if id, _ = header(); g == nil {
				clear(might)
			}
			for at := range might {
				if *(*uint64)(unsafe.Add(g, at)) != id {
					delete(might, at)
				}
			}
		}()
		<-done
	}
	for at := range might {
		if len(might) == 1 {
			return at
		}
	}
	return 0
})
