package proxy

import (
	"io"
	"strings"
	"testing"
)

// Whatever a proxy says, at most its bound is read for a head, and what follows the head is kept whole.
func FuzzHead(f *testing.F) {
	f.Add("HTTP/1.1 200 OK\r\n\r\nrest")
	f.Add("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200 OK\r\nA: b\r\n\r\n")
	f.Add("HTTP/1.1 407 Who\r\nContent-Length: 3\r\n\r\nabc")
	f.Add("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n")
	f.Fuzz(func(t *testing.T, said string) {
		source := strings.NewReader(said)
		status, r, err := readHead(source)
		if err != nil {
			if read := len(said) - source.Len(); read > maxHead {
				t.Errorf("%d bytes were read", read)
			}
			return
		}
		rest, err := io.ReadAll(r)
		if err != nil || !strings.HasSuffix(said, string(rest)) || len(rest)+len("HTTP/1.1 200\n\n") > len(said) || source.Len() != 0 {
			t.Errorf("%d %q %v", status, rest, err)
		}
	})
}
