package ingress

import (
	"crypto/tls"
	"io/fs"
	"net/http"
	"net/netip"
	"time"
)

// Config is where to listen and within which limits. The zero value of each limit is the default; none can be turned off.
type Config struct {
	// Address is "host:port" with a literal address or "localhost", or "unix:/path".
	Address string
	// SocketMode is the mode of a unix socket. 0: 0600. A reverse proxy that runs as another user needs 0660 and a
	// common group; the bits for others are refused.
	SocketMode fs.FileMode

	// TrustedProxies are the networks of reverse proxies that are believed when they say in X-Forwarded-For or Forwarded for whom
	// a request is: one or the other, and the proxy has to write it itself. It serves for limits in memory, and for nothing else.
	// From anybody else these headers say nothing.
	TrustedProxies []netip.Prefix
	// TrustSocket believes whoever connects to the unix socket, too.
	TrustSocket bool

	// TLS has it end here. Its handshake is bounded by HeaderTimeout. Nil: it ends in front of the node, if there is any.
	TLS *tls.Config

	HeaderTimeout  time.Duration // for a request's head. 0: 5 s
	ReadTimeout    time.Duration // for a whole request. 0: 30 s
	WriteTimeout   time.Duration // from the end of the head to the end of the response. 0: 60 s
	IdleTimeout    time.Duration // between two requests of a connection. 0: 60 s
	DrainTimeout   time.Duration // for requests under way when Serve's context ends. 0: 10 s
	MaxHeaderBytes int           // 0: 16 KiB
	MaxBody        int64         // bytes of a request's body. 0: 1 MiB

	// BodyLimit gives another cap for some requests (uploads). Nil, and for a request where it gives 0: MaxBody.
	BodyLimit func(*http.Request) int64

	// Probe is told what comes in, so that it knows whether it was there itself. Nil: nobody looks from outside.
	Probe *Probe

	MaxConns     int // at a time, of one Server; for one more, the slowest is closed. 0: 512
	MaxPeerConns int // of one network (see Peer). 0: 64

	Rate  float64 // requests a second of one network. 0: 20
	Burst int     // requests at once of one network. 0: 200

	CrowdRate  float64 // requests a second of all strangers together (see Strangers). 0: 10 × Rate
	CrowdBurst int     // requests at once of all strangers together. 0: 10 × Burst
}

// withDefaults fills in what is zero, or nonsense.
func (c Config) withDefaults() Config {
	if c.SocketMode == 0 {
		c.SocketMode = 0o600
	}
	positive(&c.HeaderTimeout, 5*time.Second)
	positive(&c.ReadTimeout, 30*time.Second)
	positive(&c.WriteTimeout, 60*time.Second)
	positive(&c.IdleTimeout, 60*time.Second)
	positive(&c.DrainTimeout, 10*time.Second)
	positive(&c.MaxHeaderBytes, 16<<10)
	positive(&c.MaxBody, 1<<20)
	positive(&c.MaxConns, 512)
	positive(&c.MaxPeerConns, 64)
	positive(&c.Rate, 20)
	positive(&c.Burst, 200)
	positive(&c.CrowdRate, 10*c.Rate)
	positive(&c.CrowdBurst, 10*c.Burst)
	return c
}

func positive[T int | int64 | float64 | time.Duration](v *T, otherwise T) {
	if *v <= 0 {
		*v = otherwise
	}
}
