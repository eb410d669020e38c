package relay

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/time/rate"

	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/ingress"
)

// Version is how the server calls itself: clients leave names to those that begin like this.
const Version = "SSH-2.0-dunnock"

// MaxQuantise bounds Config.Quantise.
const MaxQuantise = time.Second

// Config describes a relay.
type Config struct {
	// HostKey is what the server proves itself with.
	HostKey ssh.Signer
	// Keys are who may use it, at least one.
	Keys []Key
	// Bind is the address that visitors come to. The zero address is all of this machine.
	Bind netip.Addr
	// Quantise is the time between two ticks, up to MaxQuantise; at 50 ms a connection carries 5 MB a second at most. Zero: what
	// is passed on does not wait.
	Quantise time.Duration
	// Rules say what may be reached. The zero value is public addresses on port 443.
	Rules egress.Rules
	// Dial reaches a "host:port" that Rules have passed, and checks the address. Nil: egress.Direct with Rules.
	Dial egress.Dial
	// Listen opens a port for visitors. Nil: ingress.Listen at Bind.
	Listen func(port uint16) (net.Listener, error)
	// Log is told of sessions, by the names of their keys. Nil: nobody is.
	Log *slog.Logger
}

// Key is one client.
type Key struct {
	// Name is what the log calls it.
	Name string
	// Public is its key.
	Public ssh.PublicKey
	// Ports are where it may take visitors, each of one key only. Empty: nowhere.
	Ports []uint16
}

// Server is a relay. All its methods may be called at once.
type Server struct {
	c       Config
	ssh     *ssh.ServerConfig
	clients []*client
	tick    ticks
	waiting waiting
	ports   ports
}

// Limits of a key, over all its sessions.
const (
	maxSessions = 4    // the oldest ends for a fifth
	maxOut      = 1024 // connections to targets, those that are being made included
	maxIn       = 1024 // visitors
	perSecond   = 200  // targets
	burst       = 1000
)

// client is a key at work.
type client struct {
	Key
	out, in chan struct{} // slots
	pace    *rate.Limiter

	sessions sessions
}

// New makes a relay. An error names the fault in c.
func New(c Config) (*Server, error) {
	switch {
	case c.HostKey == nil:
		return nil, errors.New("relay: no host key")
	case len(c.Keys) == 0:
		return nil, errors.New("relay: no key may use it")
	case c.Quantise < 0 || c.Quantise > MaxQuantise:
		return nil, fmt.Errorf("relay: ticks are up to %s apart", MaxQuantise)
	}
	if c.Dial == nil {
		c.Dial = egress.Direct("relay", c.Rules).DialContext
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if !c.Bind.IsValid() {
		c.Bind = netip.IPv6Unspecified()
	}
	if c.Listen == nil {
		c.Listen = func(port uint16) (net.Listener, error) {
			return ingress.Listen(ingress.Config{Address: netip.AddrPortFrom(c.Bind, port).String()})
		}
	}
	s := &Server{c: c, tick: ticks(c.Quantise)}
	s.ports.listen = c.Listen
	taken := make(map[uint16]bool)
	for _, k := range c.Keys {
		if k.Public == nil || s.client(k.Public) != nil {
			return nil, fmt.Errorf("relay: key %q is missing, or there twice", k.Name)
		}
		for _, port := range k.Ports {
			if port == 0 || taken[port] {
				return nil, fmt.Errorf("relay: key %q: port %d is none, or listed twice", k.Name, port)
			}
			taken[port] = true
		}
		s.clients = append(s.clients, &client{Key: k, out: make(chan struct{}, maxOut), in: make(chan struct{}, maxIn), pace: rate.NewLimiter(perSecond, burst)})
	}
	s.ssh = &ssh.ServerConfig{ServerVersion: Version, PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		who := s.client(key)
		if who == nil {
			return nil, errStranger
		}
		return &ssh.Permissions{ExtraData: map[any]any{whose{}: who}}, nil
	}}
	s.ssh.AddHostKey(c.HostKey)
	return s, nil
}

// whose is where the library keeps the client of a connection.
type whose struct{}

var errStranger = errors.New("relay: unknown key")

// client is who has a key, nil for nobody.
func (s *Server) client(key ssh.PublicKey) *client {
	for _, c := range s.clients {
		if bytes.Equal(c.Public.Marshal(), key.Marshal()) {
			return c
		}
	}
	return nil
}
