// Package vocab reads and writes ActivityStreams 2.0 documents as what they are on the wire: JSON objects. Nothing is
// lost: Parse and Marshal keep every field, known or not, and every number as it was written, so that what was verified,
// stored, shown and sent on is the same document.
//
// Documents are read as plain JSON, never as JSON-LD: "@context" is not interpreted and never fetched, so no context can
// give a field another meaning after a signature was checked (CVE-2022-24307 and its kin). Whoever can make two readers
// see two documents in the same bytes gets one checked and the other obeyed; Parse therefore refuses duplicate keys,
// well-known names in another case ("Actor"), invalid UTF-8, and anything after the document.
//
// The accessors take whatever shape a peer sends (a string, an object, a list of both, or nonsense) and never panic: what
// has no sensible reading is absent. They judge form only. Whether an id may be believed, who owns an object, which
// fields a peer may see and whether HTML is safe is for others to say. The package does no I/O, keeps no state, and
// imports nothing else of this module.
package vocab
