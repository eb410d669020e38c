package wire

import (
	"regexp"
	"testing"
	"time"
)

func TestIDs(t *testing.T) {
	const base = "https://social.dunnock.example"
	for got, want := range map[string]string{
		ours.Owner(): base + "/users/alice", ours.Server(): base + "/actor",
		ours.Key(ours.Owner(), "main-key"): base + "/users/alice#main-key",
		ours.Inbox():                       base + "/users/alice/inbox", ours.SharedInbox(): base + "/inbox",
		ours.Outbox(): base + "/users/alice/outbox", ours.ServerOutbox(): base + "/actor/outbox",
		ours.Followers(): base + "/users/alice/followers", ours.Following(): base + "/users/alice/following",
		ours.Featured(): base + "/users/alice/featured", ours.Post("t"): base + "/users/alice/posts/t",
		ours.Replies(ours.Post("t")): base + "/users/alice/posts/t/replies",
		ours.Activity("t"):           base + "/users/alice/activities/t", ours.Media("f.png"): base + "/media/f.png",
		ours.Tag("vögel"): base + "/tags/v%C3%B6gel",
		ours.Handle():     "alice@dunnock.example", ours.ServerHandle(): "dunnock.example@dunnock.example",
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	trial := IDs{Scheme: "http", Host: "127.0.0.1:8080", Domain: "127.0.0.1:8080", Username: "alice"}
	if got := trial.ServerHandle(); got != "127.0.0.1@127.0.0.1:8080" {
		t.Errorf("server of a trial: %s", got)
	}
}

func TestOwn(t *testing.T) {
	for uri, want := range map[string]bool{
		"https://social.dunnock.example/users/alice": true, "https://SOCIAL.dunnock.example.:443/x": true,
		"http://social.dunnock.example/x": true, "https://dunnock.example/users/alice": true,
		"https://social.dunnock.example:8443/x": false, "https://evil.social.dunnock.example/x": false,
		"https://social.dunnock.example@evil.example/": false, "https://dunnock.example.evil.example/": false,
		"acct:alice@dunnock.example": false, "": false,
	} {
		if got := ours.Own(uri); got != want {
			t.Errorf("Own(%q) = %v", uri, got)
		}
	}
}

func TestNewToken(t *testing.T) {
	form, seen := regexp.MustCompile(`^[a-z2-7]{26}$`), map[string]bool{}
	for range 1000 {
		token := NewToken()
		if !form.MatchString(token) || seen[token] {
			t.Fatalf("token %q", token)
		}
		seen[token] = true
	}
}

func TestArrivalTokensComeInOrder(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	last := ""
	for range 100 {
		now = now.Add(time.Second)
		token := arrivalToken(now)
		if len(token) != len(NewToken()) || token <= last {
			t.Fatalf("%q comes after %q", token, last)
		}
		last = token
		if again := arrivalToken(now); again == token {
			t.Fatalf("%q twice", again)
		}
	}
}
