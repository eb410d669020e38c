package hardening

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/exposure"
	"github.com/dunnock-server/dunnock/hardening/hostname"
)

// Transport carries what libraries of others send: certificates, look-ups of names. Like every way through the gate it
// makes one hop at a time, each with a row. purpose must not be [egress.Federation], which is signed.
func (g *Gate) Transport(purpose egress.Purpose) http.RoundTripper { return transport{g, purpose} }

type transport struct {
	gate    *Gate
	purpose egress.Purpose
}

// RoundTrip implements [http.RoundTripper]. Of the headers only Accept and Content-Type are sent.
func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		var err error
		body, err = io.ReadAll(req.Body)
		if err := req.Body.Close(); err != nil {
			return nil, err
		}
		if err != nil {
			return nil, err
		}
	}
	if t.purpose == egress.Federation {
		return nil, fmt.Errorf("%w: federation is signed and has ways of its own", egress.ErrRefused)
	}
	domain, err := hostname.HostOf(req.URL.String())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", egress.ErrRefused, err)
	}
	if !slices.Contains(t.gate.Policy().For(domain).Asks, t.purpose) {
		return nil, ErrWithheld
	}
	header := http.Header{}
	for _, name := range []string{"Accept", "Content-Type"} {
		if v := req.Header.Get(name); v != "" {
			header.Set(name, v)
		}
	}
	res, err := t.gate.exchange(req.Context(),
		egress.Request{Method: req.Method, URL: req.URL, Header: header, Body: body, Purpose: t.purpose},
		exposure.Row{Domain: domain, Direction: exposure.Fetched, Object: req.URL.Scheme + "://" + req.URL.Host + req.URL.Path}, nil)
	if err != nil {
		return nil, err
	}
	return &http.Response{Status: fmt.Sprintf("%d %s", res.Status, http.StatusText(res.Status)), StatusCode: res.Status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: res.Header, Request: req,
		Body: io.NopCloser(bytes.NewReader(res.Body)), ContentLength: int64(len(res.Body))}, nil
}
