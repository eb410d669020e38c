//go:build linux

package wireguard

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dunnock-server/dunnock/hardening/egress"
)

// need skips the test where what it takes is not there.
func need(t *testing.T) {
	t.Helper()
	var missing []string
	for _, program := range []string{"ip", "tcpdump", "wg", "wireguard-go"} {
		if _, err := exec.LookPath(program); err != nil {
			missing = append(missing, program)
		}
	}
	lack := ""
	switch _, err := os.Stat("/dev/net/tun"); {
	case os.Geteuid() != 0 || err != nil:
		lack = "network namespaces and /dev/net/tun take root"
	case len(missing) > 0:
		lack = strings.Join(missing, ", ") + " missing: apt-get install iproute2 tcpdump wireguard-tools wireguard-go"
	default:
		return
	}
	if os.Getenv("DUNNOCK_REQUIRE_PEERS") == "1" {
		t.Fatal(lack)
	}
	t.Skip(lack)
}

func run(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// inside calls f on a thread that is in a namespace: sockets stay in the one that they were made in.
func inside(namespace string, f func() error) error {
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
	return <-done
}

// A tunnel to Debian's wireguard-go, from a network of our own: all that its line carries is UDP with the endpoint.
func TestParts(t *testing.T) {
	need(t)
	t.Parallel()
	home, there := fmt.Sprintf("dunnock%dwghome", os.Getpid()), fmt.Sprintf("dunnock%dwgfar", os.Getpid())
	for _, name := range []string{home, there} {
		run(t, "ip", "netns", "add", name)
		t.Cleanup(func() { run(t, "ip", "netns", "del", name) })
		run(t, "ip", "netns", "exec", name, "sh", "-c", "echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6; echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6")
		run(t, "ip", "-n", name, "link", "set", "lo", "up")
	}
	for _, line := range []string{
		"link add up0 netns HOME type veth peer name down0 netns FAR",
		"-n HOME addr add 192.0.2.2/24 dev up0", "-n HOME link set up0 up", "-n HOME route add default via 192.0.2.1 dev up0",
		"-n FAR addr add 192.0.2.1/24 dev down0", "-n FAR link set down0 up", "-n FAR addr add 45.79.10.2/32 dev lo",
	} {
		run(t, append([]string{"ip"}, strings.Fields(strings.NewReplacer("HOME", home, "FAR", there).Replace(line))...)...)
	}

	f := &far{t: t, host: "192.0.2.1", port: 51820, names: map[string][]string{"good.example": {public.String()}, "bad.example": {"10.9.0.1"}}}
	f.private, f.public = newKey(t)
	f.ourPrivate, f.ourPublic = newKey(t)
	stop := f.daemon(there)
	err := inside(there, func() error {
		udp, err := net.ListenPacket("udp", netip.AddrPortFrom(resolver, 53).String())
		if err != nil {
			return err
		}
		t.Cleanup(func() { udp.Close() })
		go f.packets(udp)
		l, err := net.Listen("tcp", netip.AddrPortFrom(public, 80).String())
		if err != nil {
			return err
		}
		t.Cleanup(func() { l.Close() })
		serve(l)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	leaks := listen(t, home)

	r := f.relay(func(c *Config) {
		c.Dial = func(ctx context.Context, network, address string) (conn net.Conn, err error) {
			return conn, inside(home, func() error { conn, err = egress.Home()(ctx, network, address); return err })
		}
	})
	r.quiet = 3 * time.Second
	begun := time.Now()
	if err := r.Connect(soon(t)); err != nil {
		t.Fatal(err)
	}
	t.Logf("handshake in %v", time.Since(begun))
	for _, host := range []string{"good.example", public.String()} {
		if got, err := get(t, r.DialContext, "http://"+host+"/"); err != nil || !strings.HasPrefix(got, ours.String()+":") {
			t.Errorf("%s: %q, %v", host, got, err)
		}
	}
	transfer(t, r.DialContext, false)
	transfer(t, r.DialContext, true)
	if _, err := r.DialContext(soon(t), "tcp", "bad.example:80"); !errors.Is(err, egress.ErrRefused) {
		t.Error(err)
	}
	l, err := r.Listen(soon(t), 8443)
	if err != nil {
		t.Fatal(err)
	}
	serve(l)
	visit := func(ctx context.Context, network, address string) (conn net.Conn, err error) {
		return conn, inside(there, func() error { conn, err = (&net.Dialer{}).DialContext(ctx, network, address); return err })
	}
	if got, err := get(t, visit, "http://"+ours.String()+":8443/"); err != nil || !strings.HasPrefix(got, resolver.String()+":") {
		t.Errorf("a visitor is seen as %q, %v", got, err)
	}

	stop()
	if _, err := r.DialContext(soon(t), "tcp", public.String()+":80"); !errors.Is(err, egress.ErrRelayDown) || !r.State().Down {
		t.Error(err, r.State())
	}
	stop = f.daemon(there)
	defer stop()
	if err := r.Connect(soon(t)); err != nil || r.State().Down {
		t.Fatal(err, r.State())
	}
	if _, err := get(t, r.DialContext, "http://good.example/"); err != nil {
		t.Error(err)
	}
	r.Close()

	if got := leaks(); got != "" {
		t.Errorf("left the line:\n%s", got)
	}
}

// daemon starts wireguard-go in a namespace.
func (f *far) daemon(namespace string) (stop func()) {
	f.t.Helper()
	conf := filepath.Join(f.t.TempDir(), "far.conf")
	text := fmt.Sprintf("[Interface]\nPrivateKey = %s\nListenPort = %d\n[Peer]\nPublicKey = %s\nAllowedIPs = %s/32\n", f.private.base64(), f.port, f.ourPublic.base64(), ours)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
	name := fmt.Sprintf("wgd%d", os.Getpid())
	cmd := exec.Command("ip", "netns", "exec", namespace, "wireguard-go", "-f", name)
	if err := cmd.Start(); err != nil {
		f.t.Fatal(err)
	}
	until(f.t, 10*time.Second, "wireguard-go is ready", func() bool {
		return exec.Command("ip", "netns", "exec", namespace, "wg", "setconf", name, conf).Run() == nil
	})
	for _, line := range []string{"addr add 10.9.0.1/24 dev " + name, "link set " + name + " mtu 1420 up"} {
		run(f.t.(*testing.T), append([]string{"ip", "-n", namespace}, strings.Fields(line)...)...)
	}
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			_ = cmd.Process.Signal(os.Interrupt)
			_ = cmd.Wait()
		}
	}
	f.t.Cleanup(stop)
	return stop
}

// listen captures what a namespace's line carries beside UDP with the endpoint, what kernels say of that, and ARP. What it gives stops the capture, once
// it has seen a packet that should not be there.
func listen(t *testing.T, namespace string) (stop func() string) {
	t.Helper()
	cmd := exec.Command("ip", "netns", "exec", namespace, "tcpdump", "-nn", "-l", "--immediate-mode", "-i", "any", "not arp and not (host 192.0.2.1 and icmp) and not (udp and host 192.0.2.1 and port 51820)")
	var out, begun shared
	cmd.Stdout, cmd.Stderr = &out, &begun
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	until(t, 10*time.Second, "tcpdump listens", func() bool { return strings.Contains(begun.String(), "listening on") })
	return func() string {
		err := inside(namespace, func() error {
			c, err := net.Dial("udp", "192.0.2.1:9")
			if err == nil {
				_, err = c.Write([]byte("seen"))
				c.Close()
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		until(t, 10*time.Second, "the capture sees what it is there to see", func() bool { return strings.Contains(out.String(), "192.0.2.1.9:") })
		var rest strings.Builder
		for line := range strings.Lines(out.String()) {
			if !strings.Contains(line, "192.0.2.1.9:") {
				rest.WriteString(line)
			}
		}
		return rest.String()
	}
}

// shared is a buffer that is read while it is written.
type shared struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *shared) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
