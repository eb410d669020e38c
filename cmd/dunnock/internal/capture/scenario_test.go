package capture

import (
	"bufio"
	"context"
	"encoding/json"
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

// node is a real node in the home's namespace.
type node struct {
	t                    *testing.T
	net                  network
	program, config, dir string
	roots                string
	way                  way
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
	d.way = k.start(t, n, d)
	file, err := os.ReadFile(d.config)
	if err == nil {
		err = os.WriteFile(d.config, append(file, d.way.config...), 0o600)
	}
	if err != nil {
		t.Fatal(err)
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

// write makes a file beside its configuration.
func (d *node) write(name, text string) (path string) {
	d.t.Helper()
	path = filepath.Join(d.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
	return path
}

// keys is what `dunnock relay keygen --json` says.
type keys struct {
	RelayToml  string `json:"relay_toml"`
	Authorized string `json:"authorized_keys"`
}

func (d *node) keygen() (k keys) {
	d.t.Helper()
	if err := json.Unmarshal([]byte(d.must("relay", "keygen", "--json", "--out", filepath.Join(d.dir, "relay_ed25519"))), &k); err != nil {
		d.t.Fatal(err)
	}
	return k
}

// start starts the node and returns when it serves, and its relay is up.
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
	if d.way.far != nil {
		await(d.t, "the relay is up", d.relay("up"))
	}
}

// relay says whether the relay is listed as up, or down.
func (d *node) relay(state string) func() bool {
	return func() bool {
		out, _ := d.try("relay", "list")
		return strings.Contains(out, " "+state+" ")
	}
}

// kill ends the node as a power cut does.
func (d *node) kill() {
	_ = unix.Kill(-d.cmd.Process.Pid, unix.SIGKILL)
	_ = d.cmd.Wait()
}

// await asks until ok, for a quarter of an hour: a server that could not be reached is asked again after a minute at most, and
// after ten where the relay was busy for once and seemed to be down.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	const patience = 15 * time.Minute
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !ok(); <-tick.C {
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
			t.Fatalf("the follow of %s was answered %v, %v", host(i), res, err)
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
	d.trial()
	d.reload()
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
	t.Cleanup(func() {
		if t.Failed() {
			out, _ := d.try("queue")
			t.Log(out)
		}
	})
	await(t, "a post at 20 servers", func() bool { return r.count("Create") == servers })
	if d.way.far != nil {
		d.without(r)
	}
}

// reload has the node go on with a configuration that has one more route.
func (d *node) reload() {
	d.t.Helper()
	file, err := os.ReadFile(d.config)
	if err != nil {
		d.t.Fatal(err)
	}
	d.write("dunnock.toml", string(file)+"\n[egress.route]\n\""+host(1)+"\" = [\"out\"]\n")
	if err := unix.Kill(-d.cmd.Process.Pid, unix.SIGHUP); err != nil {
		d.t.Fatal(err)
	}
	await(d.t, "the new configuration is in use", func() bool {
		out, _ := d.try("relay", "list")
		return strings.Contains(out, host(1)) && (d.way.far == nil || strings.Contains(out, " up "))
	})
}

// trial is the owner's test of the relay.
func (d *node) trial() {
	d.t.Helper()
	out, err := d.try("relay", "test", "--json", "out")
	var trials []struct {
		Checks []struct {
			What  string `json:"check"`
			OK    bool
			Found string
		}
	}
	_ = json.NewDecoder(strings.NewReader(out)).Decode(&trials)
	if len(trials) != 1 || len(trials[0].Checks) != 5 {
		d.t.Fatalf("relay test: %v\n%s", err, out)
	}
	exit := relay4
	if d.way.line.UDP {
		exit = tunnel4
	}
	direct := d.way.far == nil
	if direct {
		exit = home4
	}
	for _, c := range trials[0].Checks {
		fails := direct && (c.What == "direct dial" || c.What == "address" || c.What == "names")
		if c.OK == fails || c.What == "address" && !strings.Contains(c.Found, "servers see "+exit.String()) {
			d.t.Errorf("relay test: %+v", c)
		}
	}
	if (err != nil) != direct {
		d.t.Errorf("relay test: %v", err)
	}
	d.t.Log(trials[0].Checks)
}

// without is the part of it where the relay itself is gone: what should go waits, and goes no other way.
func (d *node) without(r *remote) {
	t := d.t
	d.way.far.kill()
	d.must("post", "Hello again")
	await(t, "the relay is down", d.relay("down"))
	stranger := "https://" + host(3) + "/users/stranger"
	if _, err := d.try("lookup", stranger); err == nil {
		t.Error("without a relay, an account was looked up")
	}
	if n := strings.Count(d.must("queue"), "wren.dev"); n < servers {
		t.Errorf("%d of %d deliveries wait for the relay", n, servers)
	}
	d.way.far.start()
	await(t, "the relay is found again", d.relay("up"))
	if out, err := d.try("lookup", stranger); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if os.Getenv("DUNNOCK_FULL") != "1" {
		return // what waits for a relay goes five to ten minutes later
	}
	await(t, "both posts at 20 servers", func() bool { return r.count("Create") == 2*servers })
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
			k.judge(t, d.way.line.Leaks(onWire), d.way.loop.Leaks(onLoop), r)
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
			if from != relay4 && from != relay6 && from != tunnel4 && from != tunnel6 {
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
		if !d.way.line.names(call) && !d.way.loop.names(call) {
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
