package egress

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/dunnock-server/dunnock/hardening/hostname"
)

// Request is one exchange to be made.
type Request struct {
	Method string // GET, HEAD or POST
	URL    *url.URL
	// Header may hold Accept and Content-Type, one value each; anything else in it is not sent.
	Header http.Header
	// Body is sent as it is; only with POST.
	Body []byte
	// Domain whose circuit and exit are used, when that is not the URL's host (a node that answers elsewhere than its
	// handles' domain). Empty: the URL's host, with its port if it is not the default.
	Domain  string
	Purpose Purpose
	// Exit is what Client.Exit answered for this request, so that what was written down before is what happens. Empty: it is
	// chosen now.
	Exit string
	// Serves is the circuit whose dial a look-up of a name serves: the exchange is made by way of its exit, on connections of
	// its own. Only with the purpose Names.
	Serves *Circuit
	// MaxBody caps the decoded body of the response, in bytes. 0: the client's.
	MaxBody int64
	// Prepare signs: it is called last, on exactly what is sent, and may only add Date, Digest, Content-Digest, Signature
	// and Signature-Input. Only with the purpose Federation.
	Prepare func(*http.Request) error
}

// Response is an answer, whatever its status: a redirect is one too.
type Response struct {
	Status int
	Header http.Header // as sent by the server, less what was undone (Content-Encoding and its length)
	Body   []byte      // whole and decoded
	Exit   string      // the relay's name

	// Bytes on the wire of this exchange, TLS and, on a new connection, its handshake included.
	SentBytes, ReceivedBytes int64
}

// signed are the headers that Prepare may add.
var signed = []string{"Date", "Digest", "Content-Digest", "Signature", "Signature-Input"}

// Do makes at most one exchange. It returns ErrNoRelay, ErrClosed, an ErrRefused or what Prepare returned if nothing was
// dialled; an *Error if the exchange failed, which is then over: no dial or write goes on.
func (c *Client) Do(ctx context.Context, r Request) (*Response, error) {
	target, domain, err := c.check(r)
	if err != nil {
		return nil, err
	}
	if c.ctx.Err() != nil {
		return nil, ErrClosed
	}
	key, relay, err := c.way(domain, r)
	if err != nil {
		return nil, err
	}

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(c.ctx, func() { cancel(ErrClosed) })()
	ctx, expire := context.WithTimeout(ctx, c.deadline)
	defer expire()

	req, err := c.build(ctx, r, target)
	if err != nil {
		return nil, err
	}
	limit := r.MaxBody
	if limit == 0 {
		limit = c.maxBody
	}
	circuit := c.circuits.acquire(key, relay)
	defer c.circuits.release(circuit)
	return circuit.do(ctx, req, limit)
}

// way gives the circuit and the relay of a request.
func (c *Client) way(domain string, r Request) (Circuit, Relay, error) {
	key := Circuit{Domain: domain, Purpose: r.Purpose, Exit: r.Exit}
	if r.Serves != nil {
		key.Domain, key.Exit, key.For = r.Serves.Domain, r.Serves.Exit, r.Serves.Purpose
	}
	if key.Exit == "" {
		relay, err := c.exit(domain, r.Purpose)
		if err != nil {
			return Circuit{}, nil, err
		}
		key.Exit = relay.Name()
		return key, relay, nil
	}
	for _, relay := range c.relays {
		if relay.Name() == key.Exit {
			return key, relay, nil
		}
	}
	return Circuit{}, nil, ErrNoRelay
}

// check applies the rules to all of a request that can be judged before a relay is chosen.
func (c *Client) check(r Request) (target *url.URL, domain string, err error) {
	switch {
	case !r.Purpose.Valid():
		return nil, "", refuse("purpose")
	case r.Prepare != nil && r.Purpose != Federation:
		return nil, "", refuse("signature on an unsigned purpose")
	case r.Serves != nil && r.Purpose != Names:
		return nil, "", refuse("purpose")
	case r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodPost:
		return nil, "", refuse("method")
	case len(r.Body) > 0 && r.Method != http.MethodPost:
		return nil, "", refuse("body without POST")
	case r.MaxBody < 0:
		return nil, "", refuse("negative limit")
	}
	if target, err = c.rules.target(r.URL); err != nil {
		return nil, "", err
	}
	domain = target.Host
	if r.Domain != "" {
		if domain, err = hostname.Canonical(r.Domain, true); err != nil {
			return nil, "", refuse("domain form")
		}
	}
	return target, domain, nil
}

// build makes the request that is sent, and has it signed.
func (c *Client) build(ctx context.Context, r Request, target *url.URL) (*http.Request, error) {
	header := http.Header{
		"User-Agent": {c.agent},
		// We ask for gzip by ourselves, so that the signer sees the header and the cap is ours to set on decoded bytes.
		"Accept-Encoding": {"gzip"},
	}
	if r.Purpose == Names || r.Purpose == Trial { // RFC 8484 section 8.2: a resolver has no use for it; nor has an echo
		header["User-Agent"] = []string{""}
	}
	for _, name := range []string{"Accept", "Content-Type"} {
		if v := r.Header.Get(name); v != "" {
			header.Set(name, v)
		}
	}
	req := (&http.Request{
		Method: r.Method, URL: target, Host: target.Host, Header: header,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(ctx)
	setBody(req, r.Body)
	if r.Prepare != nil {
		if err := sign(req, r); err != nil {
			return nil, err
		}
	}
	for _, values := range req.Header {
		if len(values) != 1 || !printable(values[0]) {
			return nil, refuse("header value")
		}
	}
	return req, nil
}

// sign has r.Prepare sign req.
func sign(req *http.Request, r Request) error {
	// The signer gets a copy, so that what was checked and what is sent stay one thing.
	shown := req.Clone(req.Context())
	setBody(shown, r.Body)
	if err := r.Prepare(shown); err != nil {
		return err
	}
	if shown.Method != req.Method || shown.Host != req.Host || *shown.URL != *req.URL {
		return refuse("request changed by its signer")
	}
	for name, values := range shown.Header {
		switch {
		case slices.Contains(signed, name):
			req.Header[name] = values
		case name == "Host" && slices.Equal(values, []string{req.Host}):
			// Some signers keep it there; it is sent from req.Host.
		case !slices.Equal(values, req.Header[name]):
			return refuse("header added by the signer")
		}
	}
	return nil
}

// printable reports whether s can be a header's value: printable ASCII.
func printable(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c > '~' })
}

func setBody(req *http.Request, body []byte) {
	if req.Method != http.MethodPost {
		return
	}
	req.ContentLength = int64(len(body))
	req.Body = http.NoBody
	if len(body) > 0 {
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		req.Body, _ = req.GetBody()
	}
}
