package ingress

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
)

// peer stands for the network a connection comes from, without saying which.
type peer struct {
	id     string // empty: not an IP network
	exempt bool   // from the limits of one network
	crowd  bool   // of those whose network is not known: they are limited together
}

// counted says whether a network's share of connections applies.
func (p peer) counted() bool { return !p.exempt && !p.crowd }

var crowd = peer{id: "crowd", crowd: true}

// peers makes them, under a key of this process.
type peers [sha256.Size]byte

func newPeers() *peers {
	var k peers
	rand.Read(k[:]) // never fails
	return &k
}

// of takes a connection's remote address. One IPv4 address is a network of its own: neighbours are strangers. IPv6 counts
// by /56, what a household gets (RFC 6177); whoever has a /48 has 256 of them, which the bounds on connections outweigh.
func (k *peers) of(address string) peer {
	if address == hiddenAddress {
		return crowd
	}
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return peer{exempt: true} // unix, or in memory
	}
	return k.network(ap.Addr())
}

// network is the one that an address is counted in.
func (k *peers) network(addr netip.Addr) peer {
	addr = addr.Unmap().WithZone("")
	bits := 56
	if addr.Is4() {
		bits = 32
	}
	prefix, err := addr.Prefix(bits)
	if err != nil {
		return peer{}
	}
	b, _ := prefix.MarshalBinary() // never fails
	mac := hmac.New(sha256.New, k[:])
	mac.Write(b)
	return peer{id: hex.EncodeToString(mac.Sum(nil)[:16]), exempt: addr.IsLoopback()}
}

type peerContext struct{}

// Peer gives an opaque name of the network that a request came from, the same for all requests of a network while the
// process lives, for limits that are kept in memory (sign-in attempts). Strangers have one for all of them. Empty on unix
// sockets. It must not be stored: it is of no use after a restart.
func Peer(ctx context.Context) string {
	p, _ := ctx.Value(peerContext{}).(peer)
	return p.id
}
