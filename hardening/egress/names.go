package egress

import (
	"strings"

	"github.com/dunnock-server/dunnock/hardening/hostname"
)

// specialNames are top-level names that no server of the public internet has. A look-up of one tells a resolver what it
// should not know, or is answered by something on the resolver's own network.
//
// "example" is not among them: RFC 6761 section 6.5 asks that programs treat it as any other name, and nothing answers it.
// All of "arpa" is: home.arpa (RFC 8375), the reverse zones, resolver.arpa, service.arpa and the like are no server's.
var specialNames = map[string]bool{
	"localhost": true, // RFC 6761 section 6.3; CheckTarget lets the bare name pass in trials
	"invalid":   true, // RFC 6761 section 6.4
	"test":      true, // RFC 6761 section 6.2
	"local":     true, // multicast DNS, RFC 6762
	"internal":  true, // reserved by ICANN for private use
	"alt":       true, // RFC 9476
	"arpa":      true, // RFC 3172

	// Never delegated and in use on private networks: RFC 6762 appendix G, ICANN's name-collision list, home routers.
	"intranet": true, "private": true, "corp": true, "home": true, "lan": true, "mail": true, "localdomain": true,
}

// checkName applies CheckTarget's rules for names.
func checkName(host string) error {
	if name, err := hostname.Canonical(host, false); err != nil || name != host {
		return refuse("host form")
	}
	dot := strings.LastIndexByte(host, '.')
	if dot < 1 {
		return refuse("single-label name")
	}
	top := host[dot+1:]
	if specialNames[top] {
		return refuse("special-use name")
	}
	if strings.HasPrefix(top, "xn--") {
		return nil
	}
	for _, c := range []byte(top) {
		if c < 'a' || c > 'z' {
			return refuse("host form")
		}
	}
	return nil
}

// isOnion reports whether a canonical host or domain is an onion service (RFC 7686).
func isOnion(host string) bool {
	name, _, _ := strings.Cut(host, ":")
	return name == "onion" || strings.HasSuffix(name, ".onion")
}
