package hardening_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/dunnock-server/dunnock/federation/httpsig"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/exposure"
)

func TestFetchSendsNothingButTheQuestion(t *testing.T) {
	var w *world
	var got *http.Request
	var during []exposure.Row
	w = newWorld(t, hardening.Open(), func(rw http.ResponseWriter, r *http.Request) {
		got, during = r, w.rows("r.example")
		rw.Header().Set("Content-Type", "application/jrd+json")
		io.WriteString(rw, "{}")
	})
	at := "http://r.example/.well-known/webfinger?resource=acct:bob@r.example"
	res, err := w.Fetch(t.Context(), hardening.Fetch{URL: at + "#fragment", Purpose: egress.Lookup, Accept: "application/jrd+json"})
	if err != nil || res.URL != at || res.Status != 200 || res.ContentType != "application/jrd+json" || string(res.Body) != "{}" {
		t.Fatalf("%+v, %v", res, err)
	}
	for name := range got.Header {
		if !slices.Contains([]string{"Accept", "Accept-Encoding", "User-Agent"}, name) {
			t.Errorf("%s was sent", name)
		}
	}
	if len(during) != 1 || during[0].Status != 0 || !during[0].SettledAt.IsZero() {
		t.Errorf("when the first bytes arrived the ledger said %+v", during)
	}
	rows := w.rows("r.example")
	if len(rows) != 1 || rows[0].Status != 200 || rows[0].Bytes == 0 || rows[0].Direction != exposure.Fetched ||
		rows[0].Purpose != "lookup" || rows[0].Object != at || rows[0].Exit != "memory" || rows[0].SettledAt.IsZero() {
		t.Errorf("%+v", rows)
	}
}

func TestEachHopIsADecisionARowAndASignature(t *testing.T) {
	var mu sync.Mutex
	var faults []error
	signatures := map[string]bool{}
	w := newWorld(t, hardening.Open(), func(rw http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		faults = append(faults, verify(r, nil))
		signatures[r.Header.Get("Signature")] = true
		switch r.Host {
		case "a.example":
			http.Redirect(rw, r, "http://b.example/2", http.StatusFound)
		case "b.example":
			http.Redirect(rw, r, "//c.example/3#part", http.StatusPermanentRedirect)
		case "c.example":
			http.Redirect(rw, r, "4", http.StatusSeeOther)
		}
	})
	f := hardening.Fetch{URL: "http://a.example/1", Purpose: egress.Federation, Sign: sign(httpsig.Cavage)}
	// c.example redirects once within itself, then once too often.
	if _, err := w.Fetch(t.Context(), f); !errors.Is(err, egress.ErrRefused) {
		t.Errorf("more than three redirects: %v", err)
	}
	if err := errors.Join(faults...); err != nil || len(faults) != 4 || len(signatures) != 4 {
		t.Errorf("%d hops, %d signatures: %v", len(faults), len(signatures), err)
	}
	for domain, objects := range map[string][]string{"a.example": {"http://a.example/1"}, "b.example": {"http://b.example/2"},
		"c.example": {"http://c.example/4", "http://c.example/3"}} {
		var got []string
		for _, r := range w.rows(domain) {
			got = append(got, r.Object)
			if r.SettledAt.IsZero() || r.Status/100 != 3 {
				t.Errorf("%+v", r)
			}
		}
		if !slices.Equal(got, objects) {
			t.Errorf("rows of %s: %q", domain, got)
		}
	}
}

func TestThreeRedirectsAreFollowed(t *testing.T) {
	w := newWorld(t, hardening.Open(), func(rw http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
		if n < 3 {
			http.Redirect(rw, r, "/"+strconv.Itoa(n+1), http.StatusMovedPermanently)
		}
	})
	res, err := w.Fetch(t.Context(), hardening.Fetch{URL: "http://r.example/0", Purpose: egress.Lookup})
	if err != nil || res.URL != "http://r.example/3" || res.Status != 200 {
		t.Errorf("%+v, %v", res, err)
	}
}

