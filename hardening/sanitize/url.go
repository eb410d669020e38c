package sanitize

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/dunnock-server/dunnock/hardening/hostname"
)

// MaxURL is the longest address that passes, in bytes.
const MaxURL = 2048

// URL passes an absolute http or https address, with its host in canonical form and everything percent-escaped that is
// not printable ASCII or could end an attribute. It refuses (false, and the empty string) every other scheme, relative
// addresses, userinfo, which shows one host and leads to another, control characters, backslashes and spaces, hosts that
// are none, and what is longer than [MaxURL]. URL of its own result is that result.
//
// Whether the address may be fetched is not decided here.
func URL(raw string) (string, bool) {
	raw = strings.Trim(raw, " \t\r\n\f")
	if len(raw) > MaxURL {
		return "", false
	}
	host, err := hostname.HostOf(raw)
	if err != nil {
		return "", false
	}
	u, err := url.Parse(raw)
	if err != nil {
		return "", false
	}
	u.Host = host
	escaped := escape(u.String())
	if len(escaped) > MaxURL {
		return "", false
	}
	return escaped, true
}

// escape percent-escapes what net/url leaves alone in queries.
func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("\"'<>`\\", c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
