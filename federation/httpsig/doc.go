// Package httpsig signs HTTP requests and checks who signed them, by the two schemes the fediverse speaks:
// draft-cavage-http-signatures-12 and RFC 9421 with RFC 9530 Content-Digest.
//
// It works on values only: it opens no connection, reads no clock, fetches no key and remembers nothing between two
// calls. The caller hands in the request, the whole body, the time and the host names that are its own.
//
// # What Parse insists on
//
// A signature that leaves something out lets whoever relays or records the request change just that, so a request is
// refused unless its signature covers
//
//   - the method and the target: (request-target), or @method with @target-uri, or @method with an authority and
//     @request-target, or with an authority, @path and, where the request has one, @query;
//   - the host: host, @authority or @target-uri. It must be one of Options.Hosts, else a request captured at another
//     server could be played here;
//   - a time: Date or created. It may be Options.MaxAge (one hour) old and Options.MaxSkew (five minutes) ahead; expires
//     is obeyed to the second;
//   - for every method but GET and HEAD, and for every request with a body, a digest, which is computed again from the
//     body. Only the digest that is covered counts, whatever other digest the request carries.
//
// One hour lets through a sender whose queue or clock is behind; every server signs anew for each attempt, so nobody
// needs more. An observer who captures a request can replay it for no longer than that. Within the hour, telling the
// replay from the first copy is the caller's business (by actor and activity id).
//
// Signatures are read from the Signature header alone: one in Authorization is refused, since what sits in front of a
// server may strip, add or answer that header.
//
// # What it does not do
//
// It does not say that the key belongs to the actor (the caller proves that both ways, from the key's own origin), keeps
// no list of seen signatures, checks no Linked Data signature, signs no response, and knows no HMAC, ECDSA or RSA-PSS:
// nobody in the fediverse uses them, and fewer algorithms are fewer confusions.
package httpsig
