// Package proxy is the relays that other people's software makes: SOCKS5 and HTTP CONNECT proxies, and a tor daemon.
//
// What each is told, and so what whoever runs it learns, is the target's address and port (tor: its name), the times and the
// volume. A proxy of the first two kinds may refuse nothing by itself, and would look a name up at its own end, where
// "localhost" is its own machine: it is asked for nothing but what egress.Resolve gave, addresses that have passed the
// rules. Tor refuses private addresses by itself, and is handed names as they are.
//
// A password for a SOCKS5 proxy, or for an HTTP one without TLS, crosses the path to it in the clear.
//
// It opens no sockets: Config.Dial does, or the relay before it in a chain. It does not read the environment: HTTP_PROXY and
// its kin have no say. It does not track the connections it hands out, which end with the client.
//
// SOCKS5 is spoken in a few lines of our own, and not by golang.org/x/net/proxy, for two reasons. That library offers "no
// authentication" beside a password, and a tor that took up the offer would put all domains on one circuit. And its errors
// tell a proxy that fails from one that was refused by the target in text only, so that a remote server could take a relay
// down.
package proxy
