package capture

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// kind is a way out that the scenario runs over.
type kind struct {
	name string
	// config is what dunnock.toml says of it.
	config string
	// line is who may be on the node's line.
	line Line
	// leaks is set for the kind that is there to show that the test sees.
	leaks bool
	// start starts the far end in the relay's namespace, and makes the files that config names in dir; nil: there is none.
	start func(t *testing.T, n network, dir string)
}

// kinds is every kind, under the same routes and with the same default gateway.
var kinds = []kind{
	{name: "direct", config: "\n[[relay]]\nname = \"out\"\nkind = \"direct\"\n\n[egress]\nrelays = [\"out\"]\n", leaks: true,
		line: Line{Relays: []netip.AddrPort{netip.AddrPortFrom(relay4, 22), netip.AddrPortFrom(relay6, 22)}}},
	{name: "socks5", config: out("socks5", 1080), line: Line{Relays: []netip.AddrPort{netip.AddrPortFrom(relay4, 1080)}},
		start: func(t *testing.T, n network, _ string) { n.proxy(t, 1080, "microsocks", "-p", "1080") }},
	{name: "http", config: out("http", 8888), line: Line{Relays: []netip.AddrPort{netip.AddrPortFrom(relay4, 8888)}},
		start: func(t *testing.T, n network, dir string) {
			conf := filepath.Join(dir, "tinyproxy.conf")
			if err := os.WriteFile(conf, []byte("Port 8888\nMaxClients 100\nAllow 10.7.0.0/24\nLogLevel Critical\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			n.proxy(t, 8888, "tinyproxy", "-d", "-c", conf)
		}},
}

// out is the configuration of a node that leaves by a proxy on the relay's machine.
func out(kind string, port int) string {
	return fmt.Sprintf("\n[[relay]]\nname = \"out\"\nkind = %q\naddress = \"%v:%d\"\n\n[egress]\nrelays = [\"out\"]\nresolver = \"https://%v/dns-query\"\n",
		kind, relay4, port, resolver)
}

// proxy runs a program on the relay's machine until the test ends, and returns when it listens.
func (n network) proxy(t *testing.T, port int, program string, args ...string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		lack := program + " missing: apt-get install " + program
		if os.Getenv("DUNNOCK_REQUIRE_PEERS") == "1" {
			t.Fatal(lack)
		}
		t.Skip(lack)
	}
	cmd := exec.Command("ip", append([]string{"netns", "exec", n.relay, program}, args...)...)
	cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true} // no Pdeathsig: it is the thread's death, and within ends threads
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Kill(-cmd.Process.Pid, unix.SIGKILL); _ = cmd.Wait() })
	await(t, program+" listens", func() (up bool) {
		within(t, n.relay, func() error {
			conn, err := net.Dial("tcp", netip.AddrPortFrom(relay4, uint16(port)).String())
			if up = err == nil; up {
				conn.Close()
			}
			return nil
		})
		return up
	})
}

// node is a real node in the home's namespace.
type node struct {
	t                    *testing.T
	net                  network
	program, config, dir string
	roots                string
	cmd                  *exec.Cmd
	client               *http.Client // speaks plain HTTP to its listener, a unix socket, as what ends TLS in front of it does
}

const domain = "home.wren.dev"

