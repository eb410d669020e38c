package relay_test

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/net/proxy"

	"github.com/dunnock-server/dunnock/hardening/freeport"
	"github.com/dunnock-server/dunnock/hardening/relay"
)

// OpenSSH's client can use the relay: -L, -R and -D; and it gets neither a shell nor a command, nor a copy of files.
func TestOpenSSH(t *testing.T) {
	program, err := exec.LookPath("ssh")
	if err != nil {
		const missing = "ssh is missing: apt-get install openssh-client"
		if os.Getenv("DUNNOCK_REQUIRE_PEERS") == "1" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	target, rules := world(t)
	r := rent(t, relay.Config{Rules: rules, Quantise: time.Millisecond})
	dir := t.TempDir()
	write := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	host, port, _ := net.SplitHostPort(r.address)
	known := write("known_hosts", fmt.Appendf(nil, "[%s]:%s %s", host, port, ssh.MarshalAuthorizedKey(r.host)))
	common := []string{"-F", "none", "-i", write("id", r.oneFile), "-o", "UserKnownHostsFile=" + known, "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes",
		"-o", "ExitOnForwardFailure=yes", "-p", port, "dunnock@" + host}
	local, socks := freeport.Take(t), freeport.Take(t)
	cmd := exec.Command(program, append([]string{"-N", "-L", fmt.Sprintf("127.0.0.1:%d:%s", local, target), "-D", fmt.Sprintf("127.0.0.1:%d", socks),
		"-R", fmt.Sprintf("%d:%s", r.port, target)}, common...)...)
	var output bytes.Buffer
	cmd.Stderr = &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
		if t.Failed() {
			t.Log(output.String())
		}
	})
	talk := func(c net.Conn, err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		says(t, c, []byte("hello"))
		says(t, c, bytes.Repeat([]byte("0123456789"), 100_000))
	}
	for _, to := range []uint16{local, r.port} {
		address := netip.AddrPortFrom(loopback, to).String()
		await(t, "ssh forwards nothing", func() bool {
			c, err := net.Dial("tcp", address)
			if err == nil {
				c.Close()
			}
			return err == nil
		})
		talk(net.Dial("tcp", address))
	}
	d, err := proxy.SOCKS5("tcp", netip.AddrPortFrom(loopback, socks).String(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	talk(d.Dial("tcp", target.String()))
	for _, refused := range []string{"localhost:443", "127.0.0.2:443", "192.88.98.7:22"} {
		if c, err := d.Dial("tcp", refused); err == nil {
			t.Errorf("%s was reached", refused)
			c.Close()
		}
	}
	for _, args := range [][]string{{"true"}, {"-s", "sftp"}, {"-tt", "sh"}} {
		out, err := exec.Command(program, append(args[:len(args)-1:len(args)-1], append(common, args[len(args)-1])...)...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "administratively prohibited") {
			t.Errorf("%v: %v: %s", args, err, out)
		}
	}
}
