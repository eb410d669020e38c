package hostname

import (
	"net/url"
	"strings"
)

// Origin is whose word a document is: two URLs of one origin speak for one server (FEP-fe34, RFC 6454 section 4).
// The zero Origin belongs to nobody.
type Origin struct {
	Scheme string // "https" or "http"
	Host   string // as by Canonical, without the port
	Port   uint16 // never 0: the scheme's default where the URL has none
}

// OriginOf returns the origin of an absolute http or https URL. Path, query and fragment do not matter, but a
// backslash, a space or a control character anywhere in the URL refuses it, as do userinfo, percent escapes in the
// host, an empty port and whatever Canonical refuses. Every error wraps ErrInvalid.
func OriginOf(rawURL string) (Origin, error) {
	if strings.ContainsFunc(rawURL, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '\\' }) {
		return Origin{}, invalid("URL with a backslash, space or control character")
	}
	u, err := url.Parse(rawURL)
	if err != nil { // not wrapped: it quotes the URL
		return Origin{}, invalid("not a URL")
	}
	o := Origin{Scheme: u.Scheme}
	usual := o.defaultPort()
	if usual == 0 || u.Opaque != "" {
		return Origin{}, invalid("not an absolute http or https URL")
	}
	// url.Parse decodes some percent escapes in the host and splits off userinfo. What is compared here must be what is
	// written, so the authority is cut out a second time and has to be the same.
	_, authority, _ := strings.Cut(rawURL, "//")
	if i := strings.IndexAny(authority, "/?#"); i >= 0 {
		authority = authority[:i]
	}
	if u.User != nil || u.Host != authority {
		return Origin{}, invalid("URL with userinfo or an escaped host")
	}
	name, port, err := split(authority)
	if err != nil {
		return Origin{}, err
	}
	if o.Host, err = canonicalName(name); err != nil {
		return Origin{}, err
	}
	if o.Port = port; port == 0 {
		o.Port = usual
	}
	return o, nil
}

// SameOrigin reports whether two URLs are of one origin; false when either has none.
func SameOrigin(a, b string) bool {
	x, err := OriginOf(a)
	if err != nil {
		return false
	}
	y, err := OriginOf(b)
	return err == nil && x == y
}

// HostOf returns the canonical host of an http or https URL, with ":port" when that is not the default of its scheme.
// It is the key by which servers are counted, blocked and queued. Errors are those of OriginOf.
func HostOf(rawURL string) (string, error) {
	o, err := OriginOf(rawURL)
	if err != nil {
		return "", err
	}
	return o.authority(), nil
}

// String returns the origin as a URL without a path: "https://example.org", "http://[::1]:8080".
func (o Origin) String() string { return o.Scheme + "://" + o.authority() }

func (o Origin) authority() string { return join(o.Host, o.Port, o.defaultPort()) }

// defaultPort is 0 for schemes that have no place here.
func (o Origin) defaultPort() uint16 {
	switch o.Scheme {
	case "https":
		return 443
	case "http":
		return 80
	}
	return 0
}
