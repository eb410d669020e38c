package capture

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/dunnock-server/dunnock/federation/httpsig"
)

const (
	servers  = 20
	zone     = ".wren.dev"
	poisoned = "poisoned" + zone // its addresses are this machine's own, and its network's
	hostile  = "s1" + zone       // redirects /hostile to the home's network
)

// remote is all other servers: one account each, on https. At the resolver's address it answers DNS over HTTPS too.
type remote struct {
	caa   atomic.Value // the value of the domain's record, a text
	roots string       // a file for SSL_CERT_FILE
	key   *rsa.PrivateKey

	mu    sync.Mutex
	seen  map[netip.Addr]int // who connected
	took  map[string]int     // deliveries, by "type host id"
	asked map[string]int     // requests, by path
}

func host(i int) string { return fmt.Sprintf("s%d%s", i, zone) }

// authority is where certificates are issued.
var authority = netip.MustParseAddr("45.79.20.99")

// address answers for a name: the node's is its relay's, and half of the servers have IPv6 only.
func address(name string) []netip.Addr {
	if name == poisoned {
		return []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("10.7.0.1"), home4, home6, netip.IPv6Loopback()}
	}
	if name == domain {
		return []netip.Addr{relay4}
	}
	var i int
	if _, err := fmt.Sscanf(name, "s%d"+zone, &i); err != nil || i < 1 || i > servers {
		return nil
	}
	if i%2 == 0 {
		return []netip.Addr{netip.MustParseAddr(fmt.Sprintf("2a01:4f8:20::%d", i))}
	}
	return []netip.Addr{netip.MustParseAddr(fmt.Sprintf("45.79.20.%d", i))}
}

func (n network) servers(t *testing.T) *remote {
	t.Helper()
	r := &remote{roots: filepath.Join(t.TempDir(), "roots.pem"), seen: map[netip.Addr]int{}, took: map[string]int{}, asked: map[string]int{}}
	var err error
	if r.key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "capture"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, DNSNames: []string{"*" + zone}, IPAddresses: []net.IP{resolver.AsSlice(), authority.AsSlice()},
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &r.key.PublicKey, r.key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(r.roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: r, ErrorLog: log.New(io.Discard, "", 0),
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: r.key}}},
		ConnState: func(c net.Conn, state http.ConnState) {
			if from, err := netip.ParseAddrPort(c.RemoteAddr().String()); err == nil && state == http.StateNew {
				r.mu.Lock()
				r.seen[from.Addr().Unmap()]++
				r.mu.Unlock()
			}
		}}
	at := []netip.Addr{resolver}
	for i := 1; i <= servers; i++ {
		at = append(at, netip.MustParseAddr(fmt.Sprintf("45.79.20.%d", i)), netip.MustParseAddr(fmt.Sprintf("2a01:4f8:20::%d", i)))
	}
	for _, addr := range at {
		var ln net.Listener
		within(t, n.remote, func() (err error) { ln, err = net.Listen("tcp", netip.AddrPortFrom(addr, 443).String()); return err })
		go s.ServeTLS(ln, "", "")
	}
	t.Cleanup(func() { s.Close() })
	return r
}

