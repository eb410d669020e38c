package capture

import (
	"net/netip"
	"slices"
)

// Line is who may be on the node's line.
type Line struct {
	// Relays are the addresses and ports of relays: all that the node may speak to.
	Relays []netip.AddrPort
	// UDP is for a relay of WireGuard, with which the two machines may tell each other by ICMP that a port takes nothing at the
	// moment, as after the end of a tunnel; with any other the node speaks TCP.
	UDP bool
}

// Leaks are the packets that break the promise of a relay: every one that neither goes to a relay's address and port nor
// comes from one, but for what finds the gateway on the link, which the kernel sends and no router passes on:
//
//   - ARP (RFC 826);
//   - neighbour and router solicitations and advertisements (RFC 4861, ICMPv6 types 133 to 136) and reports of listeners to
//     multicast (RFC 3810, type 143).
//
// On lo nothing passes: see Line with no relays.
func (l Line) Leaks(packets []Packet) (leaks []Packet) {
	for _, p := range packets {
		if !l.allowed(p) {
			leaks = append(leaks, p)
		}
	}
	return leaks
}

// unreachable is ICMP's "destination unreachable" (RFC 792).
const unreachable = 3

func (l Line) allowed(p Packet) bool {
	switch {
	case p.Ether == etherARP:
		return true
	case p.Ether != etherIPv4 && p.Ether != etherIPv6:
		return false
	case p.Ether == etherIPv6 && p.Proto == protoICMPv6:
		return p.ICMP >= 133 && p.ICMP <= 136 || p.ICMP == 143
	}
	proto := uint8(protoTCP)
	if l.UDP {
		proto = protoUDP
		if p.Proto == protoICMP {
			return p.ICMP == unreachable && slices.ContainsFunc(l.Relays, func(r netip.AddrPort) bool { return p.From.Addr() == r.Addr() || p.To.Addr() == r.Addr() })
		}
	}
	if p.Proto != proto {
		return false
	}
	for _, r := range l.Relays {
		if p.To == r || p.From == r {
			return true
		}
	}
	return false
}

// To are the packets among these that go to an address, whatever the port.
func To(packets []Packet, addr netip.Addr) (list []Packet) {
	for _, p := range packets {
		if p.To.Addr() == addr {
			list = append(list, p)
		}
	}
	return list
}
