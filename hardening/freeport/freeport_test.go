package freeport

import (
	"fmt"
	"net"
	"testing"
)

func TestTakenOnce(t *testing.T) {
	taken := map[uint16]bool{}
	for range 2000 {
		n := Take(t)
		if taken[n] || n < first || n >= end {
			t.Fatalf("%d: taken before %v", n, taken[n])
		}
		taken[n] = true
	}
	for n := range taken {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", n))
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
	}
}