func (r *remote) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	var act struct{ ID, Type string }
	_ = json.Unmarshal(body, &act)
	r.mu.Lock()
	r.asked[req.URL.Path]++
	if req.Method == http.MethodPost {
		r.took[act.Type+" "+req.Host+" "+act.ID]++
	}
	r.mu.Unlock()
	name := path.Base(req.URL.Path)
	actor := "https://" + req.Host + "/users/" + name
	answer := func(kind string, value any) {
		w.Header().Set("Content-Type", kind)
		_ = json.NewEncoder(w).Encode(value)
	}
	switch {
	case req.URL.Path == "/dns-query": // RFC 8484
		query := body
		if req.Method == http.MethodGet {
			query, _ = base64.RawURLEncoding.DecodeString(req.URL.Query().Get("dns"))
		}
		message, err := reply(query, address)
		if err == nil {
			message, err = r.guarded(message)
		}
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/dns-message")
		_, _ = w.Write(message)
	case req.Method == http.MethodPost:
		w.WriteHeader(http.StatusAccepted)
	case req.URL.Path == "/ip":
		if req.UserAgent() != "" { // it would tell an echo whose relay this is
			w.WriteHeader(http.StatusBadRequest)
		}
		from, _, _ := net.SplitHostPort(req.RemoteAddr)
		fmt.Fprintln(w, from)
	case req.URL.Path == "/hostile":
		http.Redirect(w, req, "https://10.7.0.1/users/u", http.StatusFound)
	case req.URL.Path == "/.well-known/webfinger":
		answer("application/jrd+json", map[string]any{"subject": "acct:u@" + req.Host,
			"links": []any{map[string]string{"rel": "self", "type": "application/activity+json", "href": "https://" + req.Host + "/users/u"}}})
	case path.Dir(req.URL.Path) == "/users":
		key, _ := httpsig.MarshalPublicKey(r.key.Public())
		answer("application/activity+json", map[string]any{
			"@context": []string{"https://www.w3.org/ns/activitystreams", "https://w3id.org/security/v1"},
			"id":       actor, "type": "Person", "preferredUsername": name, "inbox": actor + "/inbox", "outbox": actor + "/outbox",
			"followers": actor + "/followers", "following": actor + "/following",
			"publicKey": map[string]string{"id": actor + "#main-key", "owner": actor, "publicKeyPem": key}})
	default:
		http.NotFound(w, req)
	}
}

// count is how many activities of a type were taken, one that was repeated or taken by several servers once by each.
func (r *remote) count(kind string) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for took := range r.took {
		if strings.HasPrefix(took, kind+" ") {
			n++
		}
	}
	return n
}

// follow is a signed Follow of the owner by the account of a server.
func (r *remote) follow(t *testing.T, owner, server string) *http.Request {
	t.Helper()
	actor := "https://" + server + "/users/u"
	body, err := json.Marshal(map[string]any{"@context": "https://www.w3.org/ns/activitystreams", "id": actor + "/follows/1",
		"type": "Follow", "actor": actor, "object": owner})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPost, owner+"/inbox", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if err := httpsig.Sign(req, body, httpsig.Key{ID: actor + "#main-key", Private: r.key}, httpsig.Cavage, time.Now()); err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/activity+json")
	return req
}

func TestResolverOverHTTPS(t *testing.T) {
	r := &remote{took: map[string]int{}, asked: map[string]int{}}
	q := dnsmessage.Message{Header: dnsmessage.Header{RecursionDesired: true}, Questions: []dnsmessage.Question{{
		Name: dnsmessage.MustNewName(host(2) + "."), Type: dnsmessage.TypeAAAA, Class: dnsmessage.ClassINET}}}
	query, err := q.Pack()
	if err != nil {
		t.Fatal(err)
	}
	url := "https://" + resolver.String() + "/dns-query"
	for _, req := range []*http.Request{
		httptest.NewRequest(http.MethodPost, url, bytes.NewReader(query)),
		httptest.NewRequest(http.MethodGet, url+"?dns="+base64.RawURLEncoding.EncodeToString(query), nil),
	} {
		w := httptest.NewRecorder()
		r.ServeHTTP(w, req)
		var m dnsmessage.Message
		if err := m.Unpack(w.Body.Bytes()); err != nil || len(m.Answers) != 1 {
			t.Fatalf("%s: %d, %v, %v", req.Method, w.Code, m.Answers, err)
		}
		if got := m.Answers[0].Body.(*dnsmessage.AAAAResource).AAAA; got != address(host(2))[0].As16() {
			t.Errorf("%s: %v", req.Method, got)
		}
	}
}

// saw is who connected to any server so far, and how often.
func (r *remote) saw() map[netip.Addr]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.seen)
}
