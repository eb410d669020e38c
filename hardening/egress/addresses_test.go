package egress

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"testing"
)

var privateAddresses = []string{
	"0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.254", "127.0.0.1", "127.0.0.3",
	"127.255.255.254", "169.254.169.254", "172.16.0.1", "172.31.255.254", "192.0.0.1", "192.0.0.170", "192.0.2.1",
	"192.88.99.1", "192.168.0.1", "198.18.0.1", "198.19.255.254", "198.51.100.1", "203.0.113.1", "224.0.0.1",
	"239.255.255.250", "240.0.0.1", "255.255.255.255", "192.31.196.1", "192.52.193.1", "192.175.48.1",

	"::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:0.0.0.0", "::ffff:169.254.169.254",
	"::127.0.0.1", "::7f00:1", // v4-compatible
	"::ffff:0:127.0.0.1",                  // IPv4-translated (SIIT)
	"64:ff9b::7f00:1", "64:ff9b:1::a00:1", // NAT64
	"100::1",                                 // discard
	"2001::1", "2001:0:7f00:1:0:0:80ff:fffe", // Teredo
	"2001:1::1", "2001:2::1", // port control anycast, benchmarking
	"2001:10::1", "2001:20::1", "2001:2f:ff::1", // ORCHID, ORCHIDv2
	"2001:db8::1", "3fff::1", // documentation
	"2002:7f00:1::1", "2002:a00:1::", // 6to4
	"3ffe::1", "5f00::1", "4000::1",
	"fc00::1", "fd12:3456::1", "fe80::1", "fec0::1", "ff02::1", "ff0e::1",
	"fe80::1%eth0", "2606:4700::1%eth0",
}

var publicAddresses = []string{
	"1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
	"169.253.255.255", "172.15.255.255", "172.32.0.0", "192.0.1.1", "192.167.255.255", "198.17.255.255", "198.20.0.0",
	"223.255.255.255", "::ffff:8.8.8.8",
	"2001:200::1", "2001:4860:4860::8888", "2003::1", "2400:cb00::1", "2606:4700:4700::1111", "2a00:1450::1", "2c0f::1",
}

func TestCheckAddr(t *testing.T) {
	for _, s := range privateAddresses {
		err := Rules{}.CheckAddr(netip.AddrPortFrom(netip.MustParseAddr(s), 443))
		if !errors.Is(err, ErrRefused) {
			t.Errorf("%s may be dialled: %v", s, err)
		}
	}
	for _, s := range publicAddresses {
		if err := (Rules{}).CheckAddr(netip.AddrPortFrom(netip.MustParseAddr(s), 443)); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
	if err := (Rules{}).CheckAddr(netip.AddrPort{}); !errors.Is(err, ErrRefused) {
		t.Errorf("no address: %v", err)
	}
}

func TestCheckAddrWidened(t *testing.T) {
	trial := Rules{HTTP: true, Addresses: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	exact := Rules{Exact: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:8080")}}
	all := Rules{HTTP: true, Addresses: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}}
	tests := []struct {
		rules Rules
		addr  string
		ok    bool
	}{
		{Rules{}, "8.8.8.8:80", false},
		{Rules{}, "8.8.8.8:22", false},
		{Rules{}, "8.8.8.8:0", false},
		{Rules{Ports: []uint16{8443}}, "8.8.8.8:8443", true},
		{Rules{Ports: []uint16{8443}}, "8.8.8.8:443", true},
		{Rules{Ports: []uint16{8443}}, "10.0.0.1:8443", false},
		{trial, "127.0.0.1:8080", true},
		{trial, "[::ffff:127.0.0.1]:8080", true},
		{trial, "[::1]:8080", false},
		{trial, "10.0.0.1:8080", false},
		{trial, "8.8.8.8:8080", true},
		{exact, "127.0.0.1:8080", true},
		{exact, "[::ffff:127.0.0.1]:8080", true},
		{exact, "127.0.0.1:443", false},
		{exact, "127.0.0.2:8080", false},
		{exact, "8.8.8.8:443", true},
		{all, "10.0.0.1:80", true},
		{all, "0.0.0.0:80", false},
		{all, "[::]:80", false},
		{all, "224.0.0.1:80", false},
		{all, "[ff02::1]:80", false},
		{all, "127.0.0.1:0", false},
	}
	for _, tt := range tests {
		err := tt.rules.CheckAddr(netip.MustParseAddrPort(tt.addr))
		if (err == nil) != tt.ok {
			t.Errorf("%+v %s: %v", tt.rules, tt.addr, err)
		}
	}
}

// Whatever is permitted is a global unicast address that hides no IPv4 address of a private kind.
func FuzzCheckAddr(f *testing.F) {
	for _, s := range append(privateAddresses, publicAddresses...) {
		a := netip.MustParseAddr(s).As16()
		f.Add(a[:])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) != 16 {
			t.Skip()
		}
		a := netip.AddrFrom16([16]byte(b))
		if (Rules{}).CheckAddr(netip.AddrPortFrom(a, 443)) != nil {
			return
		}
		u := a.Unmap()
		if !u.IsGlobalUnicast() || u.IsPrivate() || u.IsLoopback() {
			t.Errorf("%v", a)
		}
		if u.Is6() && (binary.BigEndian.Uint64(b) == 0 || b[0]>>5 != 1) {
			t.Errorf("%v", a)
		}
	})
}
