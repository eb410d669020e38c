package sshlink_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/egress/sshlink"
	"github.com/dunnock-server/dunnock/hardening/freeport"
)

// key is a new key, and its file.
func key(t *testing.T) (ssh.Signer, []byte) {
	t.Helper()
	_, secret, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(secret, "")
	if err != nil {
		t.Fatal(err)
	}
	file := pem.EncodeToMemory(block)
	signer, err := sshlink.ParseIdentity(file)
	if err != nil {
		t.Fatal(err)
	}
	return signer, file
}

func line(k ssh.PublicKey) string { return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(k))) }

// sshd is OpenSSH's server, at work for the user that runs the test.
type sshd struct {
	address string
	host    ssh.PublicKey
	ours    ssh.Signer
	user    string
}

// startSSHD starts one. options go before our key in authorized_keys, lines to its configuration.
func startSSHD(t *testing.T, options string, lines ...string) *sshd {
	t.Helper()
	program, err := exec.LookPath("/usr/sbin/sshd")
	if err != nil {
		const missing = "/usr/sbin/sshd is missing: apt-get install openssh-server"
		if os.Getenv("DUNNOCK_REQUIRE_PEERS") == "1" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil { // what it calls its privilege separation directory
			t.Fatal(err)
		}
	}
	host, file := key(t)
	ours, _ := key(t)
	dir := t.TempDir()
	write := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	port := freeport.Take(t)
	config := fmt.Sprintf("Port %d\nListenAddress 127.0.0.1\nHostKey %s\nAuthorizedKeysFile %s\nPidFile none\nStrictModes no\nUsePAM no\n"+
		"PasswordAuthentication no\nPermitRootLogin prohibit-password\nMaxStartups 100\n%s\n", port, write("host", file),
		write("authorized_keys", []byte(options+" "+line(ours.PublicKey())+"\n")), strings.Join(lines, "\n"))
	cmd := exec.Command(program, "-D", "-e", "-f", write("sshd_config", []byte(config)))
	var output bytes.Buffer
	cmd.Stderr = &output
	cmd.WaitDelay = time.Second // its sessions are processes of their own
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
	s := &sshd{fmt.Sprintf("127.0.0.1:%d", port), host.PublicKey(), ours, me.Username}
	await(t, "sshd takes no connections", func() bool {
		c, err := net.Dial("tcp", s.address)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return s
}

func (s *sshd) config(rules egress.Rules) sshlink.Config {
	return sshlink.Config{Name: "vps", Address: s.address, User: s.user, Identity: s.ours, HostKey: s.host, Rules: rules, Dial: egress.Home()}
}

func open(t *testing.T, c sshlink.Config) *sshlink.Relay {
	t.Helper()
	r, err := sshlink.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// await looks until it is so.
func await(t *testing.T, not string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(20 * time.Second)
	for !so() {
		select {
		case <-limit:
			t.Fatal(not)
		case <-tick.C:
		}
	}
}

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}
