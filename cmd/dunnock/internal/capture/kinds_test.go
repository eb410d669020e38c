package capture

import (
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/dunnock-server/dunnock/hardening/egress/tor/tortest"
)

// kind is a way out that the scenario runs over.
type kind struct {
	name string
	// start starts the far end.
	start func(t *testing.T, n network, d *node) way
	// leaks is set for the kind that is there to show that the test sees.
	leaks bool
}

// way is a way out that is there.
type way struct {
	// config is what dunnock.toml says of it.
	config string
	// line and loop are who may be on the node's line, and within its machine.
	line, loop Line
	// far is the relay; nil: there is none.
	far interface {
		kill()
		start()
	}
}

func at(port uint16) Line { return Line{Relays: []netip.AddrPort{netip.AddrPortFrom(relay4, port)}} }

// kinds is every kind, under the same routes and with the same default gateway.
var kinds = []kind{
	{name: "direct", leaks: true, start: func(*testing.T, network, *node) way {
		return way{config: "\n[[relay]]\nname = \"out\"\nkind = \"direct\"\n\n[egress]\nrelays = [\"out\"]\necho = \"https://s1.wren.dev/ip\"\n",
			line: Line{Relays: []netip.AddrPort{netip.AddrPortFrom(relay4, 22), netip.AddrPortFrom(relay6, 22)}}}
	}},
	{name: "socks5", start: func(t *testing.T, n network, _ *node) way {
		return way{config: out("socks5", 1080), line: at(1080), far: n.daemon(t, 1080, "microsocks", "microsocks", "-p", "1080")}
	}},
	{name: "http", start: func(t *testing.T, n network, d *node) way {
		conf := d.write("tinyproxy.conf", "Port 8888\nMaxClients 500\nAllow 10.7.0.0/24\nLogLevel Critical\n")
		return way{config: out("http", 8888), line: at(8888), far: n.daemon(t, 8888, "tinyproxy", "tinyproxy", "-d", "-c", conf)}
	}},
	{name: "ssh", start: sshd},
	{name: "relay serve", start: ownRelay},
	{name: "tor", start: torAtHome},
	{name: "wireguard", start: wireguard},
}

// out is the configuration of a node that leaves by a server on the relay's machine.
func out(kind string, port int, more ...string) string {
	return fmt.Sprintf("\n[[relay]]\nname = \"out\"\nkind = %q\naddress = \"%v:%d\"\n%s\n\n[egress]\nrelays = [\"out\"]\necho = \"https://s1.wren.dev/ip\"\nresolver = \"https://%v/dns-query\"\n",
		kind, relay4, port, strings.Join(more, "\n"), resolver)
}

