package delivery_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestOrderPerServer: whatever fails, nothing arrives that was released before something that is there already. Servers
// refuse, are silent or take what they get as the dice fall, and their acts go to personal and shared inboxes in turn.
func TestOrderPerServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		taken := map[string][]string{} // by server
		dice := rand.New(rand.NewPCG(1, 2))
		w.far.answer = func(a arrival, _ header) int {
			w.far.mu.Lock()
			defer w.far.mu.Unlock()
			switch dice.IntN(5) {
			case 0:
				return 503
			case 1:
				return 0
			case 2:
				return 500
			}
			taken[a.host()] = append(taken[a.host()], a.act)
			return 202
		}
		const servers, acts = 4, 12
		for i := range acts {
			var inboxes []string
			for s := range servers {
				inboxes = append(inboxes, fmt.Sprintf("http://%d.example/%s", s, []string{"shared", "alice"}[i%2]))
			}
			w.post(inboxes...)
		}
		w.runFor(30 * 24 * time.Hour) // the dice may fall badly for days
		for _, d := range w.deliveries() {
			if !d.GivenUp {
				t.Errorf("left: %+v", d)
			}
		}
		for host, got := range taken {
			if !slices.IsSortedFunc(got, byNumber) || len(got) < acts/2 {
				t.Errorf("%s took %q", host, got)
			}
		}
		if len(taken) != servers {
			t.Errorf("took: %v", taken)
		}
	})
}

func byNumber(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

// TestAcceptComesBeforeCreate: to one server, though they go to two of its inboxes.
func TestAcceptComesBeforeCreate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tries := 0
		w.far.answer = func(a arrival, _ header) int {
			if tries++; tries < 4 {
				return 500
			}
			return 202
		}
		accept := w.act("Accept", 0)
		accept.Document = strings.Replace(accept.Document, `"https://remote.example/posts/1"`,
			`{"id":"https://a.example/follows/1","type":"Follow","actor":"https://a.example/bob","object":"`+owner+`"}`, 1)
		w.enqueue(accept, "http://a.example/bob/inbox")
		w.post("http://a.example/inbox")
		w.runFor(time.Hour)
		want := []string{"a.example/bob/inbox 1", "a.example/bob/inbox 1", "a.example/bob/inbox 1", "a.example/bob/inbox 1",
			"a.example/inbox 2"}
		if got := w.far.arrivals(""); !slices.Equal(got, want) {
			t.Errorf("arrived: %q", got)
		}
	})
}
