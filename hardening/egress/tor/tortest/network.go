// Package tortest is a private tor network on loopback, for tests: four authorities that are exits as well, and a client. A
// path to an onion service has four relays, all different.
//
// It runs processes and asks a name server of its own. It reaches nothing beyond this machine.
package tortest

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/dunnock-server/dunnock/hardening/freeport"
)

// Network is one that runs until its test ends.
type Network struct {
	// Socks and Control are the client's, as "host:port"; ControlSocket is the same control port as a path.
	Socks, Control, ControlSocket string
	// Cookie is the client's cookie file; its control port also takes Password.
	Cookie, Password string

	t       testing.TB
	dir     string
	client  *exec.Cmd
	ended   chan struct{}
	mu      sync.Mutex
	asked   []string
	trusted string // DirAuthority lines
	place   Place
	links   []netip.AddrPort
}

// Place is where a network runs. The zero value is this machine.
type Place struct {
	// Address is the authorities'. Empty: 127.0.0.1.
	Address string
	// Far and Home are commands that run an authority and the client: "ip", "netns", "exec" and a name. Empty: they just run.
	Far, Home []string
	// Resolver is asked for names by the exits. Empty: one that finds all at 127.0.0.1.
	Resolver string
}

// Links are the addresses and ports that the client speaks to.
func (n *Network) Links() []netip.AddrPort { return n.links }

// Asked are the names that the exits have looked up.
func (n *Network) Asked() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]string(nil), n.asked...)
}

// Start runs a network whose exits reach port on any address and nothing else, and find all names at 127.0.0.1. It
// skips the test where tor is not installed. The authorities need some fifteen seconds to agree, and then the client some more.
func Start(t testing.TB, port uint16) *Network {
	t.Helper()
	return StartAt(t, port, Place{})
}