// sshd is OpenSSH's.
func sshd(t *testing.T, n network, d *node) way {
	keys := d.keygen()
	run(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(d.dir, "host"))
	host, err := os.ReadFile(filepath.Join(d.dir, "host.pub"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil { // what it calls its privilege separation directory
		t.Fatal(err)
	}
	authorized := d.write("authorized_keys", keys.Authorized+"\n")
	conf := d.write("sshd_config", "Port 22\nListenAddress 45.79.10.1\nHostKey "+filepath.Join(d.dir, "host")+"\nAuthorizedKeysFile "+authorized+
		"\nGatewayPorts clientspecified\nPidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n")
	return way{config: out("ssh", 22, `user = "root"`, `identity_file = "relay_ed25519"`, fmt.Sprintf("host_key = %q", strings.TrimSpace(string(host)))),
		line: at(22), far: n.daemon(t, 22, "openssh-server", "/usr/sbin/sshd", "-D", "-f", conf)}
}

// ownRelay is dunnock itself at the far end, which looks up names there.
func ownRelay(t *testing.T, n network, d *node) way {
	keys := d.keygen()
	n.resolvConf(t, n.relay, resolver)
	conf := d.write("relay.toml", "listen = \"45.79.10.1:2222\"\nhost_key = \"far_key\"\nquantise = \"50ms\"\n\n"+keys.RelayToml)
	far := n.daemon(t, 2222, "", d.program, "relay", "serve", "--config", conf)
	host := run(t, "ssh-keygen", "-y", "-f", filepath.Join(d.dir, "far_key"))
	return way{line: at(2222), far: far,
		config: out("ssh", 2222, `user = "dunnock"`, `identity_file = "relay_ed25519"`, fmt.Sprintf("host_key = %q", strings.TrimSpace(host)), `resolve = "relay"`)}
}

// The node's addresses inside the tunnel, which the servers see.
var tunnel4, tunnel6 = netip.MustParseAddr("45.79.30.2"), netip.MustParseAddr("2a01:4f8:30::2")

// wireguard is Debian's wireguard-go.
func wireguard(t *testing.T, n network, d *node) way {
	if _, err := exec.LookPath("wg"); err != nil {
		lack(t, "wg", "wireguard-tools")
	}
	if _, err := exec.LookPath("nft"); err != nil {
		lack(t, "nft", "nftables")
	}
	text := func(k []byte) string { return base64.StdEncoding.EncodeToString(k) }
	pair := func() (private, public string) {
		k, err := ecdh.X25519().GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return text(k.Bytes()), text(k.PublicKey().Bytes())
	}
	ours, oursPublic := pair()
	theirs, theirsPublic := pair()
	d.write("wg.conf", fmt.Sprintf("[Interface]\nPrivateKey = %s\nAddress = %v/32, %v/128\nDNS = %v\n[Peer]\nPublicKey = %s\nAllowedIPs = 0.0.0.0/0, ::/0\nEndpoint = %v:51820\n",
		ours, tunnel4, tunnel6, resolver, theirsPublic, relay4))
	conf := d.write("far.conf", fmt.Sprintf("[Interface]\nPrivateKey = %s\nListenPort = 51820\n[Peer]\nPublicKey = %s\nAllowedIPs = %v/32, %v/128\n", theirs, oursPublic, tunnel4, tunnel6))
	device := fmt.Sprintf("wgc%d", os.Getpid())
	far := n.process(t, "wireguard-go", "wireguard-go", "-f", device)
	far.ready = func() bool {
		return exec.Command("ip", "netns", "exec", n.relay, "wg", "setconf", device, conf).Run() == nil
	}
	far.then = "ip link set " + device + " mtu 1420 up; ip route replace " + tunnel4.String() + " dev " + device + "; ip -6 route replace " + tunnel6.String() + " dev " + device +
		// A provider that forwards a port.
		"; nft 'table ip forwarded { chain in { type nat hook prerouting priority dstnat; ip daddr " + relay4.String() + " tcp dport 443 dnat to " + tunnel4.String() + "; }; }'"
	far.start()
	return way{config: fmt.Sprintf("\n[[relay]]\nname = \"out\"\nkind = \"wireguard\"\nconfig_file = \"wg.conf\"\n\n[egress]\nrelays = [\"out\"]\necho = \"https://s1.wren.dev/ip\"\nresolver = \"https://%v/dns-query\"\n", resolver),
		line: Line{Relays: []netip.AddrPort{netip.AddrPortFrom(relay4, 51820)}, UDP: true}, far: far}
}

// torAtHome is a tor daemon beside the node, and a tor network on the relay's machine.
func torAtHome(t *testing.T, n network, _ *node) way {
	in := func(namespace string) []string { return []string{"ip", "netns", "exec", namespace} }
	tor := tortest.StartAt(t, 443, tortest.Place{Address: relay4.String(), Far: in(n.relay), Home: in(n.home), Resolver: resolver.String()})
	return way{config: fmt.Sprintf("\n[[relay]]\nname = \"out\"\nkind = \"tor\"\nsocks = %q\ncontrol = \"unix:%s\"\n\n[egress]\nrelays = [\"out\"]\necho = \"https://s1.wren.dev/ip\"\n", tor.Socks, tor.ControlSocket),
		line: Line{Relays: tor.Links()}, loop: Line{Relays: []netip.AddrPort{netip.MustParseAddrPort(tor.Socks)}}, far: client{tor}}
}

// client is tor at home.
type client struct{ *tortest.Network }

func (c client) kill()  { c.StopClient() }
func (c client) start() { c.StartClient() }

// lack ends a test for want of a program.
func lack(t *testing.T, program, debian string) {
	t.Helper()
	lack := program + " missing: apt-get install " + debian
	if os.Getenv("DUNNOCK_REQUIRE_PEERS") == "1" {
		t.Fatal(lack)
	}
	t.Skip(lack)
}

// daemon is a program on the relay's machine.
type daemon struct {
	t     *testing.T
	net   network
	args  []string
	ready func() bool
	then  string // for a shell there, once it is ready
	cmd   *exec.Cmd
}

// process is a program of a Debian package that is to be started; an empty name: it is there.
func (n network) process(t *testing.T, debian string, args ...string) *daemon {
	t.Helper()
	if _, err := exec.LookPath(args[0]); err != nil {
		lack(t, args[0], debian)
	}
	f := &daemon{t: t, net: n, args: args}
	t.Cleanup(f.kill)
	return f
}

// daemon starts a program that listens at a TCP port.
func (n network) daemon(t *testing.T, port uint16, debian string, args ...string) *daemon {
	t.Helper()
	f := n.process(t, debian, args...)
	f.ready = func() (up bool) {
		within(t, n.relay, func() error {
			conn, err := net.Dial("tcp", netip.AddrPortFrom(relay4, port).String())
			if up = err == nil; up {
				conn.Close()
			}
			return nil
		})
		return up
	}
	f.start()
	return f
}

// start returns when it is ready.
func (f *daemon) start() {
	f.t.Helper()
	f.cmd = exec.Command("ip", append([]string{"netns", "exec", f.net.relay}, f.args...)...)
	f.cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true} // no Pdeathsig: it is the thread's death, and within ends threads
	if err := f.cmd.Start(); err != nil {
		f.t.Fatal(err)
	}
	await(f.t, f.args[0]+" is ready", f.ready)
	if f.then != "" {
		run(f.t, "ip", "netns", "exec", f.net.relay, "sh", "-ec", f.then)
	}
}

// kill ends it, and what it has started: sessions of sshd are groups of their own.
func (f *daemon) kill() {
	if f.cmd == nil {
		return
	}
	for _, pid := range strings.Fields(run(f.t, "ip", "netns", "pids", f.net.relay)) {
		if n, err := strconv.Atoi(pid); err == nil && n != os.Getpid() { // whose first thread may be in there: see within
			_ = unix.Kill(n, unix.SIGKILL)
		}
	}
	_ = f.cmd.Wait()
	f.cmd = nil
}
