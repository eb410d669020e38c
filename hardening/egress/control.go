package egress

import (
	"context"
	"net"
	"net/http"
)

// DialControl connects to the control socket of a node on this machine. It is here because this is where dialling is
// done; it reaches nothing but a unix socket in the file system.
func DialControl(ctx context.Context, path string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "unix", path)
}

// ControlTransport carries requests to the control socket of a node on this machine, whatever host they name.
func ControlTransport(path string) http.RoundTripper {
	return &http.Transport{
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return DialControl(ctx, path) },
		DisableKeepAlives: true,
	}
}
