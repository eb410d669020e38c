package proxy_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/egress/proxy"
	"github.com/dunnock-server/dunnock/hardening/freeport"
)

const user, password = "dunnock", "quiet-hedge"

// part is a proxy that people run.
type part struct {
	name, program, install string
	http, tls, secret      bool
	// args writes what the program needs into dir, for it to listen on 127.0.0.1:port, and gives its arguments.
	args func(t *testing.T, dir, port string) []string
}

var parts = []part{
	{name: "microsocks", program: "microsocks", install: "microsocks", args: func(_ *testing.T, _, port string) []string {
		return []string{"-i", "127.0.0.1", "-p", port}
	}},
	{name: "microsocks with password", program: "microsocks", install: "microsocks", secret: true, args: func(_ *testing.T, _, port string) []string {
		return []string{"-i", "127.0.0.1", "-p", port, "-u", user, "-P", password}
	}},
	{name: "dante", program: "danted", install: "dante-server", args: func(t *testing.T, dir, port string) []string {
		return []string{"-f", write(t, dir, "danted.conf", `logoutput: stderr
internal: 127.0.0.1 port = `+port+`
external: lo
clientmethod: none
socksmethod: none
user.privileged: root
user.unprivileged: nobody
client pass { from: 0/0 to: 0/0 }
socks pass { from: 0/0 to: 0/0 }
`)}
	}},
	{name: "squid", program: "squid", install: "squid", http: true, args: func(t *testing.T, dir, port string) []string {
		return squid(t, dir, "http_port 127.0.0.1:"+port+"\nhttp_access allow all\n")
	}},
	{name: "squid with password", program: "squid", install: "squid", http: true, secret: true, args: func(t *testing.T, dir, port string) []string {
		return squid(t, dir, "http_port 127.0.0.1:"+port+"\n"+withPassword(t, dir))
	}},
	{name: "squid over TLS", program: "squid", install: "squid", http: true, secret: true, tls: true, args: func(t *testing.T, dir, port string) []string {
		return squid(t, dir, fmt.Sprintf("https_port 127.0.0.1:%s tls-cert=%s tls-key=%[2]s\n", port, filepath.Join(dir, "tls.pem"))+withPassword(t, dir))
	}},
	{name: "tinyproxy", program: "tinyproxy", install: "tinyproxy", http: true, args: func(t *testing.T, dir, port string) []string {
		return []string{"-d", "-c", write(t, dir, "tinyproxy.conf", "Port "+port+"\nListen 127.0.0.1\nMaxClients 20\nAllow 127.0.0.1\n")}
	}},
	{name: "tinyproxy with password", program: "tinyproxy", install: "tinyproxy", http: true, secret: true, args: func(t *testing.T, dir, port string) []string {
		return []string{"-d", "-c", write(t, dir, "tinyproxy.conf", "Port "+port+"\nListen 127.0.0.1\nMaxClients 20\nAllow 127.0.0.1\nBasicAuth "+user+" "+password+"\n")}
	}},
}

func squid(t *testing.T, dir, lines string) []string {
	return []string{"-N", "-f", write(t, dir, "squid.conf", lines+"cache deny all\naccess_log none\ncache_log /dev/null\npid_filename none\ncoredump_dir /\nshutdown_lifetime 0 seconds\n")}
}

// withPassword asks a program of ours about passwords: squid's own want a file of hashes.
func withPassword(t *testing.T, dir string) string {
	script := write(t, dir, "ask.sh", "while read -r u p; do [ \"$u $p\" = '"+user+" "+password+"' ] && echo OK || echo ERR; done\n")
	return "auth_param basic program /bin/sh " + script + "\nauth_param basic children 1 startup=1\nacl known proxy_auth REQUIRED\nhttp_access allow known\nhttp_access deny all\n"
}

func write(t *testing.T, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// need skips the test where a program is not installed.
func need(t *testing.T, program, install string) string {
	t.Helper()
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin") {
		if path, err := exec.LookPath(filepath.Join(dir, program)); err == nil {
			return path
		}
	}
	if os.Getenv("DUNNOCK_REQUIRE_PEERS") == "1" {
		t.Fatalf("%s is missing: apt-get install %s", program, install)
	}
	t.Skipf("%s is missing: apt-get install %s", program, install)
	return ""
}

// running is a part at work.
type running struct {
	part
	t         *testing.T
	dir, port string
	roots     *x509.CertPool
	stop      func()
}

// hosts is what the proxies' machine believes: other names than the look-up has for the same hosts.
const hosts = "127.0.0.1 localhost\n127.0.0.2 relay.internal canary.example target.example\n"

func (p part) start(t *testing.T) *running {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil { // squid gives up being root
		t.Fatal(err)
	}
	r := &running{part: p, t: t, dir: dir, port: freeport.Text(t)}
	if p.tls {
		r.roots = certificate(t, dir)
	}
	r.run()
	return r
}

// run starts the program and waits until it takes connections.
func (r *running) run() {
	r.t.Helper()
	program := need(r.t, r.program, r.install)
	args := append([]string{program}, r.args(r.t, r.dir, r.port)...)
	if os.Geteuid() == 0 { // with a hosts file of its own
		file := write(r.t, r.dir, "hosts", hosts)
		args = append([]string{"unshare", "-m", "sh", "-c", `mount --bind "$0" /etc/hosts && exec "$@"`, file}, args...)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	r.stop = func() { cancel(); <-ended }
	r.t.Cleanup(r.stop)
	await(r.t, ended, &output, func() bool {
		c, err := net.Dial("tcp", "127.0.0.1:"+r.port)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

// await looks until it is so, or the program has ended.
func await(t *testing.T, ended <-chan struct{}, output fmt.Stringer, so func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(20 * time.Second)
	for !so() {
		select {
		case <-ended:
			t.Fatalf("it has ended: %s", output)
		case <-limit:
			t.Fatal("it takes no connections")
		case <-tick.C:
		}
	}
}

func (r *running) config(rules egress.Rules) proxy.Config {
	c := proxy.Config{Name: "proxy", Address: "127.0.0.1:" + r.port, Rules: rules, Dial: egress.Home(), TLS: r.tls, Roots: r.roots}
	if r.secret {
		c.User, c.Password = user, password
	}
	return c
}

func (r *running) relay(c proxy.Config) egress.Linked {
	r.t.Helper()
	make := proxy.Socks
	if r.http {
		make = proxy.HTTP
	}
	l, err := make(c)
	if err != nil {
		r.t.Fatal(err)
	}
	return l
}

// certificate writes tls.pem for 127.0.0.1.
func certificate(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	both := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})...)
	write(t, dir, "tls.pem", string(both))
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(both)
	return roots
}
