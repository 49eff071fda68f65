package verify_test

import (
	"flag"
	"os"
	"testing"
)

// TestMain has the models checked more often than rapid does by itself, unless a
// flag says otherwise.
func TestMain(m *testing.M) {
	for name, value := range map[string]string{"rapid.checks": "3000", "rapid.nofailfile": "true"} {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	flag.Parse()
	os.Exit(m.Run())
}
