package node_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dunnock-server/dunnock/federation"
	"github.com/dunnock-server/dunnock/federation/control"
	"github.com/dunnock-server/dunnock/federation/federationtest"
	"github.com/dunnock-server/dunnock/federation/node"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/timing"
	"github.com/dunnock-server/dunnock/storage"
)

// canary is part of every name and word that anybody says in the test below.
const canary = "canary"

// journal is a log at Info.
type journal struct {
	mu    sync.Mutex
	lines bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.lines.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.lines.String()
}

// aviary is two nodes full of canaries, and the log of both.
type aviary struct {
	*testing.T
	log     journal
	network *federationtest.Network
	down    atomic.Bool
	stop    []func()
}

// newAviary is one whose servers refuse each other while it is down.
func newAviary(t *testing.T) *aviary {
	a := &aviary{T: t, network: federationtest.NewNetwork()}
	a.network.Fault = func(string, string) federationtest.Fault {
		if a.down.Load() {
			return federationtest.Refused
		}
		return federationtest.None
	}
	return a
}

// close ends the nodes.
func (a *aviary) close(nodes ...*node.Node) {
	for _, stop := range a.stop {
		stop()
	}
	for _, n := range nodes {
		if err := n.Close(); err != nil {
			a.Error(err)
		}
	}
}

func (a *aviary) open(host string) *node.Node {
	c := node.Config{Domain: host, Host: host, Username: canary, DataDir: filepath.Join(a.TempDir(), canary), UnsafeHTTP: true, Socketless: true,
		Rules: egress.Rules{HTTP: true}, Timing: timing.Mode{Kind: timing.Now}, Policy: hardening.Open(), Relays: []egress.Relay{a.network.Relay(host)},
		Listener: a.network.Listen(host), Log: slog.New(slog.NewJSONHandler(&a.log, nil))}
	if err := node.Init(a.Context(), c); err != nil {
		a.Fatal(err)
	}
	n, err := node.Open(a.Context(), c)
	if err != nil {
		a.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(a.Context()))
	done := make(chan error)
	go func() { done <- n.Run(ctx) }()
	a.stop = append(a.stop, func() {
		stop()
		if err := <-done; err != nil {
			a.Error(err)
		}
	})
	return n
}

// TestLogHoldsNoNameAndNoWord runs a day of everything, much of which fails, and two nodes whose databases are gone: at Info
// and above the log can be shown to anybody.
func TestLogHoldsNoNameAndNoWord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAviary(t)
		one, two := a.open("canary-one.example"), a.open("canary-two.example")
		a.day(one, "@canary@canary-two.example")
		a.down.Store(true)
		a.day(two, "@canary@canary-one.example")
		time.Sleep(8 * 24 * time.Hour) // until it is given up
		a.down.Store(false)
		a.day(two, "@canary@canary-one.example")
		a.strangers(one)
		a.close(one, two)
		a.day(one, "@canary@canary-two.example")
		a.strangers(one)
		log := a.log.String()
		if !strings.Contains(log, `"level":"ERROR"`) {
			t.Error("nothing was logged: the test sees nothing")
		}
		for line := range strings.Lines(log) {
			if line = strings.ToLower(line); strings.Contains(line, canary) || strings.Contains(line, ".png") {
				t.Errorf("the log says %s", line)
			}
		}
	})
}

