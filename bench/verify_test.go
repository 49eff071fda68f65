package main

import (
	"errors"
	"testing"
)

// What fails is tried three times, what passes no more.
func TestInsist(t *testing.T) {
	for _, fails := range []int{0, 1, 2, 3} {
		tries := 0
		why, err := insist(func() ([]string, error) {
			if tries++; tries <= fails {
				return []string{"slow"}, nil
			}
			return nil, nil
		})
		if err != nil || tries != min(fails+1, 3) || (len(why) > 0) != (fails == 3) {
			t.Errorf("after %d failures: %d tries, %v, %v", fails, tries, why, err)
		}
	}
	if _, err := insist(func() ([]string, error) { return nil, errors.New("no") }); err == nil {
		t.Error("an error is lost")
	}
}
