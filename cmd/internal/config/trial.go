package config

import (
	"net"
	"net/netip"
	"slices"
	"strings"
)

// trialNames end the names that no public resolver answers for (RFC 6761, RFC 6762, RFC 8375, and "internal", reserved
// by ICANN resolution 2024.07.29.06).
var trialNames = []string{"localhost", "test", "example", "invalid", "local", "home.arpa", "internal"}

// privateNetworks may be opened by [unsafe].
var privateNetworks = []netip.Prefix{
	netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"), // loopback
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"), // RFC 1918
	netip.MustParsePrefix("100.64.0.0/10"),                                      // RFC 6598
	netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("fe80::/10"), // link-local
	netip.MustParsePrefix("fc00::/7"), // RFC 4193
}

// trial reports whether a canonical host, with or without a port, cannot be reached from the internet.
func trial(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.Trim(host, "[]")
	if ip, err := netip.ParseAddr(host); err == nil {
		return private(netip.PrefixFrom(ip, ip.BitLen()))
	}
	return !strings.Contains(host, ".") || slices.ContainsFunc(trialNames, func(suffix string) bool {
		return strings.HasSuffix(host, "."+suffix)
	})
}

// private reports whether all of a network is one of privateNetworks.
func private(p netip.Prefix) bool {
	return slices.ContainsFunc(privateNetworks, func(n netip.Prefix) bool {
		return n.Bits() <= p.Bits() && n.Contains(p.Addr())
	})
}
