package egress

import (
	"errors"
	"strings"
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
	if name, err := canonical(host); err != nil || name != host {
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

var errHostForm = errors.New("host form")

// canonical gives the one form of a host with an optional port.
func canonical(host string) (string, error) {
	host = strings.ToLower(host)
	if host == "" || len(host) > 259 {
		return "", errHostForm
	}
	for _, c := range []byte(host) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`/\%@?#"<>^`+"`{|}", c) >= 0 {
			return "", errHostForm
		}
	}
	if strings.HasPrefix(host, "[") {
		return host, nil
	}
	name, port, ok := strings.Cut(host, ":")
	name = strings.TrimSuffix(name, ".")
	if name == "" || strings.HasPrefix(name, ".") || strings.Contains(name, "..") || strings.Contains(port, ":") {
		return "", errHostForm
	}
	if ok && port != "" {
		return name + ":" + port, nil
	}
	return name, nil
}
