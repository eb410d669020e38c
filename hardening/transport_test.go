package hardening_test

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/exposure"
)

// closer notes that a body was closed, as RoundTrip owes its caller.
type closer struct {
	io.Reader
	closed bool
}

func (c *closer) Close() error { c.closed = true; return nil }

func TestTransportIsOneHop(t *testing.T) {
	var w *world
	var got *http.Request
	var body string
	var during []exposure.Row
	w = newWorld(t, hardening.Open(), func(rw http.ResponseWriter, r *http.Request) {
		during = w.rows("ca.example")
		b, _ := io.ReadAll(r.Body)
		got, body = r, string(b)
		http.Redirect(rw, r, "http://canary.example/", http.StatusFound)
	})
	sent := &closer{Reader: strings.NewReader("order")}
	req, err := http.NewRequestWithContext(t.Context(), "POST", "http://ca.example/new?x=y", sent)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = http.Header{"Content-Type": {"application/jose+json"}, "Accept": {"text/plain"}, "User-Agent": {"CANARY"},
		"Cookie": {"CANARY"}, "Authorization": {"CANARY"}, "X-Canary": {"CANARY"}, "Accept-Language": {"CANARY"}}
	res, err := w.Transport(egress.Certificate).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusFound || res.Status != "302 Found" || res.Header.Get("Location") != "http://canary.example/" {
		t.Errorf("%+v", res)
	}
	if body != "order" || !sent.closed {
		t.Errorf("body %q, closed %v", body, sent.closed)
	}
	for name, values := range got.Header {
		known := slices.Contains([]string{"Accept", "Content-Type", "Content-Length", "Accept-Encoding", "User-Agent"}, name)
		if !known || strings.Contains(strings.Join(values, ","), "CANARY") {
			t.Errorf("%s: %q was sent", name, values)
		}
	}
	if d := w.far.dialled(); !slices.Equal(d, []string{"ca.example:80"}) {
		t.Errorf("dialled %q", d)
	}
	if len(during) != 1 || !during[0].SettledAt.IsZero() {
		t.Errorf("when the first bytes arrived the ledger said %+v", during)
	}
	rows := w.rows("ca.example")
	if len(rows) != 1 || rows[0].Purpose != "certificate" || rows[0].Status != http.StatusFound || rows[0].SettledAt.IsZero() ||
		rows[0].Object != "http://ca.example/new" || rows[0].Bytes == 0 {
		t.Errorf("%+v", rows)
	}
}

func TestTransportRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		purpose egress.Purpose
		url     string
		want    error
	}{
		"federation":    {egress.Federation, "http://r.example/", egress.ErrRefused},
		"pages":         {egress.Preview, "http://r.example/", hardening.ErrWithheld},
		"no purpose":    {0, "http://r.example/", hardening.ErrWithheld},
		"not a server":  {egress.Names, "data:x", egress.ErrRefused},
		"with userinfo": {egress.Names, "http://u@r.example/", egress.ErrRefused},
	} {
		w := newWorld(t, hardening.Open(), ok)
		sent := &closer{Reader: strings.NewReader("x")}
		req, err := http.NewRequestWithContext(t.Context(), "POST", c.url, sent)
		if err != nil {
			t.Fatal(err)
		}
		res, err := w.Transport(c.purpose).RoundTrip(req)
		if err == nil {
			res.Body.Close()
		}
		if !errors.Is(err, c.want) || !sent.closed {
			t.Errorf("%s: %v, body closed: %v", name, err, sent.closed)
		}
		w.silent("r.example")
	}
}