// StartAt is Start in another place.
func StartAt(t testing.TB, port uint16, place Place) *Network {
	t.Helper()
	if place.Address == "" {
		place.Address = "127.0.0.1"
	}
	for _, program := range []string{"tor", "tor-gencert"} {
		if _, err := exec.LookPath(program); err == nil {
			continue
		}
		if os.Getenv("DUNNOCK_REQUIRE_PEERS") == "1" {
			t.Fatalf("%s is missing: apt-get install tor", program)
		}
		t.Skipf("%s is missing: apt-get install tor", program)
	}
	dir, err := os.MkdirTemp("", "tor") // short: a socket's path is at most 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	n := &Network{t: t, dir: dir, place: place, Password: `hedge "sparrow"`}
	if place.Resolver == "" {
		n.place.Resolver = n.resolver()
	}
	resolver := filepath.Join(dir, "resolv.conf")
	if err := os.WriteFile(resolver, []byte("nameserver "+n.place.Resolver+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}

	if err := os.WriteFile(filepath.Join(dir, "empty"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var making sync.WaitGroup
	authorities := make([]*authority, 4)
	for i := range authorities {
		a := &authority{name: fmt.Sprintf("authority%d", i), address: place.Address, orPort: freeport.Text(t), dirPort: freeport.Text(t)}
		a.dir, a.empty = filepath.Join(dir, a.name), filepath.Join(dir, "empty")
		authorities[i] = a
		making.Go(a.makeKeys)
	}
	making.Wait()
	for _, a := range authorities {
		if a.err != nil {
			t.Fatal(a.err)
		}
		n.trusted += fmt.Sprintf("DirAuthority %s orport=%s no-v2 v3ident=%s %s:%s %s\n", a.name, a.orPort, a.v3ident, a.address, a.dirPort, a.fingerprint)
		for _, port := range []string{a.orPort, a.dirPort} {
			n.links = append(n.links, netip.MustParseAddrPort(a.address+":"+port))
		}
	}
	for _, a := range authorities {
		n.run(place.Far, a.name, fmt.Sprintf(`Nickname %s
Address %[2]s
SocksPort 0
ORPort %[2]s:%s
DirPort %[2]s:%[4]s
ContactInfo nobody
AuthoritativeDirectory 1
V3AuthoritativeDirectory 1
TestingV3AuthInitialVotingInterval 5
TestingV3AuthInitialVoteDelay 2
TestingV3AuthInitialDistDelay 2
V3AuthVotingInterval 10
V3AuthVoteDelay 2
V3AuthDistDelay 2
V3AuthNIntervalsValid 3
TestingDirAuthVoteExit *
TestingDirAuthVoteGuard *
TestingDirAuthVoteHSDir *
ExitRelay 1
IPv6Exit 1
ExitPolicyRejectPrivate 0
ExitPolicy accept *:%d,reject *:*
ServerDNSResolvConfFile %s
ServerDNSDetectHijacking 0
ServerDNSAllowBrokenConfig 1
`, a.name, a.address, a.orPort, a.dirPort, port, resolver))
	}
	n.Socks, n.Control = "127.0.0.1:"+freeport.Text(t), "127.0.0.1:"+freeport.Text(t)
	n.ControlSocket, n.Cookie = filepath.Join(dir, "control.sock"), filepath.Join(dir, "client", "control_auth_cookie")
	n.await(func() bool { return n.agreed(len(authorities)) })
	n.StartClient()
	return n
}

// StartClient runs the client (again), which Start has done already.
func (n *Network) StartClient() {
	n.t.Helper()
	hash, err := exec.Command("tor", "--quiet", "--hash-password", n.Password).Output()
	if err != nil {
		n.t.Fatal(err)
	}
	n.client, n.ended = n.run(n.place.Home, "client", fmt.Sprintf("SocksPort %s\nControlPort %s\nControlSocket %s\nCookieAuthentication 1\nHashedControlPassword %s\n",
		n.Socks, n.Control, n.ControlSocket, strings.TrimSpace(string(hash))))
	n.await(func() bool {
		c, err := net.Dial("unix", n.ControlSocket)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

// StopClient ends the client.
func (n *Network) StopClient() {
	_ = n.client.Process.Signal(syscall.SIGKILL)
	<-n.ended
}

// agreed says whether the authorities' consensus has so many relays that run.
func (n *Network) agreed(relays int) bool {
	consensus, _ := os.ReadFile(filepath.Join(n.dir, "authority0", "cached-microdesc-consensus"))
	return bytes.Count(consensus, []byte(" Running ")) >= relays+1 // one line lists the flags
}

func (n *Network) await(so func() bool) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for limit := time.After(2 * time.Minute); !so(); {
		select {
		case <-n.ended:
			n.t.Fatal("the client has ended")
		case <-limit:
			n.t.Fatal("it takes too long")
		case <-tick.C:
		}
	}
}

func (n *Network) run(below []string, name, lines string) (*exec.Cmd, chan struct{}) {
	n.t.Helper()
	dir := filepath.Join(n.dir, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		n.t.Fatal(err)
	}
	file := dir + ".torrc"
	settings := "DataDirectory " + dir + "\nTestingTorNetwork 1\nShutdownWaitLength 0\n" +
		"EnforceDistinctSubnets 0\nVanguardsLiteEnabled 0\nConfluxEnabled 0\n" // four relays are too few for these
	lines = settings + n.trusted + lines
	if err := os.WriteFile(file, []byte(lines), 0o600); err != nil {
		n.t.Fatal(err)
	}
	command := append(slices.Clone(below), "tor", "-f", file, "--defaults-torrc", filepath.Join(n.dir, "empty"))
	cmd := exec.Command(command[0], command[1:]...)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	n.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
		if n.t.Failed() {
			n.t.Logf("%s:\n%s", name, log.String())
		}
	})
	return cmd, ended
}

// authority is one of four.
type authority struct {
	name, address, dir, orPort, dirPort string
	empty                               string // a file, so that no machine's settings come in
	v3ident, fingerprint                string
	err                                 error
}

func (a *authority) makeKeys() {
	keys := filepath.Join(a.dir, "keys")
	if a.err = os.MkdirAll(keys, 0o700); a.err != nil {
		return
	}
	make := exec.Command("tor-gencert", "--create-identity-key", "--passphrase-fd", "0", "-m", "12", "-a", a.address+":"+a.dirPort,
		"-i", filepath.Join(keys, "authority_identity_key"), "-s", filepath.Join(keys, "authority_signing_key"), "-c", filepath.Join(keys, "authority_certificate"))
	make.Stdin = strings.NewReader("sparrow\n")
	if out, err := make.CombinedOutput(); err != nil {
		a.err = fmt.Errorf("tor-gencert: %w: %s", err, out)
		return
	}
	cert, err := os.ReadFile(filepath.Join(keys, "authority_certificate"))
	found := regexp.MustCompile(`(?m)^fingerprint ([0-9A-F]{40})$`).FindSubmatch(cert)
	if err != nil || found == nil {
		a.err = fmt.Errorf("a certificate without a fingerprint: %w", err)
		return
	}
	a.v3ident = string(found[1])
	// An authority has to know some before it says who it is itself.
	out, err := exec.Command("tor", "-f", a.empty, "--defaults-torrc", a.empty, "--quiet", "--list-fingerprint", "--ORPort", "1",
		"--DataDirectory", a.dir, "--Nickname", a.name, "--DirAuthority", "x 127.0.0.1:1 "+strings.Repeat("f", 40)).Output()
	_, fingerprint, ok := strings.Cut(string(out), " ")
	if err != nil || !ok {
		a.err = fmt.Errorf("no fingerprint: %w: %s", err, out)
		return
	}
	a.fingerprint = strings.ReplaceAll(strings.TrimSpace(fingerprint), " ", "")
}

// resolver is the exits' name server; it gives its address.
func (n *Network) resolver() string {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { pc.Close() })
	go func() {
		buf := make([]byte, 1500)
		for {
			size, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:size]) != nil || len(m.Questions) != 1 {
				continue
			}
			q := m.Questions[0]
			n.mu.Lock()
			n.asked = append(n.asked, strings.ToLower(strings.TrimSuffix(q.Name.String(), ".")))
			n.mu.Unlock()
			m.Response = true
			if q.Type == dnsmessage.TypeA {
				m.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 60},
					Body:   &dnsmessage.AResource{A: netip.MustParseAddr("127.0.0.1").As4()},
				}}
			}
			m.Additionals = nil
			if b, err := m.Pack(); err == nil {
				_, _ = pc.WriteTo(b, from)
			}
		}
	}()
	return pc.LocalAddr().String()
}
