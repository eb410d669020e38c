package egress

import (
	"context"
	"errors"
	"net"
	"net/http"
)

// do makes the exchange on a connection of the circuit.
func (c *circuit) do(ctx context.Context, req *http.Request, limit int64) (*Response, error) {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return nil, &Error{Stage: StageDial, Exit: c.Exit, cause: context.Cause(ctx)}
	}
	scheme, address := req.URL.Scheme, dialAddress(req)

	k, fresh := c.take(scheme+"://"+address), false
	for {
		if k == nil {
			fresh = true
			var w *wire
			var stage Stage
			var err error
			if k, w, stage, err = c.dial(ctx, scheme, address); err != nil {
				return nil, c.failed(ctx, stage, w, 0, 0, err)
			}
		}
		var sent, received int64
		if !fresh {
			sent, received = k.wire.sent.Load(), k.wire.received.Load()
		}
		res, stage, err := k.exchange(req, limit)
		if err != nil {
			k.close() // first: from here on nothing can be sent, so what is counted is all there was
			// A kept connection that turned out to be closed before a byte of the request left is no exchange.
			if !fresh && k.wire.sent.Load() == sent && ctx.Err() == nil {
				if req.GetBody != nil {
					req.Body, _ = req.GetBody() // never fails
				}
				k = nil
				continue
			}
			return nil, c.failed(ctx, stage, k.wire, sent, received, err)
		}
		res.Exit = c.Exit
		res.SentBytes = k.wire.sent.Load() - sent
		res.ReceivedBytes = k.wire.received.Load() - received
		c.keep(k)
		return res, nil
	}
}

// failed makes the error of an exchange, and sees to it that nothing of it goes on.
func (c *circuit) failed(ctx context.Context, stage Stage, w *wire, sent, received int64, err error) *Error {
	e := &Error{Stage: stage, Exit: c.Exit, cause: err}
	if w != nil {
		w.Close()
		e.SentBytes, e.ReceivedBytes = w.sent.Load()-sent, w.received.Load()-received
	}
	switch {
	case ctx.Err() != nil:
		e.cause = context.Cause(ctx) // rather than whatever broke when it ended
	case stage == StageResponse && e.ReceivedBytes >= maxHead:
		e.cause = errors.Join(ErrTooLarge, err) // net/http has no name for it
	}
	return e
}

// exchange sends req and reads the whole response.
func (k *conn) exchange(req *http.Request, limit int64) (*Response, Stage, error) {
	res, err := k.http.RoundTrip(req)
	if err != nil {
		return nil, StageResponse, err
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusSwitchingProtocols {
		return nil, StageResponse, errors.New("protocol switched unasked")
	}
	body, err := readBody(res, limit)
	if err != nil {
		return nil, StageBody, err
	}
	return &Response{Status: res.StatusCode, Header: res.Header, Body: body}, "", nil
}

func dialAddress(req *http.Request) string {
	port := req.URL.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[req.URL.Scheme]
	}
	return net.JoinHostPort(req.URL.Hostname(), port)
}
