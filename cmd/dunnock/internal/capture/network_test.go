package capture

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sys/unix"
)

// Where things are. The addresses are public ones, as the address rules demand, and exist inside the namespaces only.
var (
	home4, home6   = netip.MustParseAddr("10.7.0.2"), netip.MustParseAddr("fd07::2")
	relay4, relay6 = netip.MustParseAddr("45.79.10.1"), netip.MustParseAddr("2a01:4f8:10::1")
	resolver       = netip.MustParseAddr("45.79.10.53")
)

// network is three namespaces: a node's home, the machine that routes for it and carries relays, and everybody else.
type network struct{ home, relay, remote string }

// need skips the test where what it takes is not there.
func need(t *testing.T) {
	t.Helper()
	var missing []string
	for _, program := range []string{"ip", "tcpdump", "strace"} {
		if _, err := exec.LookPath(program); err != nil {
			missing = append(missing, program)
		}
	}
	lack := ""
	switch {
	case runtime.GOOS != "linux" || os.Geteuid() != 0:
		lack = "network namespaces take Linux and root"
	case len(missing) > 0:
		lack = strings.Join(missing, ", ") + " missing: apt-get install iproute2 tcpdump strace"
	default:
		return
	}
	if os.Getenv("DUNNOCK_REQUIRE_PEERS") == "1" {
		t.Fatal(lack)
	}
	t.Skip(lack)
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func newNetwork(t *testing.T) network {
	t.Helper()
	prefix := fmt.Sprintf("dunnock%d", os.Getpid())
	n := network{home: prefix + "home", relay: prefix + "relay", remote: prefix + "remote"}
	for _, name := range []string{n.home, n.relay, n.remote} {
		run(t, "ip", "netns", "add", name)
		t.Cleanup(func() { run(t, "ip", "netns", "del", name) })
		run(t, "ip", "-n", name, "link", "set", "lo", "up")
	}
	n.resolvConf(t, n.home, netip.MustParseAddr("127.0.0.53"))
	var script strings.Builder
	for _, line := range []string{
		"link add up0 netns HOME type veth peer name down0 netns RELAY", "link add out0 netns RELAY type veth peer name in0 netns REMOTE",
		"-n HOME addr add 10.7.0.2/24 dev up0", "-n HOME addr add fd07::2/64 dev up0 nodad", "-n HOME link set up0 up",
		"-n RELAY addr add 10.7.0.1/24 dev down0", "-n RELAY addr add fd07::1/64 dev down0 nodad", "-n RELAY link set down0 up",
		"-n RELAY addr add 45.79.10.1/24 dev out0", "-n RELAY addr add 2a01:4f8:10::1/64 dev out0 nodad", "-n RELAY link set out0 up",
		"-n REMOTE addr add 45.79.10.2/24 dev in0", "-n REMOTE addr add 45.79.10.53/24 dev in0", "-n REMOTE addr add 2a01:4f8:10::2/64 dev in0 nodad", "-n REMOTE link set in0 up",
		"-n HOME route add default via 10.7.0.1", "-n HOME -6 route add default via fd07::1",
		"-n RELAY route add default via 45.79.10.2", "-n RELAY -6 route add default via 2a01:4f8:10::2",
		"-n REMOTE route add default via 45.79.10.1", "-n REMOTE -6 route add default via 2a01:4f8:10::1",
	} {
		script.WriteString("ip " + strings.NewReplacer("HOME", n.home, "RELAY", n.relay, "REMOTE", n.remote).Replace(line) + "\n")
	}
	run(t, "sh", "-ec", script.String())
	run(t, "ip", "netns", "exec", n.relay, "sh", "-ec", "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding")
	run(t, "ip", "-n", n.remote, "addr", "add", authority.String()+"/32", "dev", "lo")
	for i := 1; i <= servers; i++ {
		run(t, "ip", "-n", n.remote, "addr", "add", fmt.Sprintf("45.79.20.%d/32", i), "dev", "lo")
		run(t, "ip", "-n", n.remote, "addr", "add", fmt.Sprintf("2a01:4f8:20::%d/128", i), "dev", "lo", "nodad")
	}
	return n
}

// resolvConf is what `ip netns exec` puts in the place of /etc/resolv.conf.
func (network) resolvConf(t *testing.T, namespace string, server netip.Addr) {
	t.Helper()
	etc := filepath.Join("/etc/netns", namespace)
	err := os.MkdirAll(etc, 0o755)
	if err == nil {
		t.Cleanup(func() { os.RemoveAll(etc) })
		err = os.WriteFile(filepath.Join(etc, "resolv.conf"), []byte("nameserver "+server.String()+"\n"), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// within calls f on a thread that is in a namespace. Sockets stay in the namespace that they were made in.
func within(t *testing.T, namespace string, f func() error) {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		file, err := os.Open("/run/netns/" + namespace)
		if err == nil {
			defer file.Close()
			err = unix.Setns(int(file.Fd()), unix.CLONE_NEWNET)
		}
		if err == nil {
			err = f()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatalf("in %s: %v", namespace, err)
	}
}

// record captures an interface from now on, until the function it returns is called, which gives the packets.
func record(t *testing.T, namespace, device string) func() []Packet {
	t.Helper()
	path := filepath.Join(t.TempDir(), device+".pcap")
	cmd := exec.Command("ip", "netns", "exec", namespace, "tcpdump", "-Z", "root", "-n", "-U", "-B", "16384", "--immediate-mode", "-s", "128", "-i", device, "-w", path)
	said, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = in
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in.Close()
	var log bytes.Buffer
	for buf := make([]byte, 256); !strings.Contains(log.String(), "listening on"); {
		k, err := said.Read(buf)
		log.Write(buf[:k])
		if err != nil {
			t.Fatalf("tcpdump: %s", &log)
		}
	}
	return func() []Packet {
		t.Helper()
		_ = cmd.Process.Signal(unix.SIGINT)
		_, _ = log.ReadFrom(said)
		if err := cmd.Wait(); err != nil || !strings.Contains(log.String(), "\n0 packets dropped by kernel") {
			t.Fatalf("tcpdump: %v\n%s", err, &log)
		}
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		packets, err := Read(file)
		if err != nil {
			t.Fatal(err)
		}
		return packets
	}
}

// names serves DNS in the remote namespace, and what forwards to it on the node's 127.0.0.53.
func (n network) names(t *testing.T, answer func(name string) []netip.Addr) {
	t.Helper()
	listen := func(namespace, address string) (conn net.PacketConn) {
		within(t, namespace, func() (err error) { conn, err = net.ListenPacket("udp", address); return err })
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	far, near, up := listen(n.remote, resolver.String()+":53"), listen(n.home, "127.0.0.53:53"), listen(n.home, ":0")
	go func() {
		for buf := make([]byte, 1500); ; {
			k, from, err := far.ReadFrom(buf)
			if err != nil {
				return
			}
			if reply, err := reply(buf[:k], answer); err == nil {
				_, _ = far.WriteTo(reply, from)
			}
		}
	}()
	var stream net.Listener // for who asks over TCP, as pebble does
	within(t, n.remote, func() (err error) { stream, err = net.Listen("tcp", resolver.String()+":53"); return err })
	t.Cleanup(func() { stream.Close() })
	go func() {
		for {
			conn, err := stream.Accept()
			if err != nil {
				return
			}
			go streamed(conn, answer)
		}
	}()
	go func() {
		for buf := make([]byte, 1500); ; {
			k, from, err := near.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = up.WriteTo(buf[:k], net.UDPAddrFromAddrPort(netip.AddrPortFrom(resolver, 53)))
			_ = up.SetReadDeadline(time.Now().Add(time.Second))
			if k, _, err = up.ReadFrom(buf); err == nil {
				_, _ = near.WriteTo(buf[:k], from)
			}
		}
	}()
}

// streamed answers one question (RFC 1035 section 4.2.2).
func streamed(conn net.Conn, answer func(string) []netip.Addr) {
	defer conn.Close()
	var size uint16
	if binary.Read(conn, binary.BigEndian, &size) != nil {
		return
	}
	query := make([]byte, size)
	if _, err := io.ReadFull(conn, query); err != nil {
		return
	}
	if reply, err := reply(query, answer); err == nil {
		_, _ = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...))
	}
}

func reply(query []byte, answer func(string) []netip.Addr) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil || len(m.Questions) != 1 {
		return nil, fmt.Errorf("no query: %w", err)
	}
	q := m.Questions[0]
	m.Header = dnsmessage.Header{ID: m.ID, Response: true, RecursionAvailable: true}
	m.Additionals = nil
	for _, a := range answer(strings.ToLower(strings.TrimSuffix(q.Name.String(), "."))) {
		h := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 1}
		switch {
		case a.Is4() && q.Type == dnsmessage.TypeA:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AResource{A: a.As4()}})
		case a.Is6() && q.Type == dnsmessage.TypeAAAA:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AAAAResource{AAAA: a.As16()}})
		}
	}
	return m.Pack()
}

