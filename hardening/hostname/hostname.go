package hostname

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// MaxLength is the longest host name in bytes, without a trailing dot and a port (RFC 1035 section 2.3.4).
const MaxLength = 253

// ErrInvalid is wrapped by every error of this package. The messages hold nothing of the input, so they may be logged.
var ErrInvalid = errors.New("hostname: invalid")

// invalid is an ErrInvalid with its reason.
type invalid string

func (e invalid) Error() string { return "hostname: " + string(e) }
func (e invalid) Unwrap() error { return ErrInvalid }

// defaultPort is dropped by Canonical: outside of trials every server is reached by https.
const defaultPort = 443

// Canonical returns the one form of a host: lower-case A-labels (UTS 46, non-transitional, with the STD3, hyphen,
// joiner and Bidi rules), no trailing dot, IPv4 as four plain decimals, IPv6 compressed and in brackets. With
// allowPort, a port other than 443 stays and 443 is dropped; without, any port is refused.
//
// Refused are the empty string, more than MaxLength bytes, empty labels and labels over 63 bytes, / \ % @ space and
// control characters, characters that UTS 46 would silently drop, underscores (no certificate can name them), IPv6
// without brackets, with a zone or holding an IPv4 address, and every other spelling of an IPv4 address: "127.1",
// "0x7f.0.0.1", "2130706433". Addresses are right in form only: whether they may be dialled is for egress to say.
//
// Canonical of its own result gives that result. Every error wraps ErrInvalid.
func Canonical(host string, allowPort bool) (string, error) {
	name, port, err := split(host)
	if err != nil {
		return "", err
	}
	if port != 0 && !allowPort {
		return "", invalid("a port is not allowed here")
	}
	if name, err = canonicalName(name); err != nil {
		return "", err
	}
	return join(name, port, defaultPort), nil
}

// split parts a host from its port, which is 0 when there is none.
func split(host string) (name string, port uint16, err error) {
	end := strings.IndexByte(host, ']') + 1
	colon := strings.IndexByte(host[end:], ':')
	if colon < 0 {
		return host, 0, nil
	}
	name, digits := host[:end+colon], host[end+colon+1:]
	n, err := strconv.ParseUint(digits, 10, 16)
	if err != nil || n == 0 || digits[0] == '0' {
		return "", 0, invalid("a port is a number from 1 to 65535 without leading zeros")
	}
	return name, uint16(n), nil
}

// join is the inverse of split, for a canonical name; a port that is 0 or usual is left out.
func join(name string, port, usual uint16) string {
	if port == 0 || port == usual {
		return name
	}
	return name + ":" + strconv.Itoa(int(port))
}

// canonicalName is Canonical for a host without a port.
func canonicalName(name string) (string, error) {
	if strings.HasPrefix(name, "[") {
		return canonicalIPv6(name)
	}
	// The bound here is on work, not on the name: a U-label can be longer or shorter than its A-label.
	if len(name) > 4*MaxLength {
		return "", invalid("longer than 253 bytes")
	}
	// idna encodes a broken byte as if it were a letter.
	if !utf8.ValidString(name) {
		return "", invalid("not UTF-8")
	}
	if strings.ContainsFunc(name, vanishes) {
		return "", invalid("holds an invisible character")
	}
	name, err := toASCII(name)
	if err != nil {
		return "", err
	}
	name = strings.TrimSuffix(name, ".")
	if len(name) > MaxLength {
		return "", invalid("longer than 253 bytes")
	}
	last := ""
	for label := range strings.SplitSeq(name, ".") {
		if err := checkLabel(label); err != nil {
			return "", err
		}
		last = label
	}
	if numeric(last) {
		if _, err := netip.ParseAddr(name); err != nil {
			return "", invalid("an IPv4 address is written as four decimal numbers")
		}
	}
	return name, nil
}

// toASCII maps a name to lower-case A-labels. A name that changed is mapped again and must stay as it is: idna applies the
// Bidi rule to letters before it maps them, and so lets through what it refuses as an A-label ("0ℶ", where ℶ becomes a
// Hebrew letter). Its own errors quote the label, which must not reach a log.
func toASCII(name string) (string, error) {
	if plain(name) {
		return name, nil
	}
	ascii, err := idna.Lookup.ToASCII(name)
	if err == nil && ascii != name {
		name = ascii
		ascii, err = idna.Lookup.ToASCII(name)
	}
	if err != nil || ascii != name {
		return "", invalid("not a domain name (UTS 46)")
	}
	return ascii, nil
}

// plain reports whether a name is, for certain, its own lower-case A-labels: most are, and looking at the tables takes
// longer than all the rest.
func plain(name string) bool {
	for i := range len(name) {
		c := name[i]
		if c == '-' && (i == 0 || i == len(name)-1 || !letterOrDigit(name[i-1]) || !letterOrDigit(name[i+1])) {
			return false
		}
		if c != '-' && c != '.' && !letterOrDigit(c) {
			return false
		}
	}
	return true
}

func letterOrDigit(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' }

// checkLabel holds what idna returned to the letters, digits and hyphens of RFC 1123 section 2.1, whatever its tables
// may let through, and to 63 bytes.
func checkLabel(label string) error {
	if label == "" {
		return invalid("empty label")
	}
	if len(label) > 63 {
		return invalid("label longer than 63 bytes")
	}
	for i := range len(label) {
		c := label[i]
		if c != '-' && !letterOrDigit(c) {
			return invalid("holds a character that is no letter, digit or hyphen")
		}
	}
	return nil
}

// numeric reports whether a last label makes URL parsers read the whole host as an IPv4 address (WHATWG URL, "ends in a
// number checker"): only digits, or 0x and hexadecimal digits.
func numeric(label string) bool {
	digits, hex := strings.CutPrefix(label, "0x")
	if !hex {
		return strings.Trim(label, "0123456789") == ""
	}
	return strings.Trim(digits, "0123456789abcdef") == ""
}

// canonicalIPv6 takes an address in brackets.
func canonicalIPv6(name string) (string, error) {
	inner, closed := strings.CutSuffix(name[1:], "]")
	addr, err := netip.ParseAddr(inner)
	switch {
	case !closed || err != nil || !addr.Is6():
		return "", invalid("not an IPv6 address in brackets")
	case addr.Zone() != "":
		return "", invalid("an address with a zone means something on one machine only")
	case addr.Is4In6():
		return "", invalid("an IPv4 address is written as four decimal numbers")
	}
	return "[" + addr.String() + "]", nil
}

// vanishes reports whether UTS 46 maps r to nothing, or might: two names that differ by it alone look alike and compare
// alike after mapping, but not before. ZWJ and ZWNJ are left to the joiner rules.
func vanishes(r rune) bool {
	const zwnj, zwj = '\u200c', '\u200d'
	return r != zwnj && r != zwj && unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}
