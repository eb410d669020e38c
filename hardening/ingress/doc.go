// Package ingress is the only place where dunnock listens. It opens the listeners (Listen, ListenControl), keeps those that
// are at a relay's far end (Forward), holds what is served on them to limits (Server), and looks at them from outside (Probe).
//
// What it promises:
//
//   - An attacker who can connect can at most occupy MaxConns connections, a share of them from one network, each for the
//     time limits of Config, and keeps nobody out with them: for a newcomer, the one that has kept the node waiting longest
//     is closed. Header, body and rate are bounded before a handler sees the request.
//   - No client address is stored or logged. A handler does not see one: Request.RemoteAddr is empty, headers in which
//     proxies pass addresses on are removed, and Peer is a hash under a key that dies with the process. The limits keep
//     such hashes only, in a bounded table, and forget each when it has nothing left to say.
//   - What net/http would log (addresses, and remote text within its messages) reaches the log as fixed words.
//   - A panic in a handler costs its request, not the node.
//   - Nothing is looked up in order to listen: an address is literal.
//
// X-Forwarded-For and its kin are trusted from Config.TrustedProxies alone. Behind any other reverse proxy all clients are one
// to the limits; therefore these do not apply to unix sockets and loopback, where such a proxy is. Visitors of an onion service,
// and those of whom nobody says where they come from, are limited as a crowd (Strangers), and the log says so once.
//
// It does not route, authenticate or end TLS, and it writes nothing but log lines and the socket files.
package ingress
