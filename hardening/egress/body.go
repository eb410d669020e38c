package egress

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strings"
)

var errEncoding = errors.New("egress: content encoding not asked for")

// readBody gives the decoded body. Both it and what comes over the wire are capped: gzip allows members that hold nothing,
// without end.
func readBody(res *http.Response, limit int64) ([]byte, error) {
	if res.Request.Method == http.MethodHead || res.ContentLength == 0 {
		return nil, nil
	}
	var body io.Reader
	switch strings.ToLower(strings.Join(res.Header.Values("Content-Encoding"), ",")) {
	case "", "identity":
		if res.ContentLength > limit {
			return nil, ErrTooLarge
		}
		body = res.Body
	case "gzip", "x-gzip": // the second by RFC 9110 section 8.4.1.3
		encoded := &capped{r: res.Body, left: limit + limit/8 + bufferedBytes}
		z, err := gzip.NewReader(encoded)
		if err != nil {
			return nil, err
		}
		res.Header.Del("Content-Encoding")
		res.Header.Del("Content-Length")
		body = z
	default:
		return nil, errEncoding
	}
	return io.ReadAll(&capped{r: body, left: limit})
}

// capped fails with ErrTooLarge instead of ending early, so that a cut body cannot pass for a whole one.
type capped struct {
	r    io.Reader
	left int64
}

func (c *capped) Read(p []byte) (int, error) {
	if int64(len(p)) > c.left+1 {
		p = p[:c.left+1]
	}
	n, err := c.r.Read(p)
	if c.left -= int64(n); c.left < 0 {
		return 0, ErrTooLarge
	}
	return n, err
}