// TestRedirectThatSaysNotWhere is an answer like any other, and no reason to ask the same again.
func TestRedirectThatSaysNotWhere(t *testing.T) {
	var hops atomic.Int32
	w := newWorld(t, hardening.Open(), func(rw http.ResponseWriter, _ *http.Request) {
		hops.Add(1)
		rw.WriteHeader(http.StatusFound)
	})
	res, err := w.Fetch(t.Context(), hardening.Fetch{URL: "http://r.example/", Purpose: egress.Lookup})
	if err != nil || res.Status != http.StatusFound || hops.Load() != 1 {
		t.Errorf("%+v, %v after %d hops", res, err, hops.Load())
	}
}

// TestRedirectToAForbiddenAddress goes through real sockets: the server may be dialled, the canary beside it may not.
func TestRedirectToAForbiddenAddress(t *testing.T) {
	canary, err := net.Listen("tcp", "127.0.0.3:0")
	if err != nil {
		t.Skip("needs a second loopback address:", err)
	}
	defer canary.Close()
	touched := make(chan struct{})
	go func() {
		if c, err := canary.Accept(); err == nil {
			c.Close()
			close(touched)
		}
	}()
	_, port, _ := net.SplitHostPort(canary.Addr().String())
	for _, to := range []string{
		"http://" + canary.Addr().String() + "/", "http://127.0.0.3:" + port, "http://[::ffff:127.0.0.3]:" + port + "/",
		"http://localhost:" + port + "/", "http://x@127.0.0.3:" + port + "/", "http://127.0.0.1\\@127.0.0.3:" + port + "/",
		"http://2130706435:" + port + "/", "http://0x7f.0.0.3:" + port + "/", "http://127.0.0.3.:" + port + "/",
		"ftp://127.0.0.3:" + port + "/", "data:text/plain,x", "gopher://127.0.0.3:" + port + "/", "http://", "%zz",
	} {
		s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header()["Location"] = []string{to}
			rw.WriteHeader(http.StatusFound)
		}))
		rules := egress.Rules{HTTP: true, Exact: []netip.AddrPort{netip.MustParseAddrPort(s.Listener.Addr().String())}}
		client, err := egress.New(egress.Config{Relays: []egress.Relay{egress.Direct("home", rules)}, Rules: rules})
		if err != nil {
			t.Fatal(err)
		}
		w := newWorldThrough(t, hardening.Open(), nil)
		w.use(hardening.Open(), client)
		_, err = w.Fetch(t.Context(), hardening.Fetch{URL: s.URL, Purpose: egress.Federation, Sign: sign(httpsig.Cavage)})
		if !errors.Is(err, egress.ErrRefused) || hardening.Temporary(err) {
			t.Errorf("redirect to %s: %v", to, err)
		}
		u, _ := url.Parse(s.URL)
		if rows := w.rows(u.Host); len(rows) != 1 || rows[0].Status != http.StatusFound {
			t.Errorf("redirect to %s: %+v", to, rows)
		}
		s.Close()
	}
	select {
	case <-touched:
		t.Error("the canary saw a connection")
	default:
	}
}

// TestNeverHoldsAtEveryHop: what is not to be asked is not asked because another server says so.
func TestNeverHoldsAtEveryHop(t *testing.T) {
	w := newWorld(t, hardening.Open(), func(rw http.ResponseWriter, r *http.Request) {
		http.Redirect(rw, r, "http://own.example/users/alice", http.StatusFound)
	})
	f := hardening.Fetch{URL: "http://r.example/", Purpose: egress.Lookup,
		Never: func(url string) bool { return strings.HasPrefix(url, "http://own.example/") }}
	if _, err := w.Fetch(t.Context(), f); !errors.Is(err, egress.ErrRefused) {
		t.Error(err)
	}
	if d := w.far.dialled(); !slices.Equal(d, []string{"r.example:80"}) {
		t.Errorf("dialled %q", d)
	}
}
