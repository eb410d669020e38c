package fleet

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dunnock-server/dunnock/federation/httpsig"
)

func TestFleet(t *testing.T) {
	f, err := New(3)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	get := func(url string, into any) int {
		t.Helper()
		res, err := client.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if into != nil {
			if err := json.NewDecoder(res.Body).Decode(into); err != nil {
				t.Fatal(err)
			}
		}
		return res.StatusCode
	}
	hosts := map[string]bool{}
	for _, a := range f.Actors {
		hosts[strings.Split(a.Host, ":")[0]] = true
		var doc struct {
			ID, Inbox string
			PublicKey struct{ ID, Owner, PublicKeyPem string }
		}
		get(a.URI, &doc)
		public, err := httpsig.ParsePublicKey(doc.PublicKey.PublicKeyPem)
		if err != nil || doc.ID != a.URI || doc.PublicKey.ID != a.Key.ID || doc.PublicKey.Owner != a.URI {
			t.Errorf("%+v, %v", doc, err)
		}
		if key, ok := a.Key.Private.Public().(interface{ Equal(crypto.PublicKey) bool }); !ok || !key.Equal(public) {
			t.Error("another key")
		}
		var finger struct {
			Subject string
			Links   []struct{ Href string }
		}
		get("http://"+a.Host+"/.well-known/webfinger?resource=acct:"+a.Name+"@"+a.Host, &finger)
		if "acct:"+a.Name+"@"+a.Host != finger.Subject || finger.Links[0].Href != a.URI {
			t.Errorf("%+v", finger)
		}
	}
	if len(hosts) != 3 {
		t.Errorf("%d addresses", len(hosts))
	}
	if status := get("http://"+f.Actors[0].Host+"/users/somebody", nil); status != http.StatusNotFound {
		t.Errorf("nobody: %d", status)
	}
	if f.Asked() != 7 || f.AskedOf(f.Actors[0]) != 3 {
		t.Errorf("%d requests", f.Asked())
	}
}

func TestArrivals(t *testing.T) {
	f, err := New(1)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	a := f.Actors[0]
	client := &http.Client{Transport: &http.Transport{}}
	send := func(body string) int {
		t.Helper()
		res, err := client.Post(a.URI+"/inbox", "application/activity+json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		io.Copy(io.Discard, res.Body)
		return res.StatusCode
	}
	first := a.Mention(Owner{URI: "http://127.0.0.1/users/owner", Handle: "@owner@127.0.0.1"}, 1)
	waited := make(chan error)
	go func() { waited <- f.Await(context.Background(), 1) }()
	if status := send(string(first.Body)); status != http.StatusAccepted {
		t.Error(status)
	}
	if err := <-waited; err != nil {
		t.Error(err)
	}
	if status := send("{"); status != http.StatusBadRequest || f.Arrived() != 1 {
		t.Errorf("what is no activity: %d", status)
	}
	f.NextLife() // of which a connection from before is none
	f.SetAnswer(time.Millisecond)
	send(string(a.Follow(Owner{URI: "http://127.0.0.1/users/owner"}, 2).Body))
	client.CloseIdleConnections()
	begun := time.Now()
	send(string(a.Undo(a.Like("http://127.0.0.1/post", 3), 4).Body))
	if took := time.Since(begun); took < time.Millisecond {
		t.Errorf("answered after %v", took)
	}

	got := f.Arrivals(0)
	if len(got) != 3 {
		t.Fatalf("%+v", got)
	}
	for i, want := range []Arrival{
		{Host: a.Host, ID: first.ID, Type: "Create", Object: first.Object},
		{Host: a.Host, ID: a.URI + "/acts/2", Type: "Follow", Object: "http://127.0.0.1/users/owner"},
		{Host: a.Host, ID: a.URI + "/acts/4", Type: "Undo", Object: a.URI + "/acts/3", Life: 1},
	} {
		want.Came = got[i].Came
		if got[i] != want {
			t.Errorf("%+v, want %+v", got[i], want)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := f.Await(ctx, 4); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a fourth: %v", err)
	}
}
