package proxy

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/dunnock-server/dunnock/hardening/egress"
)

// Config describes a SOCKS5 or HTTP proxy.
type Config struct {
	// Name is the owner's name for it.
	Name string
	// Address is "host:port". An address as the host spares the home's resolver.
	Address string
	// User and Password sign in, at most 255 bytes each. Empty: no authentication is offered, and one that asks for it is
	// down. One without the other is an error.
	User, Password string
	// TLS speaks to an HTTP proxy over TLS, verified against Address's host. An error with Socks.
	TLS bool
	// Rules say which addresses the proxy may be asked for.
	Rules egress.Rules
	// Dial reaches the proxy: egress.Home(), or DialContext of the relay before it in a chain.
	Dial egress.Dial
	// Roots verify the proxy's certificate. Nil: the system's.
	Roots *x509.CertPool
}

func (c Config) validate() error {
	switch {
	case c.Name == "":
		return errors.New("no name")
	case c.Dial == nil:
		return errors.New("no way to reach it")
	case (c.User == "") != (c.Password == ""):
		return errors.New("user and password go together")
	case len(c.User) > 255 || len(c.Password) > 255:
		return errors.New("user or password is longer than 255 bytes")
	}
	return validAddress(c.Address)
}

func validAddress(address string) error {
	host, port, err := net.SplitHostPort(address)
	if n, e := strconv.ParseUint(port, 10, 16); err != nil || e != nil || n == 0 || host == "" {
		return errors.New("the address is not host:port")
	}
	return nil
}

// Socks is the relay of a SOCKS5 proxy (RFC 1928, RFC 1929): kind "socks5". An error names the fault in c.
func Socks(c Config) (egress.Linked, error) {
	err := c.validate()
	if err == nil && c.TLS {
		err = errors.New("SOCKS5 is not spoken over TLS")
	}
	if err != nil {
		return nil, fmt.Errorf("socks5 relay: %w", err)
	}
	return &relay{
		name: c.Name, kind: "socks5", address: c.Address, dial: c.Dial, patience: patience, targets: checked(c.Rules),
		speaks: socks{func(context.Context) (string, string) { return c.User, c.Password }},
	}, nil
}

// HTTP is the relay of an HTTP proxy by CONNECT (RFC 9110 section 9.3.6): kind "http". An error names the fault in c.
func HTTP(c Config) (egress.Linked, error) {
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("http relay: %w", err)
	}
	return &relay{
		name: c.Name, kind: "http", address: c.Address, dial: c.Dial, patience: patience, targets: checked(c.Rules),
		speaks: newConnect(c),
	}, nil
}

// checked gives what may be asked for in place of an address: literal addresses that pass the rules.
func checked(rules egress.Rules) func(context.Context, string) ([]string, error) {
	return func(ctx context.Context, address string) ([]string, error) {
		addrs, err := egress.Resolve(ctx, rules, address)
		targets := make([]string, len(addrs))
		for i, a := range addrs {
			targets[i] = netip.AddrPort.String(a)
		}
		return targets, err
	}
}

// patience is how long a proxy may take to be reached and to greet, and then to reach a target: as long as a direct dial may.
const patience = 10 * time.Second
