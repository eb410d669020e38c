package egress

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"
)

// NameLookup asks for the addresses of a canonical name on behalf of a circuit, by way of that circuit's own exit, and says how
// long they are good for.
type NameLookup func(ctx context.Context, c Circuit, name string) (addrs []netip.Addr, ttl time.Duration, err error)

// NameAsk is how a relay that knows a resolver of its own (in a tunnel) asks it for the addresses of a canonical name, and how
// long they are good for.
type NameAsk func(ctx context.Context, name string) (addrs []netip.Addr, ttl time.Duration, err error)

// LookUpWith sets how names are looked up for relays that need it. It must be called before the first Do; without it such
// relays reach literal addresses only. An error of l that is no fault of the name's wraps ErrNoRelay.
func (c *Client) LookUpWith(l NameLookup) { c.circuits.lookup = l }

// maxTries is how many addresses of one name a dial may try.
const maxTries = 3

const (
	minTTL   = 30 * time.Second
	maxTTL   = time.Hour
	maxNames = 16 // of one circuit
)

type lookupContext struct{}

type relayContext struct{}

// ToRelay marks a dial as one to what is the owner's, no rules are applied to it: the host of the next relay of a chain, which the
// owner has named by its address, or the node's own onion service.
func ToRelay(ctx context.Context) context.Context {
	return context.WithValue(ctx, relayContext{}, true)
}

// IsToRelay reports whether ctx is one that ToRelay gave.
func IsToRelay(ctx context.Context) bool { return ctx.Value(relayContext{}) != nil }

// Resolve gives the addresses that a relay may be asked for in place of address ("host:port"), for relays whose far end
// refuses nothing by itself: each has passed rules. A name is looked up by way of the circuit's own exit. At least one and at
// most three are given, else an error: one that wraps ErrRefused where the rules forbid them, and ErrNames where nothing can
// look names up.
func Resolve(ctx context.Context, rules Rules, address string) ([]netip.AddrPort, error) {
	return ResolveBy(ctx, rules, address, nil)
}

// ResolveBy is Resolve for a relay that asks a resolver of its own. What that answers is remembered for the circuit, and
// outside of one not at all. With a nil ask it is Resolve.
func ResolveBy(ctx context.Context, rules Rules, address string, ask NameAsk) ([]netip.AddrPort, error) {
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return nil, refuse("address form")
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return nil, refuse("port")
	}
	if IsToRelay(ctx) {
		target, err := netip.ParseAddrPort(address)
		if err != nil {
			return nil, refuse("a relay of a chain that is named by no address")
		}
		return []netip.AddrPort{target}, nil
	}
	addrs := []netip.Addr{}
	if addr, err := netip.ParseAddr(host); err == nil {
		addrs = append(addrs, addr)
	} else if isOnion(host) {
		return nil, refuse("onion name without tor")
	} else if host == "localhost" {
		addr, ok := rules.loopback(uint16(port))
		if !ok {
			return nil, refuse("special-use name")
		}
		addrs = append(addrs, addr)
	} else {
		c, _ := ctx.Value(lookupContext{}).(*circuit)
		switch {
		case c != nil:
			addrs, err = c.lookUp(ctx, host, ask)
		case ask != nil:
			addrs, _, err = ask(ctx, host)
		default:
			err = ErrNames
		}
		if err != nil {
			return nil, err
		}
	}
	var checked []netip.AddrPort
	err = refuse("name without an address")
	for _, addr := range addrs {
		target := netip.AddrPortFrom(addr.Unmap(), uint16(port))
		if e := rules.CheckAddr(target); e != nil {
			err = e
		} else if checked = append(checked, target); len(checked) == maxTries {
			break
		}
	}
	if len(checked) == 0 {
		return nil, err
	}
	return checked, nil
}

// names remembers what a circuit has looked up.
type names struct {
	mu    sync.Mutex
	known map[string]answer
}

type answer struct {
	addrs []netip.Addr
	until time.Time
}

func (n *names) get(name string) []netip.Addr {
	n.mu.Lock()
	defer n.mu.Unlock()
	a := n.known[name]
	if !time.Now().Before(a.until) {
		return nil
	}
	return a.addrs
}

func (n *names) put(name string, addrs []netip.Addr, ttl time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.known == nil || len(n.known) >= maxNames {
		n.known = make(map[string]answer)
	}
	n.known[name] = answer{addrs, time.Now().Add(min(max(ttl, minTTL), maxTTL))}
}

// lookUp answers Resolve within a dial of c. With a nil ask the client's look-up is used.
func (c *circuit) lookUp(ctx context.Context, name string, ask NameAsk) ([]netip.Addr, error) {
	if addrs := c.names.get(name); addrs != nil {
		return addrs, nil
	}
	if ask == nil {
		if c.Purpose == Names {
			return nil, refuse("a resolver without an address")
		}
		if c.lookup == nil {
			return nil, ErrNames
		}
		ask = func(ctx context.Context, name string) ([]netip.Addr, time.Duration, error) {
			return c.lookup(ctx, c.Circuit, name)
		}
	}
	addrs, ttl, err := ask(ctx, name)
	if err != nil {
		return nil, err
	}
	c.names.put(name, addrs, ttl)
	return addrs, nil
}
