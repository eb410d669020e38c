// Package egress is the only place where dunnock dials. Every byte that the node sends to another machine leaves through
// Client.Do, over a Relay that the owner has named; with no relay nothing leaves.
//
// What it promises:
//
//   - One call of Do is at most one HTTP exchange: no redirect is followed, nothing is retried after a byte has left, and
//     no dial goes on after Do has returned. So one ledger row is enough for one call.
//   - Connections are shared only within a circuit: one domain, one purpose, one exit. There are no cookies, no TLS session
//     tickets, no HTTP cache, no Alt-Svc and no proxy from the environment. An observer who serves two domains, or one
//     domain under two purposes, sees no state that joins them; the exit's address they still share.
//   - What is sent is a list: the request line, Host, User-Agent (not to a resolver), Accept, Accept-Encoding, Content-Type, Content-Length
//     and what the signer adds. Any other header is left out, or refused if the signer added it.
//   - The address rules (Rules) hold before the dial for the URL, and at the dial for the address, whichever of home and
//     relay resolves the name.
//   - Each domain is given one relay of its pool by a keyed hash and keeps it. While that relay is down the domain's requests
//     fail with ErrRelayDown; within ten minutes it moves to another of its pool, if there is one, and later back.
//   - A name is looked up at home for no domain but by Direct. A relay whose far end refuses nothing is asked for addresses
//     only (Resolve), which are looked up through that same relay and have passed the rules.
//   - One deadline covers everything from the wait for a connection to the last byte of the body; the cap on the body counts
//     decoded bytes.
//
// HTTP/1.1 is all it speaks. That is what most fediverse servers send each other, it has no SETTINGS frame to tell
// implementations apart, and it cannot coalesce two names onto one connection.
//
// Circuits are built on http.Transport.NewClientConn and not on http.Transport's own pool, because that pool lets a dial go
// on after its request was given up, and sends a GET again when a kept connection fails: traffic without a ledger row.
//
// It may open sockets, and nothing else: it writes no files, keeps no ledger (the gate writes the row before it calls Do)
// and decides no policy. It does not hide the TLS handshake's shape, which is that of any Go program, nor the volume and
// time of what passes through a relay. net/http reports bytes that a server sends without being asked to the standard
// library's default logger: a program that uses this package should direct that logger to io.Discard.
package egress
