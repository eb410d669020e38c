package node_test

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
		Rules: egress.Rules{HTTP: true}, Timing: timing.Now, Policy: hardening.Open()}
}

// newSiege opens a node on a network in memory. A change may give it another relay, rules, limits or listener.
func newSiege(t *testing.T, changes ...func(*node.Config)) *siege {
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
	go func() { served <- ingress.NewServer(s.node.Handler(), c.Listen, c.Log).Serve(ctx, c.Listener) }()
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

// during returns the requests and dials of the node while f runs and takes effect.
func (s *siege) during(f func()) (requests, dials []string) {
	s.Helper()
	s.mu.Lock()
	r, d := len(s.requests), len(s.dials)
	s.mu.Unlock()
	f()
	s.settle()
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests[r:]), slices.Clone(s.dials[d:])
}

// unchanged reports what f changes of all that is stored, and returns the requests and dials that it caused.
func (s *siege) unchanged(f func()) (requests, dials []string) {
	s.Helper()
	before := s.stored()
	requests, dials = s.during(f)
	after := s.stored()
	for _, line := range before {
		if !slices.Contains(after, line) {
			s.Errorf("gone: %.300s", line)
		}
	}
	for _, line := range after {
		if !slices.Contains(before, line) {
			s.Errorf("new:  %.300s", line)
		}
	}
	return requests, dials
}

// silent expects that f changes nothing, and that the node asks nobody.
func (s *siege) silent(f func()) {
	s.Helper()
	if requests, dials := s.unchanged(f); len(requests)+len(dials) > 0 {
		s.Errorf("the node asked %q and dialled %q", requests, dials)
	}
}

// uncounted are tables whose change has no meaning: what came, and what the node asked of whom.
var uncounted = []string{"inbound", "disclosures", "hosts"}

// stored is everything that is stored, a line for each row.
func (s *siege) stored() (lines []string) {
	s.Helper()
	for _, line := range s.query("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'") {
		if table := strings.TrimPrefix(line, " name="); !slices.Contains(uncounted, table) {
			lines = append(lines, s.query("SELECT '"+table+"' AS of, * FROM "+table)...)
		}
	}
	slices.Sort(lines)
	return lines
}

// query looks into the node's database beside it: a row is " name=value name=value".
func (s *siege) query(query string, args ...any) (lines []string) {
	s.Helper()
	db, err := sql.Open("sqlite3", "file:"+url.PathEscape(filepath.Join(s.dir, "dunnock.db"))+"?mode=ro")
	if err != nil {
		s.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(query, args...)
	if err != nil {
		s.Fatal(err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		s.Fatal(err)
	}
	for rows.Next() {
		values := make([]any, len(names))
		for i := range values {
			values[i] = new(any)
		}
		if err := rows.Scan(values...); err != nil {
			s.Fatal(err)
		}
		line := ""
		for i, name := range names {
			if name != "fetched_at" { // when it was last asked for
				line += fmt.Sprintf(" %s=%v", name, *values[i].(*any))
			}
		}
		lines = append(lines, line)
	}
	if err := rows.Err(); err != nil {
		s.Fatal(err)
	}
	return lines
}