func newNode(t *testing.T, n network, k kind, roots string) *node {
	t.Helper()
	dir := t.TempDir()
	d := &node{t: t, net: n, dir: dir, program: filepath.Join(dir, "dunnock"), config: filepath.Join(dir, "dunnock.toml"), roots: roots}
	build := exec.Command("go", "build", "-o", d.program, "github.com/dunnock-server/dunnock/cmd/dunnock")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	socket := filepath.Join(dir, "listen.sock")
	d.must("init", "--domain", domain, "--username", "alice", "--listen", "unix:"+socket)
	file, err := os.ReadFile(d.config)
	if err == nil {
		err = os.WriteFile(d.config, append(file, k.config...), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if k.start != nil {
		k.start(t, n, dir)
	}
	d.client = &http.Client{Transport: &http.Transport{DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}}
	return d
}

// command is a run of the program in the home's namespace, below other programs if any are named.
func (d *node) command(below []string, args ...string) *exec.Cmd {
	all := append(append([]string{"netns", "exec", d.net.home}, below...), d.program, "--config", d.config)
	cmd := exec.Command("ip", append(all, args...)...)
	cmd.Env = append(os.Environ(), "SSL_CERT_FILE="+d.roots, "SSL_CERT_DIR=/nonexistent")
	return cmd
}

// try runs a command of the owner's.
func (d *node) try(args ...string) (string, error) {
	out, err := d.command(nil, args...).CombinedOutput()
	return string(out), err
}

func (d *node) must(args ...string) string {
	d.t.Helper()
	out, err := d.try(args...)
	if err != nil {
		d.t.Fatalf("dunnock %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// start starts the node and returns when it serves.
func (d *node) start(below ...string) {
	d.t.Helper()
	d.cmd = d.command(below, "serve", "--json")
	d.cmd.Stderr = os.Stderr
	d.cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true} // no Pdeathsig: it is the thread's death, and within ends threads
	out, err := d.cmd.StdoutPipe()
	if err == nil {
		err = d.cmd.Start()
	}
	if err == nil {
		_, err = bufio.NewReader(out).ReadBytes('}')
	}
	if err != nil {
		d.t.Fatalf("dunnock serve: %v", err)
	}
	cmd := d.cmd
	d.t.Cleanup(func() { _ = unix.Kill(-cmd.Process.Pid, unix.SIGKILL); _ = cmd.Wait() })
}

// kill ends the node as a power cut does.
func (d *node) kill() {
	_ = unix.Kill(-d.cmd.Process.Pid, unix.SIGKILL)
	_ = d.cmd.Wait()
}

// await asks until ok, for two minutes: a server that could not be reached is asked again after one.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(2 * time.Minute); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// scenario is a life of a node among the servers: it is followed, posts, follows, looks up what is hostile, and is killed.
func (d *node) scenario(r *remote) {
	t := d.t
	owner := "https://" + domain + "/users/alice"
	for i := 1; i <= servers; i++ {
		res, err := d.client.Do(r.follow(t, owner, host(i)))
		if err != nil || res.StatusCode/100 != 2 {
			t.Fatalf("a follow was answered %v, %v", res, err)
		}
		res.Body.Close()
	}
	await(t, "20 follows accepted", func() bool { return r.count("Accept") == servers })
	d.must("follow", "@u@"+host(2))
	await(t, "a follow", func() bool { return r.count("Follow") == 1 })
	for _, url := range []string{"https://" + hostile + "/hostile", "https://" + poisoned + "/users/u", "https://10.7.0.1/users/u", "https://[::1]/users/u"} {
		if out, err := d.try("lookup", url); err == nil {
			t.Errorf("%s was found:\n%s", url, out)
		}
	}
	if r.mu.Lock(); r.asked["/hostile"] == 0 {
		t.Error("nobody asked for what redirects to the home")
	}
	r.mu.Unlock()
	back := d.net.cut(t)
	d.must("post", "Hello, twenty")
	if strings.Count(d.must("queue"), "wren.dev") == 0 {
		t.Error("nothing waits while the relay's machine reaches nobody")
	}
	d.kill() // in mid-delivery
	d.start()
	if n := r.count("Create"); n != 0 {
		t.Errorf("%d servers got a post that had no way to them", n)
	}
	back()
	await(t, "a post at 20 servers", func() bool { return r.count("Create") == servers })
}

// ports are those that a node could have open.
var ports = []int{22, 25, 53, 80, 443, 1080, 3000, 8080, 8443, 9050, 9051}

// TestCapture shows what an observer of the node's own line sees in each kind of relay, and what the servers see.
func TestCapture(t *testing.T) {
	need(t)
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			n := newNetwork(t)
			r := n.servers(t)
			n.names(t, address)
			wire, loop := record(t, n.home, "up0"), record(t, n.home, "lo")
			d := newNode(t, n, k, r.roots)
			d.start()
			d.scenario(r)
			onWire, onLoop := wire(), loop() // the scan would be among it
			if open := n.scan(t, ports...); len(open) > 0 {
				t.Errorf("the node answers at %v", open)
			}
			d.kill()
			n.seesOpen(t)
			// Nothing remote makes it speak to its own machine or network, with any kind.
			for _, p := range append(To(onWire, netip.MustParseAddr("10.7.0.1")), onLoop...) {
				if p.Proto == protoTCP && p.To.Port() == 443 {
					t.Errorf("it spoke to what a remote server named: %v", p)
				}
			}
			t.Logf("%d packets on the wire, %d on lo; the servers saw %v", len(onWire), len(onLoop), r.saw())
			k.judge(t, k.line.Leaks(onWire), Line{}.Leaks(onLoop), r)
		})
	}
}

func (k kind) judge(t *testing.T, wire, loop []Packet, r *remote) {
	t.Helper()
	if !k.leaks {
		if len(wire) > 0 || len(loop) > 0 {
			t.Errorf("%d packets of no relay on the wire, %d on lo, the first: %v", len(wire), len(loop), append(wire, loop...)[0])
		}
		for from := range r.saw() {
			if from != relay4 && from != relay6 {
				t.Errorf("a server saw %v", from)
			}
		}
		return
	}
	for i := 1; i <= servers; i++ {
		if len(To(wire, address(host(i))[0])) == 0 {
			t.Errorf("no packet to %s was seen", host(i))
		}
	}
	if len(To(wire, resolver)) == 0 || len(To(loop, netip.MustParseAddr("127.0.0.53"))) == 0 {
		t.Error("no question to a resolver was seen")
	}
	if seen := r.saw(); seen[home4] == 0 || seen[home6] == 0 {
		t.Errorf("the servers saw %v, and not the home", seen)
	}
}

// TestSystemCalls runs a node under strace: a dial in a dependency is seen, whatever it carries.
func TestSystemCalls(t *testing.T) {
	need(t)
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) { systemCalls(t, k) })
	}
}