// day is what an owner does. What fails, fails.
func (a *aviary) day(n *node.Node, other string) {
	call := func(name string, args any) string {
		var result struct {
			ID string `json:"id"`
		}
		_ = control.InProcess(n.Control()).Call(a.Context(), name, args, &result)
		time.Sleep(5 * time.Minute)
		return result.ID
	}
	words := "canary " + time.Now().String()
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewRGBA(image.Rect(0, 0, 4, 4))); err != nil {
		a.Fatal(err)
	}
	avatar, name, bad := picture.Bytes(), "canary", []byte("canary")
	call("profile_set", control.NewProfile{Name: &name, Summary: &words, Fields: &[]storage.Field{{Name: name, Value: words}}, Avatar: &avatar})
	call("profile_set", control.NewProfile{Avatar: &bad})
	call("follow", control.Who{Who: other})
	call("follow", control.Who{Who: "@canary@canary-nowhere.example"})
	id := call("post", control.NewPost{Text: words + " " + other, Warning: words, Media: []control.Picture{{Data: avatar, Alt: words}}})
	call("post", control.NewPost{Text: words, Media: []control.Picture{{Data: bad, Alt: words}}})
	call("post", control.NewPost{Text: words, ReplyTo: "http://canary-two.example/users/canary/posts/canary"})
	call("edit", control.EditedPost{ID: id, Text: &words})
	call("post", control.NewPost{Text: words + other, ReplyTo: id, Visibility: storage.Direct})
	poll := call("post", control.NewPost{Text: words, Poll: &control.Question{Options: []string{"canary one", "canary two"}}})
	for _, name := range []string{"boost", "like", "pin", "unpin", "thread", "delete", "canary"} {
		call(name, control.ID{ID: id})
	}
	call("undo", control.Undoing{ID: poll, Kind: "like"})
	call("vote", control.Ballot{ID: "http://canary-one.example/canary", Choices: []string{"canary"}})
	call("lookup", control.What{What: "http://canary-two.example/users/canary"})
	call("lookup", control.What{What: "http://canary-nowhere.example/canary"})
	for _, name := range []string{"timeline", "notifications", "followers", "following", "queue", "status", "blocks", "keys_rotate"} {
		call(name, nil)
	}
	for _, name := range []string{"mute", "unmute", "followers_remove", "followers_approve", "block", "unblock", "unfollow"} {
		call(name, control.Who{Who: other})
	}
	call("password_set", control.Password{Password: words})
	if _, err := n.Service().Publish(a.Context(), federation.Draft{Text: words, Language: words}); err != nil {
		time.Sleep(time.Minute)
	}
	time.Sleep(24 * time.Hour)
}

// strangers ask and tell all that they should not.
func (a *aviary) strangers(n *node.Node) {
	send := func(method, path, body string, header http.Header) {
		r := httptest.NewRequestWithContext(a.Context(), method, "http://canary-one.example"+path, strings.NewReader(body))
		r.Header = header
		w := httptest.NewRecorder()
		n.Handler().ServeHTTP(w, r)
		_, _ = io.Copy(io.Discard, w.Body)
	}
	signature := fmt.Sprintf(`keyId="http://canary-two.example/users/canary#canary",algorithm="rsa-sha256",headers="(request-target) host date digest",signature="%s"`, canary)
	headers := []http.Header{{}, {"Signature": {signature}}, {"Signature": {signature}, "Date": {canary}},
		{"Signature": {signature}, "Date": {time.Now().UTC().Format(http.TimeFormat)}, "Digest": {canary}},
		{"Signature-Input": {`canary=("@method");keyid="http://canary-two.example/canary"`}, "Signature": {"canary=:Y2FuYXJ5:"}}}
	for _, h := range headers {
		for _, path := range []string{"/users/canary", "/actor", "/users/canary/outbox?page=canary", "/users/canary/posts/canary", "/users/canary/activities/canary",
			"/users/canary/posts/%00canary", "/media/canary.png", "/media/..%2fcanary", "/.well-known/webfinger?resource=acct:canary@canary-one.example",
			"/.well-known/webfinger?resource=%zzcanary", "/nodeinfo/canary", "/canary"} {
			send(http.MethodGet, path, "", h.Clone())
		}
		for _, kind := range []string{"Like", "Create", "Delete", "Update", "Canary"} {
			h := h.Clone()
			h.Set("Content-Type", "application/activity+json")
			actor := "http://canary-two.example/users/canary"
			send(http.MethodPost, "/inbox", fmt.Sprintf(`{"id":"%s/1","type":%q,"actor":%q,"object":{"id":"%s/2","type":"Note","content":"canary"}}`, actor, kind, actor, actor), h)
			send(http.MethodPost, "/users/canary/inbox", `{"canary":`, h)
		}
	}
}
