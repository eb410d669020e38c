// Package freeport finds ports for programs that have to be told theirs before they listen, for tests.
//
// A port of the system's choice, asked for and closed again, is one that any connection may be given a moment later. These
// are below those, and are marked as long as they are in use, so that tests that run side by side never get the same one.
// It opens sockets on loopback alone, and reaches nothing.
package freeport

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"strconv"
	"testing"
)

// Ports are taken from first up to and without end: below what Linux (32768), macOS and Windows (49152) give to connections,
// see RFC 6056 section 2.1.
const first, end = 10_000, 32_768

// Port is one that nobody else listens at on 127.0.0.1.
type Port struct {
	Number uint16
	mark   net.PacketConn // UDP, of the same number
}

// Find looks for one, which is its own until Close. The error is that there is none, or no loopback.
func Find() (*Port, error) {
	var last error
	for range 1000 {
		number := uint16(first + rand.IntN(end-first))
		address := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), number).String()
		mark, err := net.ListenPacket("udp", address)
		if err != nil {
			last = err
			continue
		}
		l, err := net.Listen("tcp", address)
		if err == nil {
			if err = l.Close(); err == nil {
				return &Port{Number: number, mark: mark}, nil
			}
		}
		last = errors.Join(err, mark.Close())
	}
	return nil, last
}

// Close gives the port back.
func (p *Port) Close() error { return p.mark.Close() }

// Take gives one until the test ends.
func Take(t testing.TB) uint16 {
	t.Helper()
	p, err := Find()
	if err != nil {
		t.Fatalf("no port is free on 127.0.0.1: %v", err)
	}
	t.Cleanup(func() { p.Close() })
	return p.Number
}

// Text is Take as decimal digits.
func Text(t testing.TB) string {
	t.Helper()
	return strconv.Itoa(int(Take(t)))
}