// scan tries TCP ports of the node's addresses from the remote namespace, and gives those that take a connection.
func (n network) scan(t *testing.T, ports ...int) (open []string) {
	t.Helper()
	within(t, n.remote, func() error {
		for _, home := range []netip.Addr{home4, home6} {
			for _, port := range ports {
				d := net.Dialer{Timeout: time.Second}
				address := netip.AddrPortFrom(home, uint16(port)).String()
				if conn, err := d.DialContext(context.Background(), "tcp", address); err == nil {
					conn.Close()
					open = append(open, address)
				}
			}
		}
		return nil
	})
	return open
}

// seesOpen shows that a scan finds what listens at home.
func (n network) seesOpen(t *testing.T) {
	t.Helper()
	var ln net.Listener
	within(t, n.home, func() (err error) { ln, err = net.Listen("tcp", ":8080"); return err })
	defer ln.Close()
	if open := n.scan(t, 8080, 8081); len(open) != 2 {
		t.Errorf("a scan of a port that is open over IPv4 and IPv6 found %v", open)
	}
}

// cut has the relay's machine drop all that goes to the servers, without a word, until the function it returns is called.
func (n network) cut(t *testing.T) (back func()) {
	t.Helper()
	routes := func(do string) {
		t.Helper()
		run(t, "ip", "-n", n.relay, "route", do, "blackhole", "45.79.20.0/24")
		run(t, "ip", "-n", n.relay, "-6", "route", do, "blackhole", "2a01:4f8:20::/64")
	}
	routes("add")
	return func() { t.Helper(); routes("del") }
}
