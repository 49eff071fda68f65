// Package thing is not called as its path ends.
package thing

type Thing struct{ Name string }
