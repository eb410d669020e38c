// Package wireguard is the relay of a WireGuard tunnel in user space: it needs no root, no device of the kernel's and no route
// of this machine, and it takes the file that VPN providers hand out.
//
// What is dialled goes into the tunnel or nowhere: the addresses, ports and timers of TCP are those of a network stack of the
// tunnel's own (gVisor's), which has no other way out. The home's line carries UDP with the peers' endpoints and nothing else,
// over sockets that are connected to them: the kernel hands in no packet that comes from elsewhere, and a scan of the home
// finds no port.
//
//   - An observer of the home's line learns the endpoints, the times and the volume, and that it is WireGuard.
//   - The home's resolver learns an endpoint's name when the tunnel is made, unless the file has an address in its place.
//   - Whoever runs the far end learns each target's name and address, and sees the stack for what it is: not a kernel's.
//
// Names are resolved by the tunnel's DNS servers, through the tunnel. They are the owner's choice, so their own addresses may
// be private ones; no other address is connected to that has not passed the rules. With none in the file, names are looked up
// as for proxies, by way of this relay.
//
// A tunnel is one life of the link: made by a handshake, given up when the far end leaves unanswered what it has to answer.
// With it go its connections, its listeners and its memory; the next one has a stack, sockets and keys of a session of its
// own, and asks for the endpoint's address again. The library's own tunnel to gVisor (tun/netstack) is not used: closing it
// while something is written panics.
//
// It opens no sockets: Config.Dial does. It reads no files, runs none of the commands that such a file can hold, and changes
// nothing of this machine's network. gVisor has one logger for the whole program, which would tell standard error about odd
// packets: the first tunnel turns it off.
package wireguard
