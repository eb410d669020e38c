package documents

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dunnock-server/dunnock/federation/httpsig"
	"github.com/dunnock-server/dunnock/federation/resolve"
	"github.com/dunnock-server/dunnock/federation/wire"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/exposure"
	"github.com/dunnock-server/dunnock/hardening/sanitize"
	"github.com/dunnock-server/dunnock/storage"
)

// keys are made once: RSA keys take their time.
var keys = sync.OnceValue(func() (k struct{ own, theirs, wrong *rsa.PrivateKey }) {
	for _, key := range []**rsa.PrivateKey{&k.own, &k.theirs, &k.wrong} {
		var err error
		if *key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			panic(err)
		}
	}
	return k
})

// world is the handler behind a real gate, on real storage, and another server where everybody else is at home.
type world struct {
	*testing.T
	ids     wire.IDs
	db      *storage.DB
	server  *httptest.Server
	peer    *httptest.Server
	fetched atomic.Int64 // requests that the peer got
	files   map[string][]byte
	log     bytes.Buffer // faults of the node: there are none
}

// others are the actors of the peer. The blocked one follows too, so that only the block can be what hides.
var others = []string{"stranger", "follower", "pending", "blocked", "addressee"}

func newWorld(t *testing.T) *world { return newWorldUnder(t, hardening.Open()) }

func newWorldUnder(t *testing.T, policy hardening.Policy) *world {
	t.Helper()
	w := &world{T: t, files: map[string][]byte{}}
	var err error
	if w.db, err = storage.Open(t.Context(), storage.Config{Path: filepath.Join(t.TempDir(), "dunnock.db")}); err != nil {
		t.Fatal(err)
	}
	w.server = httptest.NewUnstartedServer(nil)
	host := w.server.Listener.Addr().String()
	w.ids = wire.IDs{Scheme: "http", Host: host, Domain: host, Username: "alice"}
	w.peer = httptest.NewServer(http.HandlerFunc(w.servePeer))
	rules := egress.Rules{HTTP: true, Addresses: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	client, err := egress.New(egress.Config{Relays: []egress.Relay{egress.Direct("plain", rules)}, Rules: rules})
	if err != nil {
		t.Fatal(err)
	}
	gate := hardening.New(hardening.Config{Policy: policy, Egress: client, Ledger: exposure.New(w.db)})
	log := slog.New(slog.NewTextHandler(&w.log, nil))
	w.server.Config.Handler = New(Config{DB: w.db, Gate: gate, IDs: w.ids, Open: w.open, Log: log, Resolver: resolve.New(resolve.Config{
		DB: w.db, Gate: gate, IDs: w.ids, Keys: resolve.NewKeyring(w.db),
		Reader: wire.Reader{Sanitizer: sanitize.New(), IDs: w.ids, HTTP: true},
	})})
	w.server.Start()
	t.Cleanup(func() {
		w.server.Close()
		w.peer.Close()
		if err := client.Close(); err != nil {
			t.Error(err)
		}
		if err := w.db.Close(); err != nil {
			t.Error(err)
		}
		if w.log.Len() > 0 {
			t.Errorf("logged: %s", &w.log)
		}
	})
	w.populate()
	return w
}

// populate gives both actors keys and makes the relations to others.
func (w *world) populate() {
	w.Helper()
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		w.Fatal(err)
	}
	w.write(func(ctx context.Context, tx storage.Tx) error {
		for _, actor := range []string{w.ids.Owner(), w.ids.Server()} {
			for name, private := range map[string]crypto.Signer{"main-key": keys().own, "ed25519-key": ed} {
				der, err := x509.MarshalPKCS8PrivateKey(private)
				if err != nil {
					return err
				}
				k := &storage.Key{ID: w.ids.Key(actor, name), Actor: actor, Algorithm: storage.RSA, Private: der, CreatedAt: storage.Now()}
				if name != "main-key" {
					k.Algorithm = storage.Ed25519
				}
				if err := tx.InsertKey(ctx, k); err != nil {
					return err
				}
			}
		}
		for name, state := range map[string]storage.FollowState{
			"follower": storage.Accepted, "blocked": storage.Accepted, "pending": storage.Pending,
		} {
			f := &storage.Follow{Follower: w.other(name), Followee: w.ids.Owner(), State: state, CreatedAt: storage.Now()}
			if err := tx.PutFollow(ctx, f); err != nil {
				return err
			}
		}
		_, err := tx.PutRelation(ctx, &storage.Relation{Actor: w.other("blocked"), Kind: storage.Block, CreatedAt: storage.Now()})
		return err
	})
}

// other is the URI of an actor of the peer.
func (w *world) other(name string) string { return w.peer.URL + "/u/" + name }

// servePeer serves the actors of the peer, to whoever asks.
func (w *world) servePeer(rw http.ResponseWriter, r *http.Request) {
	w.fetched.Add(1)
	name, ok := strings.CutPrefix(r.URL.Path, "/u/")
	if !ok {
		http.NotFound(rw, r)
		return
	}
	public, err := httpsig.MarshalPublicKey(keys().theirs.Public())
	if err != nil {
		w.Error(err)
	}
	id := w.other(name)
	rw.Header().Set("Content-Type", "application/activity+json")
	_ = json.NewEncoder(rw).Encode(map[string]any{
		"@context": "https://www.w3.org/ns/activitystreams", "id": id, "type": "Person", "preferredUsername": name,
		"inbox": id + "/inbox", "publicKey": map[string]any{"id": id + "#main-key", "owner": id, "publicKeyPem": public},
	})
}

