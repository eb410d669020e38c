package control

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/dunnock-server/dunnock/federation"
	"github.com/dunnock-server/dunnock/hardening/egress"
)

// Client makes calls.
type Client struct{ transport http.RoundTripper }

// Dial returns a client of the node that listens on a control socket. It connects with the first call.
func Dial(socket string) *Client {
	return &Client{egress.ControlTransport(socket)}
}

// InProcess returns a client of a handler in this process.
func InProcess(h http.Handler) *Client { return &Client{direct{h}} }

// Call makes a call and decodes its result, unless result is nil. A failure that the node explains is a
// [*federation.Error]. A call that was kept for later succeeds with a [Kept].
func (c *Client) Call(ctx context.Context, name string, args, result any) error {
	body, err := json.Marshal(args)
	if err != nil {
		return fmt.Errorf("encode a call: %w", err)
	}
	if args == nil {
		body = []byte("{}")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://node/call/"+name, bytes.NewReader(body))
	if err != nil {
		return err
	}
	res, err := c.transport.RoundTrip(req)
	if err != nil {
		return fmt.Errorf("call the node: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		var f Failure
		if err := json.NewDecoder(res.Body).Decode(&f); err != nil {
			return fmt.Errorf("the node answered with status %d", res.StatusCode)
		}
		return &federation.Error{Kind: f.Kind, Message: f.Message}
	}
	if result == nil {
		return nil
	}
	if err := json.NewDecoder(res.Body).Decode(result); err != nil {
		return fmt.Errorf("read the node's answer: %w", err)
	}
	return nil
}

// direct answers requests in this process.
type direct struct{ handler http.Handler }

func (d direct) RoundTrip(req *http.Request) (*http.Response, error) {
	w := &response{header: http.Header{}, status: http.StatusOK}
	d.handler.ServeHTTP(w, req)
	return &http.Response{StatusCode: w.status, Header: w.header, Body: io.NopCloser(&w.body), Request: req}, nil
}

type response struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *response) Header() http.Header         { return w.header }
func (w *response) WriteHeader(status int)      { w.status = status }
func (w *response) Write(p []byte) (int, error) { return w.body.Write(p) }
