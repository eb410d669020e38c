package egress

import "net/netip"

// IPv4 by deny-list: the IANA IPv4 Special-Purpose Address Registry (RFC 6890 and its updates), including those entries
// that it calls globally reachable, because none of them is a server's. Multicast and the former class E are one block.
var specialIPv4 = prefixes(
	"0.0.0.0/8",       // this network, RFC 791: 0.0.0.0 reaches loopback on Linux
	"10.0.0.0/8",      // private, RFC 1918
	"100.64.0.0/10",   // shared (CGNAT), RFC 6598
	"127.0.0.0/8",     // loopback, RFC 1122
	"169.254.0.0/16",  // link-local, RFC 3927: cloud metadata
	"172.16.0.0/12",   // private, RFC 1918
	"192.0.0.0/24",    // IETF protocol assignments, RFC 6890
	"192.0.2.0/24",    // documentation, RFC 5737
	"192.31.196.0/24", // AS112, RFC 7535
	"192.52.193.0/24", // AMT, RFC 7450
	"192.88.99.0/24",  // 6to4 relay anycast, RFC 7526
	"192.168.0.0/16",  // private, RFC 1918
	"192.175.48.0/24", // AS112, RFC 7534
	"198.18.0.0/15",   // benchmarking, RFC 2544
	"198.51.100.0/24", // documentation, RFC 5737
	"203.0.113.0/24",  // documentation, RFC 5737
	"224.0.0.0/3",     // multicast, RFC 5771, and reserved, RFC 1112, with broadcast
)

// IPv6 by allow-list: global unicast as far as IANA has begun to assign it (RFC 4291 section 2.4), which leaves out
// loopback, ::/96 (v4-compatible), unique local, link-local, site-local, 64:ff9b::/96 and 64:ff9b:1::/48 (NAT64), 100::/64
// (discard), 5f00::/16 (SRv6 SIDs) and multicast; less the parts of it that are no server's.
var (
	globalIPv6 = netip.MustParsePrefix("2000::/3")

	specialIPv6 = prefixes(
		"2001::/23",         // IETF protocol assignments, RFC 2928: Teredo, benchmarking, AMT, ORCHID and ORCHIDv2, DRIP
		"2001:db8::/32",     // documentation, RFC 3849
		"2002::/16",         // 6to4, RFC 3056: holds an IPv4 address
		"2620:4f:8000::/48", // AS112, RFC 7534
		"3ffe::/16",         // 6bone, returned, RFC 3701
		"3fff::/20",         // documentation, RFC 9637
	)
)

// isPublic reports whether a server of the public internet can have this address. addr is unmapped.
func isPublic(addr netip.Addr) bool {
	if addr.Is4() {
		return !within(addr, specialIPv4)
	}
	return globalIPv6.Contains(addr) && !within(addr, specialIPv6)
}

func within(addr netip.Addr, list []netip.Prefix) bool {
	for _, p := range list {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

func prefixes(list ...string) []netip.Prefix {
	ps := make([]netip.Prefix, len(list))
	for i, s := range list {
		ps[i] = netip.MustParsePrefix(s)
	}
	return ps
}
