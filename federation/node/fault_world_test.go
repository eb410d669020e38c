package node_test

import (
	"context"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/dunnock-server/dunnock/federation/federationtest"
	"github.com/dunnock-server/dunnock/federation/node"
	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/ingress"
)

// seeded is a generator of random numbers whose seed is printed, and taken from DUNNOCK_SEED if that is set.
func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	if text := os.Getenv("DUNNOCK_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("DUNNOCK_SEED=%d repeats this", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// scaled is n with DUNNOCK_FULL=1, and a tenth of it without.
func scaled(n int) int {
	if os.Getenv("DUNNOCK_FULL") == "1" {
		return n
	}
	return n / 10
}

// newPatient is a siege whose node is opened and closed as a test wants, on whatever disk. What it complains of is no fault.
func newPatient(t *testing.T) *siege {
	t.Helper()
	s := &siege{T: t, dir: t.TempDir(), owner: "http://" + home + "/users/alice", inbox: "http://" + home + "/inbox", net: federationtest.NewNetwork()}
	db, err := born()
	if err == nil {
		err = os.WriteFile(filepath.Join(s.dir, "dunnock.db"), db, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.client = &http.Client{Transport: &http.Transport{DialContext: s.net.Relay("outside").DialContext, DisableKeepAlives: true}}
	return s
}

// open opens the node on a disk (empty: the real one) and serves it, until close is called.
func (s *siege) open(vfs string) (closed func(), err error) {
	s.Helper()
	c := besieged(s.dir)
	c.VFS = vfs
	c.Relays = []egress.Relay{counted{s.net.Relay(home), s}}
	c.Log = slog.New(slog.NewTextHandler(&s.log, nil))
	if s.node, err = node.Open(s.Context(), c); err != nil {
		return nil, err
	}
	ln := s.net.Listen(home)
	ctx, stop := context.WithCancel(context.WithoutCancel(s.Context()))
	served := make(chan error, 1)
	n := s.node
	go func() { served <- ingress.NewServer(n.Handler(), c.Listen, c.Log).Serve(ctx, ln) }()
	return func() {
		stop()
		<-served
		_ = n.Close() // which a broken disk may make fail
	}, nil
}

// mustOpen is open for a disk that is well.
func (s *siege) mustOpen(vfs string) (closed func()) {
	s.Helper()
	closed, err := s.open(vfs)
	if err != nil {
		s.Fatal(err)
	}
	return closed
}

// try sends a request that may fail, and returns the status; 0: there was no answer. Every refusal for a reason of the
// node's own is 503 with Retry-After.
func (s *siege) try(r *http.Request) int {
	res, err := s.client.Do(r)
	if err != nil {
		return 0
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	if res.StatusCode >= 500 && (res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "") {
		s.Errorf("%s %s is answered with %d, Retry-After %q", r.Method, r.URL.Path, res.StatusCode, res.Header.Get("Retry-After"))
	}
	return res.StatusCode
}

// sound has the node checked, which must not run on a disk of a test's.
func (s *siege) sound() {
	s.Helper()
	faults, err := node.Check(s.Context(), s.dir)
	if err != nil || len(faults) > 0 {
		s.Errorf("the check finds %v, %v", faults, err)
	}
}

// posts is how many posts of a URI there are that were not deleted.
func (s *siege) posts(uri string) int {
	s.Helper()
	return len(s.query("SELECT id FROM posts WHERE uri = ? AND deleted_at IS NULL", uri))
}

// troubled expects that a command fails for a reason of the disk's, and says which.
func (s *siege) troubled(err error, want error) {
	s.Helper()
	if err == nil || err.Error() != want.Error() {
		s.Errorf("a command says %v, want %v", err, want)
	}
}
