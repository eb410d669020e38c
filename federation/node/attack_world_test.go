package node_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/dunnock-server/dunnock/federation/control"
	"github.com/dunnock-server/dunnock/federation/federationtest"
	"github.com/dunnock-server/dunnock/federation/node"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/ingress"
	"github.com/dunnock-server/dunnock/hardening/timing"
)

// row is a line of the list of attacks that other servers fell to: where it was seen, and what it was. In the tests D is
// the node, V a victim's server, E an attacker's with valid keys of its own, and F that of a friend whom the owner follows.
type row struct {
	seen, attack string
	test         func(t *testing.T)
}

// section runs the rows of a section of that list.
func section(t *testing.T, rows []row) {
	for _, r := range rows {
		t.Run(r.seen+": "+r.attack, r.test)
	}
}

// home is the host of the node under attack.
const home = "dunnock.example"

// siege is a node with attackers around it. Everything of the node is real: handler, limits, gate, storage. It does what is
// due when a test says so, so that a test sees all effects of what it sent, and none of anything else.
type siege struct {
	*testing.T
	node   *node.Node
	dir    string
	owner  string // URI
	inbox  string // where activities are posted to: the owner's or the shared one
	net    *federationtest.Network
	log    journal // what the node complains of
	client *http.Client

	mu       sync.Mutex
	requests []string // of the node: "METHOD http://host/path"
	dials    []string // of the node: "host:port"
}

// born is a data directory as Init makes it, made once: keys take a while.
var born = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "born")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := node.Init(context.Background(), besieged(dir)); err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(dir, "dunnock.db"))
})

func besieged(dir string) node.Config {
	return node.Config{Domain: home, Host: home, Username: "alice", DataDir: dir, UnsafeHTTP: true, Socketless: true,
		Rules: egress.Rules{HTTP: true}, Timing: timing.Mode{Kind: timing.Now}, Policy: hardening.Open()}
}

// newSiege opens a node on a network in memory and serves what it shows to the world. A change may give it another relay,
// rules, limits or listener.
func newSiege(t *testing.T, changes ...func(*node.Config)) *siege {
	t.Helper()
	return besiege(t, func(ctx context.Context, n *node.Node, c node.Config) error {
		return ingress.NewServer(n.Handler(), c.Listen, c.Log).Serve(ctx, c.Listener)
	}, changes...)
}

// running runs a node as a program does: with time, in a bubble, what is due happens.
func running(t *testing.T, changes ...func(*node.Config)) *siege {
	t.Helper()
	return besiege(t, func(ctx context.Context, n *node.Node, _ node.Config) error { return n.Run(ctx) }, changes...)
}

func besiege(t *testing.T, run func(context.Context, *node.Node, node.Config) error, changes ...func(*node.Config)) *siege {
	t.Helper()
	s := &siege{T: t, dir: t.TempDir(), owner: "http://" + home + "/users/alice", inbox: "http://" + home + "/users/alice/inbox", net: federationtest.NewNetwork()}
	db, err := born()
	if err == nil {
		err = os.WriteFile(filepath.Join(s.dir, "dunnock.db"), db, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	c := besieged(s.dir)
	c.Relays = []egress.Relay{s.net.Relay(home)}
	c.Listener = s.net.Listen(home)
	c.Log = slog.New(slog.NewTextHandler(&s.log, &slog.HandlerOptions{Level: slog.LevelWarn}))
	for _, change := range changes {
		change(&c)
	}
	c.Relays[0] = counted{c.Relays[0], s}
	if s.node, err = node.Open(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	outside := s.net.Relay("outside")
	s.client = &http.Client{
		Transport:     &http.Transport{DialContext: outside.DialContext, DisableKeepAlives: true, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	served := make(chan error, 1)
	go func() { served <- run(ctx, s.node, c) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
		if err := s.node.Close(); err != nil {
			t.Error(err)
		}
		if log := s.log.String(); log != "" {
			t.Errorf("the node complains:\n%s", log)
		}
	})
	return s
}

// counted writes down what the node dials.
type counted struct {
	egress.Relay
	s *siege
}

func (c counted) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	c.s.mu.Lock()
	c.s.dials = append(c.s.dials, address)
	c.s.mu.Unlock()
	return c.Relay.DialContext(ctx, network, address)
}

// call is something that the owner does.
func (s *siege) call(name string, args, result any) error {
	return control.InProcess(s.node.Control()).Call(s.Context(), name, args, result)
}

// must is call for what has to succeed.
func (s *siege) must(name string, args, result any) {
	s.Helper()
	if err := s.call(name, args, result); err != nil {
		s.Fatalf("%s: %v", name, err)
	}
}

// settle lets everything that is due take effect, and leave.
func (s *siege) settle() {
	s.Helper()
	if err := s.node.Drain(s.Context()); err != nil {
		s.Fatal(err)
	}
}

// answer is what the node answers.
type answer struct {
	status int
	header http.Header
	body   string
}

// do sends a request to the node.
func (s *siege) do(r *http.Request) answer {
	s.Helper()
	res, err := s.client.Do(r)
	if err != nil {
		s.Fatalf("the node does not answer: %v", err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.Fatalf("the node does not answer: %v", err)
	}
	res.Header.Del("Date")
	return answer{res.StatusCode, res.Header, string(body)}
}
