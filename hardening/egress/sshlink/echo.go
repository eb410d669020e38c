package sshlink

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
)

// echoName is a name that only `dunnock relay serve` knows, and answers itself.
const echoName = "echo.relay.invalid"

// Echo asks `dunnock relay serve` for the address that it sees us at: home's, or that of the relay before it. No other machine
// is asked. Other relays have no echo.
func (r *Relay) Echo(ctx context.Context) (netip.Addr, error) {
	if !r.c.FarNames {
		return netip.Addr{}, errors.New("ssh relay: only `dunnock relay serve` has an echo")
	}
	s, err := r.ready(ctx)
	if err != nil {
		return netip.Addr{}, err
	}
	c, err := s.dial(ctx, target{echoName, 80})
	if err != nil {
		return netip.Addr{}, err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	if _, err := fmt.Fprintf(c, "GET / HTTP/1.0\r\n\r\n"); err != nil {
		return netip.Addr{}, err
	}
	res, err := http.ReadResponse(bufio.NewReader(io.LimitReader(c, 4<<10)), nil)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("ssh relay: echo: %w", err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("ssh relay: echo: %w", err)
	}
	return netip.ParseAddr(strings.TrimSpace(string(body)))
}
