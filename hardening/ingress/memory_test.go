package ingress

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dunnock-server/dunnock/hardening/pipenet"
)

// canary stands for everything a log must not hold. It is an address of the benchmarking range.
const canary = "198.18.77.66"

// pipes is a listener in memory, whose clients have the addresses they say.
type pipes struct {
	*pipenet.Listener
	open atomic.Int64 // connections that were made and that the server has not closed
}

func newPipes() *pipes { return &pipes{Listener: pipenet.Listen("pipe")} }

// dial connects as from. It blocks until the server accepts.
func (l *pipes) dial(from string) *peerConn {
	near, far := net.Pipe()
	server := &peerConn{Conn: far, from: from, open: &l.open}
	l.open.Add(1)
	if l.Hand(context.Background(), server) != nil {
		server.Close()
	}
	return &peerConn{Conn: near, r: bufio.NewReader(near), far: server}
}

type address string

func (a address) Network() string { return "tcp" }
func (a address) String() string  { return string(a) }

// peerConn is an end of a connection.
type peerConn struct {
	net.Conn
	// The server's:
	from   string
	closed atomic.Bool
	open   *atomic.Int64
	// The client's:
	r   *bufio.Reader
	far *peerConn
}

func (c *peerConn) Close() error {
	if c.open != nil && !c.closed.Swap(true) {
		c.open.Add(-1)
	}
	return c.Conn.Close()
}

func (c *peerConn) RemoteAddr() net.Addr { return address(c.from) }

// ask writes a request, as far as the server reads it, and gives the answer.
func (c *peerConn) ask(t *testing.T, request string) *http.Response {
	t.Helper()
	go io.WriteString(c.Conn, request)
	res, err := http.ReadResponse(c.r, nil)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("cut answer: %v", err)
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res
}

// drip writes b at the given pace until it is cut off. wait is for the end of that.
func (c *peerConn) drip(b string, pace time.Duration) (wait func()) {
	var done sync.WaitGroup
	done.Go(func() {
		for i := range b {
			if _, err := io.WriteString(c.Conn, b[i:i+1]); err != nil {
				return
			}
			time.Sleep(pace)
		}
	})
	return done.Wait
}

// start serves h in memory. stop ends it, waits, and gives the log.
func start(t *testing.T, c Config, h http.HandlerFunc) (l *pipes, stop func() string) {
	t.Helper()
	var buf bytes.Buffer // slog's handler locks it
	s := NewServer(h, c, slog.New(slog.NewTextHandler(&buf, &slog.HandlerOptions{Level: slog.LevelDebug})))
	l = newPipes()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()
	return l, sync.OnceValue(func() string {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
		return buf.String()
	})
}
