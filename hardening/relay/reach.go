package relay

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// EchoName is a host that the relay answers for itself, on port 80: an HTTP/1.0 response whose body is the address that the
// client comes from. No resolver knows it.
const EchoName = "echo.relay.invalid"

// patience is how long a target may take to be reached.
const patience = 10 * time.Second

// reach connects to a target that the rules permit.
func (n *session) reach(ctx context.Context, host string, port uint16) (net.Conn, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		host = addr.Unmap().String()
	} else {
		host = strings.ToLower(strings.TrimSuffix(host, "."))
	}
	if err := n.s.c.Rules.CheckTarget(host, port); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return n.s.c.Dial(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(int(port))))
}

// echo tells the client its address.
func (n *session) echo(wanted ssh.NewChannel) {
	n.s.tick.wait()
	ch, requests, err := wanted.Accept()
	if err != nil {
		return
	}
	defer ssh.DiscardRequests(requests)
	defer ch.Close()
	from, err := netip.ParseAddrPort(n.wire.RemoteAddr().String())
	if err != nil {
		return
	}
	if _, err := ch.Read(make([]byte, 1<<10)); err != nil {
		return
	}
	_, _ = io.WriteString(ch, fmt.Sprintf("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n%s\n", from.Addr().Unmap()))
	_ = ch.CloseWrite()
}
