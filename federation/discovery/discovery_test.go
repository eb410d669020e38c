package discovery

import (
	"encoding/xml"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/dunnock-server/dunnock/federation/wire"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/exposure"
	"github.com/dunnock-server/dunnock/storage"
)

// ids has a handle of another domain than the node answers under, so that neither passes for the other.
var ids = wire.IDs{Scheme: "https", Host: "social.example.org", Domain: "example.org", Username: "alice"}

// start runs the handler behind a real gate, and returns its ledger too.
func start(t *testing.T, ids wire.IDs, policy hardening.Policy) (*httptest.Server, *exposure.Ledger) {
	t.Helper()
	db, err := storage.Open(t.Context(), storage.Config{Path: filepath.Join(t.TempDir(), "dunnock.db")})
	if err != nil {
		t.Fatal(err)
	}
	ledger := exposure.New(db)
	s := httptest.NewServer(New(Config{Gate: hardening.New(hardening.Config{Policy: policy, Ledger: ledger}), IDs: ids}))
	t.Cleanup(func() {
		s.Close()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, ledger
}

func ask(t *testing.T, method, target string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultTransport.RoundTrip(req) // redirects are seen, not followed
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := res.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

func TestWebFinger(t *testing.T) {
	s, _ := start(t, ids, hardening.Open())
	const owner, server = "https://social.example.org/users/alice", "https://social.example.org/actor"
	for _, c := range []struct {
		resource string
		actor    string // empty: not found
	}{
		{"acct:alice@example.org", owner},
		{"acct:alice@EXAMPLE.org", owner},
		{"acct:alice@example.org.", owner},
		{"acct:Alice@example.org", owner},
		{"ACCT:alice@example.org", owner},
		{"acct:alice@social.example.org", owner},
		{owner, owner},
		{"acct:example.org@example.org", server},
		{"acct:example.org@social.example.org", server},
		{"acct:social.example.org@social.example.org", server},
		{server, server},

		{"acct:bob@example.org", ""},
		{"acct:alice@example.com", ""},
		{"acct:alice@sub.example.org", ""},
		{"acct:alice", ""},
		{"acct:@alice@example.org", ""},
		{"acct:alice@example.org@example.com", ""},
		{"acct:alice@example.com@example.org", ""},
		{"acct:alice@example.org:443", ""}, // a port is refused outside of trials
		{"acct:alice@example.org:8080", ""},
		{"acct:alice@example.org/", ""},
		{"acct:alice@exa/mple.org", ""},
		{`acct:alice@exa\mple.org`, ""},
		{"acct:alice@example%2eorg", ""},
		{"acct:alice@example.org\x00", ""},
		{"acct:alice@example.org\t", ""},
		{"acct: alice@example.org", ""},
		{"acct:alice@", ""},
		{"acct:@example.org", ""},
		{"acct:@", ""},
		{"acct:", ""},
		{":", ""},
		{"alice@example.org", ""},
		{"mailto:alice@example.org", ""},
		{"http://social.example.org/users/alice", ""},
		{"https://example.org/users/alice", ""},
		{"https://SOCIAL.example.org/users/alice", ""},
		{owner + "/", ""},
		{owner + "#main-key", ""},
		{"https://social.example.org/users/bob", ""},
		{"https://social.example.org/", ""},
		{"<script>alert(1)</script>", ""},
		{"acct:alice@example.org\r\nX-Evil: 1", ""},
		{strings.Repeat("acct:", 10_000), ""},
	} {
		res, body := ask(t, "GET", s.URL+"/.well-known/webfinger?"+url.Values{"resource": {c.resource}}.Encode())
		if res.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%q: scripts may not read it", c.resource)
		}
		if c.actor == "" {
			if res.StatusCode != http.StatusNotFound || body != "not found\n" {
				t.Errorf("%.100q: %s %q, want 404", c.resource, res.Status, body)
			}
			continue
		}
		subject := "acct:alice@example.org"
		if c.actor == server {
			subject = "acct:example.org@example.org"
		}
		want := `{"links":[{"href":"` + c.actor + `","rel":"self","type":"application/activity+json"}],"subject":"` + subject + `"}`
		if res.StatusCode != http.StatusOK || body != want {
			t.Errorf("%q: %s\n got %s\nwant %s", c.resource, res.Status, body, want)
		}
		if got := res.Header.Get("Content-Type"); got != "application/jrd+json" {
			t.Errorf("%q: Content-Type %q", c.resource, got)
		}
	}
}

func TestWebFingerWantsOneResource(t *testing.T) {
	s, _ := start(t, ids, hardening.Open())
	for _, query := range []string{"", "?", "?resource", "?resource=", "?rel=self", "?resource=%zz",
		"?resource=acct:alice@example.org&resource=acct:bob@example.org", "?resource=a;b"} {
		if res, _ := ask(t, "GET", s.URL+"/.well-known/webfinger"+query); res.StatusCode != http.StatusBadRequest {
			t.Errorf("%q: %s, want 400", query, res.Status)
		}
	}
}

func TestWebFingerOfATrialHasAPort(t *testing.T) {
	trial := wire.IDs{Scheme: "http", Host: "127.0.0.1:8080", Domain: "127.0.0.1:8080", Username: "alice"}
	s, _ := start(t, trial, hardening.Open())
	for resource, status := range map[string]int{
		"acct:alice@127.0.0.1:8080":     200,
		"acct:127.0.0.1@127.0.0.1:8080": 200,
		"acct:alice@127.0.0.1":          404,
		"acct:alice@127.0.0.1:8081":     404,
	} {
		if res, _ := ask(t, "GET", s.URL+"/.well-known/webfinger?resource="+resource); res.StatusCode != status {
			t.Errorf("%s: %s, want %d", resource, res.Status, status)
		}
	}
}

func TestHostMeta(t *testing.T) {
	s, _ := start(t, ids, hardening.Open())
	const template = "https://social.example.org/.well-known/webfinger?resource={uri}"

	res, body := ask(t, "GET", s.URL+"/.well-known/host-meta")
	var doc struct {
		XMLName xml.Name `xml:"http://docs.oasis-open.org/ns/xri/xrd-1.0 XRD"`
		Link    []struct {
			Rel      string `xml:"rel,attr"`
			Template string `xml:"template,attr"`
		}
	}
	if err := xml.Unmarshal([]byte(body), &doc); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	if len(doc.Link) != 1 || doc.Link[0].Rel != "lrdd" || doc.Link[0].Template != template {
		t.Errorf("XRD: %s", body)
	}
	if got := res.Header.Get("Content-Type"); got != "application/xrd+xml" {
		t.Errorf("Content-Type %q", got)
	}

	res, body = ask(t, "GET", s.URL+"/.well-known/host-meta.json")
	if want := `{"links":[{"rel":"lrdd","template":"` + template + `","type":"application/jrd+json"}]}`; body != want {
		t.Errorf("got %s", body)
	}
	if got := res.Header.Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type %q", got)
	}
}

func TestNodeInfoIsValidAndSaysNothing(t *testing.T) {
	s, _ := start(t, ids, hardening.Open())
	_, body := ask(t, "GET", s.URL+"/.well-known/nodeinfo")
	if want := `{"links":[{"href":"https://social.example.org/nodeinfo/2.1","rel":"http://nodeinfo.diaspora.software/ns/schema/2.1"}]}`; body != want {
		t.Errorf("index: %s", body)
	}
	res, body := ask(t, "GET", s.URL+"/nodeinfo/2.1")
	if got := res.Header.Get("Content-Type"); got != typeNodeInfo {
		t.Errorf("Content-Type %q", got)
	}
	schema, err := jsonschema.NewCompiler().Compile(filepath.Join("..", "..", "testdata", "schema", "nodeinfo-2.1.json"))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(doc); err != nil {
		t.Error(err)
	}
	if want := `{"metadata":{},"openRegistrations":false,"protocols":["activitypub"],"services":{"inbound":[],"outbound":[]},` +
		`"software":{"name":"dunnock","version":"0"},"usage":{"users":{}},"version":"2.1"}`; body != want {
		t.Errorf("it says more than it must:\n got %s\nwant %s", body, want)
	}
	for _, broken := range []string{`{}`, strings.Replace(body, `"usage"`, `"uses"`, 1), strings.Replace(body, "dunnock", "Dun nock", 1)} {
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(broken))
		if err != nil {
			t.Fatal(err)
		}
		if schema.Validate(doc) == nil {
			t.Errorf("the schema takes %s", broken)
		}
	}
}

