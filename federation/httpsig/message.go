package httpsig

import (
	"errors"
	"net/http"
	"strings"
)

// message is what a signature can speak of, the same for a request on its way out and one that came in.
type message struct {
	method    string
	scheme    string // of the target URI: "http" or "https"
	host      string // as on the wire
	authority string // host in the form of RFC 9421, section 2.2.3
	target    string // origin-form: path and query as on the wire
	header    http.Header
	body      []byte
}

// received reads a request as the server got it. The target is RequestURI, which routing does not rewrite; from an
// absolute-form one (RFC 9112, section 3.2.2) net/http has already taken the host.
func received(r *http.Request, body []byte, o Options) (*message, error) {
	m := &message{
		method: method(r), scheme: o.Scheme, host: r.Host, target: r.RequestURI, header: r.Header, body: body,
	}
	if m.scheme == "" {
		m.scheme = "https"
	}
	if !strings.HasPrefix(m.target, "/") {
		m.target = r.URL.RequestURI()
	}
	if !strings.HasPrefix(m.target, "/") {
		return nil, refuse("target is not a path")
	}
	m.authority = canonicalAuthority(m.host, m.scheme)
	for _, host := range o.Hosts {
		if host != "" && canonicalAuthority(host, m.scheme) == m.authority {
			return m, nil
		}
	}
	return nil, refuse("host is not ours")
}

// outgoing reads a request as net/http will send it.
func outgoing(r *http.Request, body []byte) (*message, error) {
	if r.URL == nil || r.URL.Opaque != "" || (r.URL.Scheme != "http" && r.URL.Scheme != "https") {
		return nil, errors.New("not an http(s) url")
	}
	m := &message{
		method: method(r), scheme: r.URL.Scheme, host: r.Host, target: r.URL.RequestURI(), header: r.Header, body: body,
	}
	if m.host == "" {
		m.host = r.URL.Host
	}
	for i := range len(m.host) {
		if c := m.host[i]; c <= ' ' || c >= 0x7f || c == '/' {
			return nil, errors.New("host is not in the form that is sent")
		}
	}
	if m.host == "" {
		return nil, errors.New("no host")
	}
	m.authority = canonicalAuthority(m.host, m.scheme)
	return m, nil
}

func method(r *http.Request) string {
	if r.Method == "" { // net/http's way to say GET
		return http.MethodGet
	}
	return r.Method
}

// canonicalAuthority gives the lower-case host without the scheme's default port.
func canonicalAuthority(host, scheme string) string {
	host = strings.ToLower(host)
	if scheme == "http" {
		return strings.TrimSuffix(host, ":80")
	}
	return strings.TrimSuffix(host, ":443")
}

// field gives the value of a header field as both schemes see it: its lines trimmed and joined with ", "
// (draft-cavage-12, section 2.3; RFC 9421, section 2.1). It is false for a field that is not there, and for one that
// would break the line structure of what is signed.
func (m *message) field(name string) (string, bool) {
	if name == "host" { // net/http keeps it out of the header
		return m.host, true
	}
	lines := m.header.Values(name)
	if len(lines) == 0 {
		return "", false
	}
	value := strings.TrimSpace(lines[0])
	for _, line := range lines[1:] {
		value += ", " + strings.TrimSpace(line)
	}
	return value, !strings.ContainsAny(value, "\r\n")
}

// single gives the value of a field that must be there once: where two lines are, which of them counts is open to
// readings, and the one that was signed need not be the one that is used.
func (m *message) single(name string) (string, bool) {
	if len(m.header.Values(name)) != 1 {
		return "", false
	}
	return m.field(name)
}

// pathAndQuery splits the target at its first question mark.
func (m *message) pathAndQuery() (path, query string, hasQuery bool) {
	return strings.Cut(m.target, "?")
}

// safeMethod reports whether the request only reads (RFC 9110, section 9.2.1, the two that we serve).
func (m *message) safeMethod() bool {
	return m.method == http.MethodGet || m.method == http.MethodHead
}

// needsDigest reports whether a signature without a digest would leave something of the request open.
func (m *message) needsDigest() bool { return len(m.body) > 0 || !m.safeMethod() }
