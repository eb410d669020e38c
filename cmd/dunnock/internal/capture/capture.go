// Package capture judges what was seen on a wire: given the packets of a node's interfaces, it says which of them went
// anywhere but to its relay, or came from anywhere else. An observer on the node's own line sees these packets and no
// others.
//
// It reads the files that tcpdump writes and computes; it opens no socket and starts nothing. What runs a node in a
// network of its own, and listens there, are its tests. It does not look into packets beyond addresses and ports.
package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
)

// Packet is one frame of Ethernet, as far as it is judged.
type Packet struct {
	// Ether is the EtherType: 0x0800 IPv4, 0x86dd IPv6, 0x0806 ARP.
	Ether uint16
	// Proto is the transport of an IP packet: 1 ICMP, 6 TCP, 17 UDP, 58 ICMPv6.
	Proto uint8
	// From and To have port 0 where the transport has none, or where a later fragment does not say.
	From, To netip.AddrPort
	// ICMP is the type of an ICMP or ICMPv6 packet.
	ICMP uint8
}

// String names what a failed test prints.
func (p Packet) String() string {
	if p.Ether != etherIPv4 && p.Ether != etherIPv6 {
		return fmt.Sprintf("ethertype %#04x", p.Ether)
	}
	return fmt.Sprintf("proto %d %s > %s", p.Proto, p.From, p.To)
}

const (
	etherIPv4 = 0x0800
	etherIPv6 = 0x86dd
	etherARP  = 0x0806

	protoICMP, protoTCP, protoUDP, protoICMPv6 = 1, 6, 17, 58
)

// errFile is a file that tcpdump did not write, or not to its end.
var errFile = errors.New("not a whole pcap file of Ethernet frames")

// Read gives the packets of a pcap file (draft-ietf-opsawg-pcap) with Ethernet frames, in the byte order of this machine.
// A frame that cannot be read is a packet with what could be: it is judged as a leak, and never left out.
func Read(file []byte) ([]Packet, error) {
	order := binary.LittleEndian
	const header, record, ethernet = 24, 16, 1
	if len(file) < header || order.Uint32(file) != 0xa1b2c3d4 || order.Uint32(file[20:]) != ethernet {
		return nil, errFile
	}
	var list []Packet
	for rest := file[header:]; len(rest) > 0; {
		if len(rest) < record {
			return nil, errFile
		}
		n := order.Uint32(rest[8:])
		if rest = rest[record:]; uint64(len(rest)) < uint64(n) {
			return nil, errFile
		}
		list = append(list, parse(rest[:n]))
		rest = rest[n:]
	}
	return list, nil
}

func parse(frame []byte) (p Packet) {
	if len(frame) < 14 {
		return p
	}
	p.Ether = binary.BigEndian.Uint16(frame[12:])
	b := frame[14:]
	var from, to netip.Addr
	switch {
	case p.Ether == etherIPv4 && len(b) >= 20:
		p.Proto = b[9]
		from, _ = netip.AddrFromSlice(b[12:16])
		to, _ = netip.AddrFromSlice(b[16:20])
		head := int(b[0]&15) * 4
		if binary.BigEndian.Uint16(b[6:])&0x1fff != 0 || len(b) < head {
			head = len(b) // a later fragment
		}
		b = b[head:]
	case p.Ether == etherIPv6 && len(b) >= 40:
		p.Proto = b[6]
		from, _ = netip.AddrFromSlice(b[8:24])
		to, _ = netip.AddrFromSlice(b[24:40])
		b = b[40:]
		if p.Proto == 0 && len(b) >= 8 && b[0] == protoICMPv6 { // hop-by-hop options, as in reports to routers (RFC 3810)
			p.Proto, b = protoICMPv6, b[min(len(b), 8+8*int(b[1])):]
		}
	default:
		return p
	}
	var source, target uint16
	if (p.Proto == protoTCP || p.Proto == protoUDP) && len(b) >= 4 {
		source, target = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	}
	if (p.Proto == protoICMP || p.Proto == protoICMPv6) && len(b) > 0 {
		p.ICMP = b[0]
	}
	p.From, p.To = netip.AddrPortFrom(from, source), netip.AddrPortFrom(to, target)
	return p
}
