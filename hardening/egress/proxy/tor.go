package proxy

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"strconv"

	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/egress/tor"
)

// TorConfig describes a tor daemon.
type TorConfig struct {
	// Name is the owner's name for it.
	Name string
	// Socks is the SOCKS port's "host:port". The port's IsolateSOCKSAuth, which is on by default, must not be turned off.
	Socks string
	// Control is asked whether the daemon is connected to its network. The zero Control asks nobody: a daemon that has no
	// network is then up, and targets fail one by one.
	Control tor.Control
	// Rules are applied to what it is asked for, names included; it resolves them at the far end.
	Rules egress.Rules
	// Dial reaches Socks: egress.Home(), or DialContext of the relay before it in a chain.
	Dial egress.Dial
}

// Tor is the relay of a tor daemon: kind "tor". Each circuit of the client's has SOCKS credentials of its own, and so
// circuits of its own in the tor network: an exit sees one domain and one purpose. They are a keyed hash with a key of this
// process, so that the daemon is not told what they stand for. An error names the fault in c.
func Tor(c TorConfig) (egress.Linked, error) {
	err := Config{Name: c.Name, Address: c.Socks, Dial: c.Dial}.validate()
	if err == nil && c.Control.Address != "" {
		err = c.Control.Validate()
	}
	if err != nil {
		return nil, fmt.Errorf("tor relay: %w", err)
	}
	key := make([]byte, 32)
	rand.Read(key)
	r := &relay{
		name: c.Name, kind: "tor", address: c.Socks, dial: c.Dial,
		targets: func(ctx context.Context, address string) ([]string, error) {
			if egress.IsToRelay(ctx) {
				return []string{address}, nil
			}
			return named(c.Rules, address)
		},
		speaks: socks{func(ctx context.Context) (string, string) { return credentials(ctx, key) }},
	}
	if c.Control.Address != "" {
		r.health = func(ctx context.Context) error { return healthy(ctx, c.Control) }
	}
	return r, nil
}

// named checks an address whose name the far end will look up.
func named(rules egress.Rules, address string) ([]string, error) {
	host, service, err := net.SplitHostPort(address)
	port, e := strconv.ParseUint(service, 10, 16)
	if err != nil || e != nil {
		return nil, fmt.Errorf("%w: address form", egress.ErrRefused)
	}
	return []string{address}, rules.CheckTarget(host, uint16(port))
}

// credentials are those of the circuit that ctx is of. A dial outside any shares with no other.
func credentials(ctx context.Context, key []byte) (user, password string) {
	mac := hmac.New(sha256.New, key)
	if c, ok := egress.CircuitOf(ctx); ok {
		fmt.Fprintf(mac, "%s\x00%d\x00%d", c.Domain, c.Purpose, c.For)
	} else {
		mac.Write([]byte(rand.Text()))
	}
	sum := hex.EncodeToString(mac.Sum(nil))
	return sum[:32], sum[32:]
}

func healthy(ctx context.Context, control tor.Control) error {
	s, err := control.Status(ctx)
	switch {
	case errors.Is(err, tor.ErrSignIn):
		return fault("its control port refuses to sign in")
	case err != nil:
		return fmt.Errorf("control port: %w", err)
	case s.Bootstrapped < 100:
		return fault("is not yet connected to its network: " + strconv.Itoa(s.Bootstrapped) + " %")
	case !s.Live:
		return fault("has no network")
	}
	return nil
}