func systemCalls(t *testing.T, k kind) {
	n := newNetwork(t)
	r := n.servers(t)
	n.names(t, address)
	d := newNode(t, n, k, r.roots)
	trace := filepath.Join(t.TempDir(), "trace")
	d.start("strace", "-f", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg,bind", "-e", "signal=none", "-o", trace)
	d.must("follow", "@u@"+host(2))
	await(t, "a follow", func() bool { return r.count("Follow") == 1 })
	d.kill()
	file, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	calls := outward(string(file))
	if k.leaks {
		all := strings.Join(calls, "\n")
		for _, want := range []string{"2a01:4f8:20::2", "127.0.0.53"} {
			if !strings.Contains(all, want) {
				t.Errorf("no call names %s:\n%s", want, all)
			}
		}
		return
	}
	for _, call := range calls {
		if !k.line.names(call) {
			t.Errorf("not to a relay: %s", call)
		}
	}
}

// outward are the calls that name an address of IPv4 or IPv6.
func outward(trace string) (calls []string) {
	for line := range strings.Lines(trace) {
		if strings.Contains(line, "sa_family=AF_INET") {
			calls = append(calls, strings.TrimSpace(line))
		}
	}
	return calls
}

var inCall = regexp.MustCompile(`htons\((\d+)\).*"([0-9a-f.:]+)"`)

// names reports whether the address in a call is a relay's.
func (l Line) names(call string) bool {
	m := inCall.FindStringSubmatch(call)
	for _, r := range l.Relays {
		if m != nil && net.JoinHostPort(m[2], m[1]) == r.String() {
			return true
		}
	}
	return false
}
