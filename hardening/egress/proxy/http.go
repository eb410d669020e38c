package proxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"sync"
	"time"
)

// connect speaks HTTP/1.1 to a proxy. What it sends is the request line, Host and Proxy-Authorization: no User-Agent.
type connect struct {
	address string
	tls     *tls.Config // nil: in the clear
	signIn  string      // a header line, or nothing

	mu      sync.Mutex
	refused time.Time // when the password last was
}

func newConnect(c Config) *connect {
	p := &connect{address: c.Address}
	if c.User != "" {
		secret := base64.StdEncoding.EncodeToString([]byte(c.User + ":" + c.Password))
		p.signIn = "Proxy-Authorization: Basic " + secret + "\r\n"
	}
	if c.TLS {
		host, _, _ := net.SplitHostPort(c.Address) // validated
		p.tls = &tls.Config{
			ServerName: host, RootCAs: c.Roots, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
			SessionTicketsDisabled: true, // it would join our connections for the path
		}
	}
	return p
}

func (p *connect) greet(ctx context.Context, conn net.Conn) (net.Conn, error) {
	if p.tls == nil {
		return conn, nil
	}
	secure := tls.Client(conn, p.tls)
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	return secure, nil
}

// patienceRefused is how long a refused password is believed to be wrong: as long as the longest pause of a link.
const patienceRefused = 5 * time.Minute

// probe asks about the proxy itself (RFC 9110 section 9.3.7): what it says does not matter, but that it speaks HTTP and does
// not ask who we are. Some ask only when there is a target: one that has refused us is not asked again for a while, or every
// look would bring it up, and every dial down.
func (p *connect) probe(conn net.Conn) error {
	p.mu.Lock()
	refused := !p.refused.IsZero() && time.Since(p.refused) < patienceRefused
	p.mu.Unlock()
	if refused {
		return errRefused
	}
	_, _, err := p.ask(conn, "OPTIONS * HTTP/1.1\r\nHost: "+p.address+"\r\n")
	return err
}

func (p *connect) connect(conn net.Conn, target string) (net.Conn, error) {
	status, r, err := p.ask(conn, "CONNECT "+target+" HTTP/1.1\r\nHost: "+target+"\r\n")
	switch {
	case err == errRefused:
		p.mu.Lock()
		p.refused = time.Now()
		p.mu.Unlock()
		return nil, err
	case err != nil:
		return nil, err
	case status < 200 || status > 299:
		return nil, fmt.Errorf("proxy could not reach the target: status %d", status)
	}
	return &tunnel{Conn: conn, early: r}, nil
}

func (p *connect) ask(conn net.Conn, head string) (int, *bufio.Reader, error) {
	if _, err := io.WriteString(conn, head+p.signIn+"\r\n"); err != nil {
		return 0, nil, err
	}
	return readHead(conn)
}

const errRefused = fault("refuses user and password, or asks for them")

// maxHead bounds the heads of a proxy's answer, interim ones included, in bytes.
const maxHead = 8 << 10

// readHead reads the head of an answer to CONNECT, and no body. The reader holds what has come after it.
func readHead(conn io.Reader) (int, *bufio.Reader, error) {
	limited := &io.LimitedReader{R: conn, N: maxHead}
	r := bufio.NewReaderSize(limited, 4<<10)
	for {
		res, err := http.ReadResponse(r, &http.Request{Method: http.MethodConnect})
		switch {
		case err != nil && limited.N <= 0:
			return 0, nil, fault("answers at too great a length")
		case err == io.ErrUnexpectedEOF || err == io.EOF || isNetwork(err):
			return 0, nil, err
		case err != nil || res.ProtoMajor != 1 || res.StatusCode == http.StatusSwitchingProtocols:
			return 0, nil, fault("does not speak HTTP/1")
		case res.StatusCode < 200:
			continue
		case res.StatusCode == http.StatusProxyAuthRequired || res.StatusCode == http.StatusUnauthorized: // tinyproxy says the latter
			return 0, nil, errRefused
		}
		limited.N = math.MaxInt64
		return res.StatusCode, r, nil
	}
}

func isNetwork(err error) bool {
	_, ok := err.(net.Error)
	return ok
}

// tunnel is a connection whose first bytes came with the proxy's answer. Its Close is that of the connection below TLS, so
// that no farewell can hold it.
type tunnel struct {
	net.Conn
	early *bufio.Reader // nil once it is empty
}

func (t *tunnel) Read(p []byte) (int, error) {
	if t.early != nil {
		if t.early.Buffered() > 0 {
			return t.early.Read(p[:min(len(p), t.early.Buffered())])
		}
		t.early = nil
	}
	return t.Conn.Read(p)
}

func (t *tunnel) Close() error {
	if secure, ok := t.Conn.(*tls.Conn); ok {
		return secure.NetConn().Close()
	}
	return t.Conn.Close()
}
