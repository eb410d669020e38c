package certs

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/dunnock-server/dunnock/hardening/freeport"
	"github.com/dunnock-server/dunnock/hardening/ingress"
)

const name = "alice.example"

// memory is a Store.
type memory struct {
	mu     sync.Mutex
	values map[string][]byte
	puts   []string
}

func (m *memory) Get(_ context.Context, name string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.values[name], nil
}

func (m *memory) Put(_ context.Context, name string, value []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.values == nil {
		m.values = make(map[string][]byte)
	}
	m.values[name] = bytes.Clone(value)
	m.puts = append(m.puts, name)
	return nil
}

// pebble is Let's Encrypt's small server for tests, which looks for every name on this machine, at a port of its own.
type pebble struct {
	directory string
	roots     *x509.CertPool
	issuers   string // a URL: what it issues is signed by these
	port      string // where it comes for challenges
	args      []string
	env       []string
	cmd       *exec.Cmd
	log       bytes.Buffer
}

func startPebble(t *testing.T, env ...string) *pebble {
	t.Helper()
	program, err := exec.LookPath("pebble")
	if err != nil {
		const lack = "pebble is missing: go install github.com/letsencrypt/pebble/v2/cmd/pebble@v2.10.1"
		if os.Getenv("DUNNOCK_REQUIRE_PEERS") == "1" {
			t.Fatal(lack)
		}
		t.Skip(lack)
	}
	dir := t.TempDir()
	p := &pebble{port: freeport.Text(t), roots: x509.NewCertPool()}
	cert, key := p.certificate(t, dir)
	address, management := "127.0.0.1:"+freeport.Text(t), "127.0.0.1:"+freeport.Text(t)
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": address, "managementListenAddress": management, "certificate": cert, "privateKey": key,
		"httpPort": 1, "tlsPort": json.Number(p.port), "ocspResponderURL": "", "externalAccountBindingRequired": false,
		"profiles": map[string]any{"default": map[string]any{"description": "short", "validityPeriod": 3600}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "pebble.json")
	if err := os.WriteFile(file, config, 0o600); err != nil {
		t.Fatal(err)
	}
	p.directory, p.issuers = "https://"+address+"/dir", "https://"+management+"/roots/0"
	p.args, p.env = []string{program, "-config", file, "-dnsserver", resolver(t)}, append(env, "PEBBLE_VA_NOSLEEP=1")
	p.start(t)
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			t.Log(p.log.String())
		}
	})
	return p
}

func (p *pebble) start(t *testing.T) {
	t.Helper()
	p.cmd = exec.Command(p.args[0], p.args[1:]...)
	p.cmd.Env = append(os.Environ(), p.env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, "pebble listens", func() bool {
		res, err := p.client().Get(p.directory)
		if err == nil {
			res.Body.Close()
		}
		return err == nil
	})
}

func (p *pebble) stop() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

func (p *pebble) client() *http.Client { return &http.Client{Transport: p.transport()} }

func (p *pebble) transport() http.RoundTripper {
	return &http.Transport{TLSClientConfig: &tls.Config{RootCAs: p.roots}, DisableKeepAlives: true}
}

// visit is a request to the node, by who trusts what pebble issues.
func (p *pebble) visit(t *testing.T, change func(*tls.Config)) (*http.Response, error) {
	t.Helper()
	res, err := p.client().Get(p.issuers)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	roots := x509.NewCertPool()
	if root, err := io.ReadAll(res.Body); err != nil || !roots.AppendCertsFromPEM(root) {
		t.Fatalf("no root: %s, %v", root, err)
	}
	c := &tls.Config{RootCAs: roots, ServerName: name}
	if change != nil {
		change(c)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&tls.Dialer{Config: c}).DialContext(ctx, "tcp", "127.0.0.1:"+p.port)
	}}}
	return client.Post("https://"+name+"/", "text/plain", bytes.NewReader([]byte("hello")))
}

// certificate is what pebble's own API is served with.
func (p *pebble) certificate(t *testing.T, dir string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, c, c, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	p.roots.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	text, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "EC PRIVATE KEY", Bytes: text}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// resolver finds every name at 127.0.0.1, and no CAA record. It is asked over TCP.
func resolver(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				for {
					var size uint16
					if binary.Read(conn, binary.BigEndian, &size) != nil {
						return
					}
					query := make([]byte, size)
					if _, err := io.ReadFull(conn, query); err != nil {
						return
					}
					answer := address(query)
					_, _ = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...))
				}
			}()
		}
	}()
	return l.Addr().String()
}

func address(query []byte) []byte {
	var m dnsmessage.Message
	if m.Unpack(query) != nil || len(m.Questions) != 1 {
		return nil
	}
	m.Response, m.Additionals = true, nil
	if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
		m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 1},
			Body: &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}}}}
	}
	answer, _ := m.Pack()
	return answer
}

func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// serve runs a node's listener, at the port that pebble comes to, and its manager.
func serve(t *testing.T, p *pebble, store Store, change func(*Config)) (*Manager, func()) {
	t.Helper()
	c := Config{Names: []string{name}, Directory: p.directory, Transport: p.transport(), Store: store,
		Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))}
	if change != nil {
		change(&c)
	}
	m, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := ingress.Listen(ingress.Config{Address: "127.0.0.1:" + p.port})
	if err != nil {
		t.Fatal(err)
	}
	server := ingress.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s says %s", r.Host, body)
	}), ingress.Config{TLS: m.TLSConfig()}, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = server.Serve(ctx, ln) })
	running.Go(func() {
		if err := m.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	stop := func() { cancel(); running.Wait() }
	t.Cleanup(stop)
	return m, stop
}
