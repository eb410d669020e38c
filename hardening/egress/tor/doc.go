// Package tor speaks with a tor daemon over its control port: whether it is connected to the network, and onion services of
// ours.
//
// Whoever can speak on that port owns the daemon. So it proves that it knows the cookie before it is told anything of it
// (SAFECOOKIE; the older COOKIE, which would send it the contents of whatever file it names, is not used), and a password
// should go to this machine or over a unix socket only.
//
// It opens no sockets: Control.Dial does, or egress.DialControl for a unix socket. It carries nobody's traffic and changes no
// settings of the daemon. It reads one file, the cookie, and writes none.
package tor
