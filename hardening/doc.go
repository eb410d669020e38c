// Package hardening is the one door: every byte that leaves for another server passes a [Gate].
//
// The gate has four ways through. [Gate.Deliver] brings an act to a domain, [Gate.Fetch] asks a domain for something,
// [Gate.Serve] shows a document to a viewer, and [Gate.Transport] carries what has no document, such as certificates. Names that a
// relay needs the addresses of are looked up by the gate itself. Each of them asks the [Policy] of the domain, makes that domain's view (package redact), writes the ledger
// (package exposure) and only then sends, through the relay of that domain (package egress). Each HTTP hop, redirect or
// second signature scheme is a new decision and a new row.
//
// The gate holds no keys: who signs is handed in, and signs exactly the bytes that leave. It does not know followers or
// addressees: whether a viewer belongs to the audience of a post is decided in package federation/wire before the gate is
// asked. It does not retry.
//
// # Threat model
//
// An observer who runs a server that federates with the node learns what the ledger says it was told, and for each
// connection the address of the relay's exit and its time. With the relay kind "direct" that address is the node's own,
// and so the owner's: direct protects nobody and has to be written down.
//
// An observer who serves several domains, and sees that a relay has failed, cannot tell by the moment at which they move to
// another exit which of them are spoken to by one node: each moves at a time of its own within ten minutes, and comes back so.
// That the exits are one node's shows all the same to whoever sees its signatures.
//
// An observer who runs a relay learns this machine's address, when the node is up, and the addresses, times and volume of what
// it reaches. So does, of a SOCKS5 proxy or an HTTP one without TLS on another machine, an observer on the path to it, who also
// learns its password: these protocols are in clear, though what is said with the servers is not.
//
// An observer who runs the resolver ([Config.Resolver]) learns the names of the domains that the node reaches through relays
// that look up none by themselves, when each was looked up, and the exits it was asked from: not the node's address. The row
// of each look-up says so in the ledger.
//
// An observer who can fetch without a key learns that the actor exists, its name, its key and its inboxes: the stub that
// others need to verify a signature.
//
// An observer who runs a domain under narrow rules learns what those show, and what domains under wider ones, or visitors without
// a key, pass on. From an Undo or a Delete it learns of nothing that it was not told before. A change of the rules shows in what
// comes after it, not in what was told.
//
// An observer who sees the times of what leaves learns, in the release mode "now", when the owner acted. Other modes come
// from package timing.
//
// Not protected here: what the owner writes, whom the owner follows and mentions, the domain name itself, and what other
// servers pass on.
package hardening
