package node_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dunnock-server/dunnock/federation"
	"github.com/dunnock-server/dunnock/federation/control"
	"github.com/dunnock-server/dunnock/federation/node"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/timing"
)

func config(t *testing.T) node.Config {
	t.Helper()
	return node.Config{Domain: "example.org", Host: "social.example.org", Username: "alice",
		DataDir: filepath.Join(t.TempDir(), "data"), Policy: hardening.Open(), Timing: timing.Mode{Kind: timing.Now}}
}

func open(t *testing.T, c node.Config) *node.Node {
	t.Helper()
	n, err := node.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

func initialise(t *testing.T) node.Config {
	t.Helper()
	c := config(t)
	if err := node.Init(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestInitDoesNotOverwrite(t *testing.T) {
	c := initialise(t)
	before, err := os.ReadFile(filepath.Join(c.DataDir, "dunnock.db"))
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Init(t.Context(), c); !errors.Is(err, node.ErrExists) {
		t.Errorf("a second Init: %v", err)
	}
	if after, _ := os.ReadFile(filepath.Join(c.DataDir, "dunnock.db")); string(after) != string(before) {
		t.Error("the database was changed")
	}
}

func TestOneProcessAtATime(t *testing.T) {
	c := initialise(t)
	open(t, c)
	if _, err := node.Open(t.Context(), c); !errors.Is(err, node.ErrLocked) {
		t.Errorf("opened twice: %v", err)
	}
}

func TestIdentityCannotChange(t *testing.T) {
	c := initialise(t)
	for name, change := range map[string]func(*node.Config){
		"domain":   func(c *node.Config) { c.Domain = "other.example" },
		"host":     func(c *node.Config) { c.Host = "other.example" },
		"username": func(c *node.Config) { c.Username = "bob" },
		"scheme":   func(c *node.Config) { c.UnsafeHTTP = true },
	} {
		changed := c
		change(&changed)
		if _, err := node.Open(t.Context(), changed); !errors.Is(err, node.ErrIdentity) {
			t.Errorf("another %s: %v", name, err)
		}
	}
	open(t, c)
}

func TestOpenWithoutInit(t *testing.T) {
	c := config(t)
	for range 2 { // the first leaves nothing that the second could take for a node
		if _, err := node.Open(t.Context(), c); !errors.Is(err, node.ErrNone) {
			t.Errorf("%v", err)
		}
	}
	if err := node.Init(t.Context(), c); err != nil {
		t.Errorf("Init after Open: %v", err)
	}
}

// TestOfflineKeepsWhatNeedsOthers: a follow asked for while the node is down is kept, and a look-up says what to do.
func TestOfflineKeepsWhatNeedsOthers(t *testing.T) {
	c := initialise(t)
	c.Offline = true
	n := open(t, c)
	client := control.InProcess(n.Control())
	var kept control.Kept
	if err := client.Call(t.Context(), "follow", control.Who{Who: "@bob@remote.example"}, &kept); err != nil || !kept.Queued {
		t.Errorf("follow: %+v, %v", kept, err)
	}
	var queue federation.Queued
	if err := client.Call(t.Context(), "queue", nil, &queue); err != nil || len(queue.Calls) != 1 || queue.Calls[0].Name != "follow" {
		t.Errorf("queue: %+v, %v", queue, err)
	}
	var failed *federation.Error
	err := client.Call(t.Context(), "lookup", control.What{What: "@bob@remote.example"}, nil)
	if !errors.As(err, &failed) || failed.Kind != federation.Network {
		t.Errorf("lookup: %v", err)
	}
	if err := client.Call(t.Context(), "post", control.NewPost{Text: "works offline"}, nil); err != nil {
		t.Errorf("post: %v", err)
	}
}

func TestCallsAreStrict(t *testing.T) {
	n := open(t, initialise(t))
	for name, body := range map[string]string{
		"/call/post":    `{"text": "x", "visibilty": "direct"}`,
		"/call/nothing": `{}`,
		"/call/follow":  `[]`,
	} {
		w := httptest.NewRecorder()
		n.Control().ServeHTTP(w, httptest.NewRequest(http.MethodPost, name, strings.NewReader(body)))
		if w.Code < 400 || w.Code >= 500 {
			t.Errorf("%s %s: %d %s", name, body, w.Code, w.Body)
		}
	}
}

// TestOtherHostsAreNotAnswered: a scan of addresses gets the same nothing at every path.
func TestOtherHostsAreNotAnswered(t *testing.T) {
	n := open(t, initialise(t))
	for _, host := range []string{"203.0.113.7", "localhost", "other.example", "social.example.org.evil.example"} {
		for _, path := range []string{"/", "/users/alice", "/.well-known/webfinger?resource=acct:alice@example.org", "/inbox"} {
			r := httptest.NewRequest(http.MethodGet, "https://"+host+path, nil)
			w := httptest.NewRecorder()
			n.Handler().ServeHTTP(w, r)
			if w.Code != http.StatusMisdirectedRequest || w.Body.Len() > 0 || len(w.Header()) > 0 {
				t.Errorf("%s%s: %d %v %q", host, path, w.Code, w.Header(), w.Body)
			}
		}
	}
	for _, host := range []string{"social.example.org", "SOCIAL.example.org", "example.org", "social.example.org:443"} {
		r := httptest.NewRequest(http.MethodGet, "https://"+host+"/.well-known/webfinger?resource=acct:alice@example.org", nil)
		w := httptest.NewRecorder()
		n.Handler().ServeHTTP(w, r)
		if body, _ := io.ReadAll(w.Body); w.Code != http.StatusOK || !strings.Contains(string(body), "https://social.example.org/users/alice") {
			t.Errorf("%s: %d %s", host, w.Code, body)
		}
	}
}

// TestFilesWithoutARecordAreSwept: a crash between a picture and its post leaves no picture behind.
func TestFilesWithoutARecordAreSwept(t *testing.T) {
	c := initialise(t)
	stray := filepath.Join(c.DataDir, "media", "stray.png")
	if err := os.MkdirAll(filepath.Dir(stray), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(stray, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	open(t, c)
	if _, err := os.Stat(stray); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the stray file: %v", err)
	}
}

func TestPasswordIsKeptAsAHash(t *testing.T) {
	n := open(t, initialise(t))
	ctx, s := context.WithoutCancel(t.Context()), n.Service()
	if ok, err := s.CheckPassword(ctx, ""); ok || err != nil {
		t.Errorf("without a password: %v, %v", ok, err)
	}
	if err := s.SetPassword(ctx, "short"); err == nil {
		t.Error("a short password was taken")
	}
	if err := s.SetPassword(ctx, "correct horse battery"); err != nil {
		t.Fatal(err)
	}
	for password, want := range map[string]bool{"correct horse battery": true, "correct horse batterz": false, "": false} {
		if ok, err := s.CheckPassword(ctx, password); ok != want || err != nil {
			t.Errorf("%q: %v, %v", password, ok, err)
		}
	}
}
