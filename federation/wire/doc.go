// Package wire turns the node's records into ActivityStreams documents, and the documents of others into records.
//
// Going out ([IDs]): every URI of the node is made here, and none holds a clock or a counter, so that an observer who
// collects them learns neither when something was written nor how much. What is built is the whole document, of fields
// that hardening/redact knows; which of them a domain sees is decided later, at the gate. Times are cut to the grain of
// hardening/timing once more, whatever a record holds.
//
// Coming in ([Reader]): everything is taken as a stranger wrote it. HTML is reduced to an allow-list, names become one
// line of text, addresses are http or https or dropped, lists and lengths are cut, times are clamped. What speaks for a
// server (an author, an inbox, a key, a page) must be of the origin of the document's id (FEP-fe34), and nothing that
// claims to be of this node is read at all. Errors say what is wrong and quote nothing.
//
// Who sees a post is decided by one pair of functions, [Visibility] and [MaySee].
//
// The package is pure: no I/O, no clock, no state; tokens are its only randomness. It does not fetch, does not know
// whether a document came from the server that it names (resolve does), whether an act is allowed to whoever sent it
// (inbox does), or which fields are shown to whom (the gate does).
package wire
