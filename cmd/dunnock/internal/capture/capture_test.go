package capture

import (
	"encoding/binary"
	"net/netip"
	"testing"
)

// frame is an Ethernet frame with an IP packet.
func frame(proto byte, from, to string, payload ...byte) []byte {
	f, t := netip.MustParseAddrPort(from), netip.MustParseAddrPort(to)
	b := make([]byte, 14)
	if f.Addr().Is4() {
		b[12], b[13] = 8, 0
		b = append(b, 0x45, 0, 0, 0, 0, 0, 0, 0, 64, proto, 0, 0)
	} else {
		b[12], b[13] = 0x86, 0xdd
		b = append(b, 0x60, 0, 0, 0, 0, 0, proto, 64)
	}
	b = append(append(b, f.Addr().AsSlice()...), t.Addr().AsSlice()...)
	if proto != protoICMP && proto != protoICMPv6 {
		b = binary.BigEndian.AppendUint16(b, f.Port())
		b = binary.BigEndian.AppendUint16(b, t.Port())
	}
	return append(b, payload...)
}

func pcap(frames ...[]byte) []byte {
	b := make([]byte, 24)
	binary.LittleEndian.PutUint32(b, 0xa1b2c3d4)
	binary.LittleEndian.PutUint32(b[20:], 1)
	for _, f := range frames {
		b = append(b, make([]byte, 8)...)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(f)))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(f)))
		b = append(b, f...)
	}
	return b
}

func TestLeaks(t *testing.T) {
	line := Line{Relays: []netip.AddrPort{netip.MustParseAddrPort("45.79.10.1:22"), netip.MustParseAddrPort("[2a01:4f8::1]:22")}}
	arp := make([]byte, 42)
	arp[12], arp[13] = 8, 6
	fragment := frame(protoTCP, "10.7.0.2:40000", "45.79.10.1:22")
	fragment[14+7] = 1
	for name, c := range map[string]struct {
		frame []byte
		leak  bool
	}{
		"to the relay":                  {frame(protoTCP, "10.7.0.2:40000", "45.79.10.1:22"), false},
		"from the relay":                {frame(protoTCP, "45.79.10.1:22", "10.7.0.2:40000"), false},
		"to the relay, IPv6":            {frame(protoTCP, "[fd07::2]:40000", "[2a01:4f8::1]:22"), false},
		"to the relay's other port":     {frame(protoTCP, "10.7.0.2:40000", "45.79.10.1:53"), true},
		"from the relay's other port":   {frame(protoTCP, "45.79.10.1:40000", "10.7.0.2:443"), true},
		"to another":                    {frame(protoTCP, "10.7.0.2:40000", "45.79.20.1:22"), true},
		"to another, IPv6":              {frame(protoTCP, "[fd07::2]:40000", "[2a01:4f8::2]:22"), true},
		"a name":                        {frame(protoUDP, "10.7.0.2:40000", "45.79.10.53:53"), true},
		"the relay's port by UDP":       {frame(protoUDP, "10.7.0.2:40000", "45.79.10.1:22"), true},
		"ICMP":                          {frame(1, "10.7.0.2:2048", "45.79.10.1:22"), true},
		"a fragment, whoever it is for": {fragment, true},
		"ARP":                           {arp, false},
		"neighbour solicitation":        {frame(protoICMPv6, "[fe80::1]:0", "[ff02::1:ff00:1]:0", 135), false},
		"an echo request over ICMPv6":   {frame(protoICMPv6, "[fd07::2]:0", "[2a01:4f8::2]:0", 128), true},
		"a frame too short to be read":  {[]byte{1, 2, 3}, true},
		"an IP packet cut off":          {frame(protoTCP, "10.7.0.2:1", "45.79.10.1:22")[:30], true},
		"a protocol that is not known":  {append(make([]byte, 12), 0x88, 0xcc, 1, 2), true},
	} {
		packets, err := Read(pcap(c.frame))
		if err != nil || len(packets) != 1 {
			t.Fatalf("%s: read %v, %v", name, packets, err)
		}
		if got := len(line.Leaks(packets)) > 0; got != c.leak {
			t.Errorf("%s: leak = %t, want %t", name, got, c.leak)
		}
	}
}

func TestLeaksOverUDP(t *testing.T) {
	line := Line{Relays: []netip.AddrPort{netip.MustParseAddrPort("45.79.10.1:51820")}, UDP: true}
	for name, c := range map[string]struct {
		frame []byte
		leak  bool
	}{
		"to the relay":           {frame(protoUDP, "10.7.0.2:40000", "45.79.10.1:51820"), false},
		"the relay's port, TCP":  {frame(protoTCP, "10.7.0.2:40000", "45.79.10.1:51820"), true},
		"a name":                 {frame(protoUDP, "10.7.0.2:40000", "45.79.10.1:53"), true},
		"a closed port there":    {frame(protoICMP, "45.79.10.1:0", "10.7.0.2:0", 3), false},
		"a closed port here":     {frame(protoICMP, "10.7.0.2:0", "45.79.10.1:0", 3), false},
		"a ping of the relay":    {frame(protoICMP, "10.7.0.2:0", "45.79.10.1:0", 8), true},
		"a ping by the relay":    {frame(protoICMP, "45.79.10.1:0", "10.7.0.2:0", 8), true},
		"ICMP of somebody else":  {frame(protoICMP, "45.79.10.2:0", "10.7.0.2:0", 3), true},
		"ICMP to somebody else":  {frame(protoICMP, "10.7.0.2:0", "45.79.10.2:0", 3), true},
		"ICMP over IPv6, router": {frame(protoICMPv6, "[fe80::1]:0", "[ff02::1]:0", 134), false},
	} {
		packets, err := Read(pcap(c.frame))
		if err != nil || len(packets) != 1 {
			t.Fatalf("%s: read %v, %v", name, packets, err)
		}
		if got := len(line.Leaks(packets)) > 0; got != c.leak {
			t.Errorf("%s: leak = %t, want %t", name, got, c.leak)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	whole := pcap(frame(protoTCP, "10.7.0.2:40000", "45.79.10.1:22"))
	for n := range whole {
		if n != 24 { // a header alone is a capture of nothing
			if _, err := Read(whole[:n]); err == nil {
				t.Errorf("%d of %d bytes were read", n, len(whole))
			}
		}
	}
}

func TestSystemCallNames(t *testing.T) {
	line := Line{Relays: []netip.AddrPort{netip.MustParseAddrPort("45.79.10.1:22"), netip.MustParseAddrPort("[2a01:4f8::1]:22")}}
	for call, want := range map[string]bool{
		`7 connect(24, {sa_family=AF_INET, sin_port=htons(22), sin_addr=inet_addr("45.79.10.1")}, 16) = 0`:                                                              true,
		`7 connect(24, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("45.79.10.1")}, 16) = 0`:                                                              false,
		`7 connect(22, {sa_family=AF_INET6, sin6_port=htons(22), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "2a01:4f8::1", &sin6_addr), sin6_scope_id=0}, 28) = -1`:    true,
		`7 connect(22, {sa_family=AF_INET6, sin6_port=htons(22), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "2a01:4f8:20::2", &sin6_addr), sin6_scope_id=0}, 28) = -1`: false,
		`7 sendto(3, "x", 1, 0, {sa_family=AF_INET, whatever strace may come to write`:                                                                                  false,
	} {
		if got := line.names(call); got != want {
			t.Errorf("%s: %t", call, got)
		}
	}
}
