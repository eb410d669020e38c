// Package hostname gives every host one spelling and every URL one origin, so that a block, a ledger row, a signature
// check and a dial all speak of the same server. Whoever can write a host in a second way (case, a trailing dot, ":443",
// a U-label, an address in octal) escapes every rule that was keyed by the first.
//
// What has no single reading is refused rather than repaired: "exa/mple.org" must never be cleaned into a name that
// somebody else owns (CVE-2023-42451), and what one parser takes for userinfo another may take for the host
// (CVE-2023-42450).
//
// The package is pure: it looks up nothing and dials nothing. It does not decide whether a host may be contacted:
// loopback addresses and special-use names are good spellings here, and egress refuses them. It does not validate the
// path or query of a URL.
package hostname