var paths = []string{"/.well-known/webfinger?resource=acct:alice@example.org", "/.well-known/host-meta",
	"/.well-known/host-meta.json", "/.well-known/nodeinfo", "/nodeinfo/2.1"}

func TestMethods(t *testing.T) {
	s, _ := start(t, ids, hardening.Open())
	for _, path := range paths {
		get, body := ask(t, "GET", s.URL+path)
		head, none := ask(t, "HEAD", s.URL+path)
		if head.StatusCode != 200 || none != "" || head.ContentLength != int64(len(body)) ||
			head.Header.Get("Content-Type") != get.Header.Get("Content-Type") {
			t.Errorf("HEAD %s: %s, %d bytes, %v", path, head.Status, len(none), head.Header)
		}
		for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "PROPFIND"} {
			if res, _ := ask(t, method, s.URL+path); res.StatusCode != http.StatusMethodNotAllowed {
				t.Errorf("%s %s: %s", method, path, res.Status)
			}
		}
	}
	for _, path := range []string{"/", "/.well-known/", "/.well-known/webfinger/", "/nodeinfo/2.0", "/nodeinfo/", "/users/alice"} {
		if res, _ := ask(t, "GET", s.URL+path); res.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", path, res.Status)
		}
	}
}

func TestEveryAnswerIsInTheLedger(t *testing.T) {
	s, ledger := start(t, ids, hardening.Open())
	for _, path := range paths {
		ask(t, "GET", s.URL+path)
	}
	ask(t, "GET", s.URL+"/.well-known/webfinger?resource=acct:bob@example.org") // tells nothing
	rows, err := ledger.Domain(t.Context(), "", time.Unix(0, 0), 100)
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != len(paths) {
		t.Errorf("%d rows for %d answers", len(rows), len(paths))
	}
	for _, row := range rows {
		if row.Direction != exposure.Pulled || row.Object == "" || row.Bytes == 0 || len(row.Fields) == 0 {
			t.Errorf("row %+v", row)
		}
	}
}

// TestZeroPolicyAnswersNothing holds that the answers come from the gate and nowhere else.
func TestZeroPolicyAnswersNothing(t *testing.T) {
	s, _ := start(t, ids, hardening.Policy{})
	for _, path := range paths {
		if res, body := ask(t, "GET", s.URL+path); res.StatusCode != http.StatusNotFound || body != "not found\n" {
			t.Errorf("%s: %s %s", path, res.Status, body)
		}
	}
}

func FuzzFind(f *testing.F) {
	for _, seed := range []string{"acct:alice@example.org", "acct:@", "https://social.example.org/actor", "acct:a@b@c:1", "\xff:@"} {
		f.Add(seed)
	}
	h := handler{Config{IDs: ids}}
	f.Fuzz(func(t *testing.T, resource string) {
		actor, handle, ok := h.find(resource)
		if !ok {
			return
		}
		if actor != ids.Owner() && actor != ids.Server() {
			t.Fatalf("%q leads to %q", resource, actor)
		}
		if again, same, _ := h.find("acct:" + handle); again != actor || same != handle {
			t.Errorf("%q is %q, which is %q of %q", resource, handle, same, again)
		}
	})
}