func (w *world) write(fn func(context.Context, storage.Tx) error) {
	w.Helper()
	if err := w.db.Write(w.Context(), fn); err != nil {
		w.Fatal(err)
	}
}

func (w *world) open(name string) (io.ReadSeekCloser, error) {
	data, ok := w.files[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return file{bytes.NewReader(data)}, nil
}

type file struct{ *bytes.Reader }

func (file) Close() error { return nil }

// released is when the posts of these tests were.
var released = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// post stores a post of the owner's with its Create and a picture, as change leaves it, and returns it with the act.
func (w *world) post(v storage.Visibility, change func(*storage.Post)) (*storage.Post, *storage.Act) {
	w.Helper()
	token := wire.NewToken()
	p := &storage.Post{URI: w.ids.Post(token), Token: token, Local: true, Type: "Note", Author: w.ids.Owner(), Visibility: v,
		Content: "<p>hello</p>", Source: "hello", CreatedAt: storage.At(released), ReleaseAt: storage.At(released),
		Published: storage.At(released.Truncate(10 * time.Minute))}
	var named []string
	if v == storage.Direct {
		named = []string{w.other("addressee"), w.other("blocked")}
	}
	p.Recipients = w.ids.Addresses(v, named)
	blob := &storage.Blob{Name: wire.NewToken() + ".png", Post: p.URI, MIME: "image/png", Size: 3, CreatedAt: p.CreatedAt}
	w.files[blob.Name] = []byte("png")
	p.Attachments = []storage.Attachment{{Type: "Image", MIME: blob.MIME, Blob: blob.Name}}
	if change != nil {
		change(p)
	}
	a := w.act("Create", p.URI, w.ids.Object(p, nil), p.Recipients, p.ReleaseAt)
	w.write(func(ctx context.Context, tx storage.Tx) error {
		if err := tx.InsertBlob(ctx, blob); err != nil {
			return err
		}
		_, err := tx.InsertPost(ctx, p)
		return err
	})
	return p, a
}

// act stores an act of the owner's.
func (w *world) act(kind, about string, object any, r storage.Recipients, release storage.Time) *storage.Act {
	w.Helper()
	uri := w.ids.Activity(wire.NewToken())
	doc, err := wire.Activity{ID: uri, Type: kind, Actor: w.ids.Owner(), Object: object, To: r.To, CC: r.CC,
		Published: release.Time}.Document().Marshal()
	if err != nil {
		w.Fatal(err)
	}
	a := &storage.Act{URI: uri, Type: kind, Actor: w.ids.Owner(), Object: about, Document: string(doc),
		CreatedAt: storage.At(released), ReleaseAt: release}
	w.write(func(ctx context.Context, tx storage.Tx) error { return tx.InsertAct(ctx, a) })
	return a
}

// bury deletes a post as the owner does, but for its pictures, which a crash may leave.
func (w *world) bury(p *storage.Post) {
	w.Helper()
	w.write(func(ctx context.Context, tx storage.Tx) error { return tx.BuryPost(ctx, p.URI, storage.Now()) })
}

// answer is a response as an observer sees it.
type answer struct {
	status int
	body   string
	header http.Header // without Date
}

// as says how a request is signed. Empty: not at all.
type as string

// get asks for an ActivityPub document of the node.
func (w *world) get(v as, url string) answer { w.Helper(); return w.ask("GET", v, url, accepting) }

var accepting = http.Header{"Accept": {"application/activity+json"}}

func (w *world) ask(method string, v as, url string, header http.Header) answer {
	w.Helper()
	req, err := http.NewRequestWithContext(w.Context(), method, url, nil)
	if err != nil {
		w.Fatal(err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	w.sign(req, v)
	res, err := http.DefaultTransport.RoundTrip(req) // redirects are seen, not followed
	if err != nil {
		w.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.Fatal(err)
	}
	if err := res.Body.Close(); err != nil {
		w.Fatal(err)
	}
	res.Header.Del("Date")
	return answer{res.StatusCode, string(body), res.Header}
}

// The bad signatures: by another key than the one that is named, too old, in the name of one of our own actors, of another
// request, and nonsense.
const (
	forged    as = "forged"
	forged9   as = "forged, RFC 9421"
	stale     as = "stale"
	ourselves as = "ourselves"
	moved     as = "moved"
	garbage   as = "garbage"
)

var badly = []as{forged, forged9, stale, ourselves, moved, garbage}

func (w *world) sign(req *http.Request, v as) {
	w.Helper()
	key := httpsig.Key{ID: w.other("follower") + "#main-key", Private: keys().theirs}
	scheme, at, target := httpsig.Cavage, time.Now(), req
	switch v {
	case "":
		return
	case garbage:
		req.Header.Set("Signature", `keyId="`)
		return
	case forged:
		key.Private = keys().wrong
	case forged9:
		key.Private, scheme = keys().wrong, httpsig.RFC9421
	case stale:
		at = at.Add(-13 * time.Hour)
	case ourselves:
		key = httpsig.Key{ID: w.ids.Key(w.ids.Server(), "main-key"), Private: keys().own}
	case moved:
		target = req.Clone(w.Context())
		target.URL.Path = "/elsewhere"
	default:
		key.ID = w.other(string(v)) + "#main-key"
	}
	if err := httpsig.Sign(target, nil, key, scheme, at); err != nil {
		w.Fatal(err)
	}
	req.Header = target.Header
}

// parse reads a document that was served.
func parse(t *testing.T, body string) map[string]any {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		t.Fatalf("%v in %q", err, body)
	}
	return doc
}
