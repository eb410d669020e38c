package delivery_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/dunnock-server/dunnock/federation/delivery"
	"github.com/dunnock-server/dunnock/federation/httpsig"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/storage"
)

const (
	cavage  = httpsig.Cavage
	rfc9421 = httpsig.RFC9421
)

// schemes is in which ones requests came, in order: c for draft-cavage, r for RFC 9421.
func (f *far) schemes() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var s strings.Builder
	for _, a := range f.got {
		s.WriteByte(map[httpsig.Scheme]byte{cavage: 'c', rfc9421: 'r'}[a.scheme])
	}
	return s.String()
}

// TestSchemes is what is tried of servers that take one scheme, both or none, and that are known to take one or are new.
func TestSchemes(t *testing.T) {
	both := func(s int) map[httpsig.Scheme]int { return map[httpsig.Scheme]int{cavage: s, rfc9421: s} }
	for _, c := range []struct {
		name    string
		known   httpsig.Scheme
		answers map[httpsig.Scheme]int
		tried   string
		after   httpsig.Scheme // known afterwards
		rows    string         // what is left: waits, given up or nothing
	}{
		{"new, takes both", 0, both(202), "c", cavage, ""},
		{"new, 401", 0, map[httpsig.Scheme]int{cavage: 401, rfc9421: 202}, "cr", rfc9421, ""},
		{"new, 400", 0, map[httpsig.Scheme]int{cavage: 400, rfc9421: 202}, "cr", rfc9421, ""},
		{"new, 403", 0, map[httpsig.Scheme]int{cavage: 403, rfc9421: 202}, "cr", rfc9421, ""},
		{"new, 404", 0, both(404), "c", 0, "given up"},
		{"new, 422", 0, both(422), "c", 0, "given up"},
		{"new, 500", 0, both(500), "c", 0, "waits"},
		{"new, 429", 0, both(429), "c", 0, "waits"},
		{"new, refuses both", 0, both(403), "cr", 0, "given up"},
		{"new, cannot check either", 0, both(401), "cr", 0, "waits"},
		{"new, cannot check the first and does not know the second", 0, map[httpsig.Scheme]int{cavage: 401, rfc9421: 400}, "cr", 0, "waits"},
		{"new, fails at the second", 0, map[httpsig.Scheme]int{cavage: 403, rfc9421: 0}, "cr", 0, "waits"},
		{"known, takes both", rfc9421, both(202), "r", rfc9421, ""},
		{"known, changed its mind", cavage, map[httpsig.Scheme]int{cavage: 401, rfc9421: 202}, "cr", rfc9421, ""},
		{"known, changed it back", rfc9421, map[httpsig.Scheme]int{rfc9421: 401, cavage: 202}, "rc", cavage, ""},
		{"known, blocks", cavage, both(403), "c", cavage, "given up"},
		{"known, blocks", rfc9421, both(400), "r", rfc9421, "given up"},
		{"known, cannot check", cavage, map[httpsig.Scheme]int{cavage: 401, rfc9421: 403}, "cr", cavage, "waits"},
		{"known, is ill", rfc9421, both(500), "r", rfc9421, "waits"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.know("a.example", c.known)
			w.far.answer = func(a arrival, _ header) int { return c.answers[a.scheme] }
			w.post("http://a.example/inbox")
			w.batch(1)
			if got := w.far.schemes(); got != c.tried {
				t.Errorf("tried %q, want %q", got, c.tried)
			}
			if got := httpsig.Scheme(w.host("a.example").Scheme); got != c.after {
				t.Errorf("known afterwards: %v, want %v", got, c.after)
			}
			got := ""
			for _, d := range w.deliveries() {
				got = map[bool]string{true: "given up", false: "waits"}[d.GivenUp]
			}
			if got != c.rows {
				t.Errorf("left: %q, want %q", got, c.rows)
			}
			entries, err := w.db.Disclosures(t.Context(), "a.example", storage.At(time.Unix(1, 0)), 10)
			if err != nil || len(entries) != len(c.tried) {
				t.Errorf("the ledger has %d rows for %d requests; %v", len(entries), len(c.tried), err)
			}
		})
	}
}

// TestFormerKey: an act that a former key is to sign is signed with the current one where the former is not taken.
func TestFormerKey(t *testing.T) {
	for name, c := range map[string]struct {
		former, status int // of what the former key signed, and its answer
		want           string
	}{
		"none":               {0, 202, "main-key"},
		"taken":              {1, 202, "former"},
		"not taken any more": {1, 401, "former main-key"},
		"refused":            {1, 404, "former"},
	} {
		w := newWorld(t, func(cfg *Config, _ *egress.Config) {
			cfg.SignFormer = func(_ context.Context, act *storage.Act, scheme httpsig.Scheme) (hardening.Signer, error) {
				if c.former == 0 {
					return nil, nil
				}
				return func(req *http.Request, body []byte) error {
					return httpsig.Sign(req, body, httpsig.Key{ID: act.Actor + "#former", Private: key}, scheme, time.Now())
				}, nil
			}
		})
		w.far.answer = func(a arrival, _ http.Header) int {
			if a.key == "former" {
				return c.status
			}
			return 202
		}
		w.post("http://a.example/inbox")
		w.batch(1)
		var got []string
		for _, a := range w.far.got {
			got = append(got, a.key)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: signed with %q", name, got)
		}
	}
}

// TestSchemeIsLearnedOnce: the first inbox of a server shows what the others then get.
func TestSchemeIsLearnedOnce(t *testing.T) {
	w := newWorld(t)
	w.far.answer = func(a arrival, _ header) int {
		return map[httpsig.Scheme]int{cavage: 401, rfc9421: 202}[a.scheme]
	}
	var inboxes []string
	for i := range 10 {
		inboxes = append(inboxes, fmt.Sprintf("http://a.example/%d", i))
	}
	w.post(inboxes...)
	w.batch(10)
	w.post(inboxes...)
	w.batch(10)
	if got := w.far.schemes(); got != "c"+strings.Repeat("r", 20) {
		t.Errorf("tried %q", got)
	}
}

// TestSchemeLearnedElsewhereStays: what a fetch learns while a delivery is under way is not written over.
func TestSchemeLearnedElsewhereStays(t *testing.T) {
	w := newWorld(t)
	w.far.answer = func(arrival, header) int {
		w.know("a.example", rfc9421)
		return 500
	}
	w.post("http://a.example/inbox")
	w.batch(1)
	if got := httpsig.Scheme(w.host("a.example").Scheme); got != rfc9421 {
		t.Errorf("known afterwards: %v", got)
	}
}
