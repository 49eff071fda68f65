//go:build asyncexplore && (amd64 || arm64)

package sched

import "unsafe"

// getg returns what the runtime keeps of the calling goroutine.
func getg() unsafe.Pointer
