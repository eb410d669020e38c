package wireguard

import "net/netip"

// endPeer checks the peer that the lines before were about.
func (p *parser) endPeer() {
	if len(p.conf.Peers) == 0 {
		return
	}
	peer, at := p.peer(), p.number
	p.number = p.begun
	defer func() { p.number = at }()
	for _, need := range []struct{ key, remedy string }{
		{"PublicKey", "write PublicKey = KEY, the far end's"},
		{"Endpoint", "write Endpoint = HOST:PORT: a peer without one cannot be reached from here"},
		{"AllowedIPs", "write AllowedIPs = 0.0.0.0/0, ::/0, or what may be reached through it"},
	} {
		if !p.seen["peer "+need.key] {
			p.fault(need.key, "missing from the [Peer]", need.remedy)
		}
	}
	for _, other := range p.conf.Peers[:len(p.conf.Peers)-1] {
		if other.PublicKey == peer.PublicKey && peer.PublicKey != (Key{}) {
			p.fault("PublicKey", "two peers have the same", "make one [Peer] of them")
		}
	}
	for _, k := range []string{"PublicKey", "PresharedKey", "Endpoint", "AllowedIPs", "PersistentKeepalive"} {
		delete(p.seen, "peer "+k)
	}
}

// whole checks what no line shows by itself.
func (p *parser) whole() {
	p.endPeer()
	if !p.seen["interface PrivateKey"] {
		p.fault("PrivateKey", "missing", "write PrivateKey = KEY below [Interface]")
	}
	if !p.seen["interface Address"] {
		p.fault("Address", "missing", "write Address = 10.0.0.2/32 below [Interface], as the provider gives it")
	}
	if len(p.conf.Peers) == 0 && !p.seen["peer PublicKey"] {
		p.fault("[Peer]", "missing", "write a [Peer] with PublicKey, Endpoint and AllowedIPs")
	}
	if len(p.faults) > 0 {
		return
	}
	for _, a := range p.conf.Addresses {
		if a.Is6() && p.conf.MTU < 1280 {
			p.fault("MTU", "less than IPv6 needs", "write MTU = 1280 or more, or remove the addresses of IPv6")
			return
		}
	}
	var reached []netip.Addr
	for _, a := range p.conf.DNS {
		if p.conf.covers(a) {
			reached = append(reached, a)
		} else {
			p.conf.Notes = append(p.conf.Notes, p.file+": DNS: a server that cannot be reached through the tunnel is not used")
		}
	}
	if len(reached) == 0 && len(p.conf.DNS) > 0 {
		p.fault("DNS", "no server can be reached through the tunnel", "add its address to AllowedIPs, or remove the line")
	}
	p.conf.DNS = reached
}

// covers reports whether an address can be reached through the tunnel: a peer has it, and we have one of its family.
func (c *Conf) covers(a netip.Addr) bool {
	if !c.has(a.Is4()) {
		return false
	}
	for _, peer := range c.Peers {
		for _, prefix := range peer.AllowedIPs {
			if prefix.Contains(a) {
				return true
			}
		}
	}
	return false
}

// has reports whether we have an address of IPv4, or else of IPv6.
func (c *Conf) has(four bool) bool {
	for _, a := range c.Addresses {
		if a.Is4() == four {
			return true
		}
	}
	return false
}
