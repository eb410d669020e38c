// Package relay is the far end of the owner's own relay: a small SSH server for a rented machine, `dunnock relay serve`.
//
// A client with one of the keys may ask it to reach public addresses on the ports of the rules ("direct-tcpip", RFC 4254
// section 7.2) and to take visitors on the ports listed for that key ("tcpip-forward", section 7.1). It offers nothing else: no
// shell, command, agent, X11 or subsystem, no password, and no file that a client could name.
//
// It promises:
//
//   - Names are resolved here, and each address is checked at the connect itself, so that a name cannot lead to this machine's
//     loopback or private network, whatever its resolver says, first or later.
//   - Nothing is logged about where connections go or come from. The log has the names of keys, and when they came and left.
//   - An attacker without a key can occupy 64 connections for 15 seconds each, 8 of them from one network, and keeps nobody out
//     with them who is quicker. A key that has leaked can be used for 1,024 connections each way.
//   - With Config.Quantise everything that is passed on, each connection and each end of one, waits for the next tick of a
//     clock that all share, both ways. Whoever visits the node, or is visited by it, and measures how long it takes to answer
//     learns the time from here to home, and what home took to answer, rounded up to whole ticks. Rounding one way only, or the
//     first bytes only, would give it away to somebody who chooses when to speak.
//
// Half-open sessions are common where homes change their address: a new session of a key takes a port over from an old one,
// which is ended.
//
// What it does not hide: that it is a relay and whose (the version in the clear says dunnock), when the node is at work, and the
// home's address from whoever runs this machine. It opens no sockets: hardening/egress dials and hardening/ingress listens.
package relay
