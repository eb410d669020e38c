// Package sshlink is the relay that any machine with an SSH server makes: a plain sshd, or `dunnock relay serve`.
//
// One SSH connection, made when it is first wanted, carries everything as channels (RFC 4254 section 7). What the relay learns,
// and so whoever runs it, is the address of home (or of the relay before it), each target, the times and the volume. An
// observer on the path to the relay sees an SSH client at work, its times and volume.
//
// It promises:
//
//   - The host key is the configured one, or nothing is sent but the key exchange. No key is learned on first use.
//   - A plain sshd would look names up at its own end and refuses nothing by itself, so it is asked for nothing but what
//     egress.Resolve gave. `dunnock relay serve` is handed names; that it is one is seen from its version.
//   - The relay can ask us for nothing: of the channels it opens only visitors of a port that we listen at are taken, and none
//     of its requests is answered.
//   - When the link ends, all its connections and listeners end, with an error that is not io.EOF where the link was cut. A
//     link is lost when nothing has answered for 30 seconds, or when the relay leaves a closed connection open for that long.
//
// It opens no sockets: Config.Dial does. It does not hide the size and time of what is sent, and it does not try a link again:
// egress.Client does that.
package sshlink
