package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
)

func pool(names ...string) (relays []Relay) {
	for _, name := range names {
		kind := "memory"
		if strings.HasPrefix(name, "tor") {
			kind = kindTor
		}
		relays = append(relays, &memory{name: name, kind: kind})
	}
	return relays
}

func exits(t *testing.T, key string, relays []Relay) map[string]string {
	t.Helper()
	c := client(t, Config{Relays: relays, Key: []byte(key)})
	got := make(map[string]string)
	for i := range 1000 {
		domain := fmt.Sprintf("h%d.example", i)
		for _, p := range []Purpose{Federation, Lookup, Media, Preview, Certificate, Names} {
			exit, err := c.Exit(domain, p)
			if err != nil {
				t.Fatal(err)
			}
			if got[domain] != "" && got[domain] != exit {
				t.Errorf("%s has two exits", domain)
			}
			got[domain] = exit
		}
	}
	return got
}

// A domain keeps its exit over restarts and whatever the order of the pool; a relay that is taken out moves its own domains
// only; another key gives another choice.
func TestExitIsSticky(t *testing.T) {
	const key, other = "0123456789abcdef", "fedcba9876543210"
	all := exits(t, key, pool("a", "b", "c"))
	reordered := exits(t, key, pool("c", "a", "b"))
	fewer := exits(t, key, pool("a", "c"))
	keyed := exits(t, other, pool("a", "b", "c"))
	share := make(map[string]int)
	moved := 0
	for domain, exit := range all {
		share[exit]++
		if reordered[domain] != exit {
			t.Errorf("%s moved when the pool was reordered", domain)
		}
		if exit != "b" && fewer[domain] != exit {
			t.Errorf("%s moved from a relay that is still there", domain)
		}
		if keyed[domain] != exit {
			moved++
		}
	}
	for _, name := range []string{"a", "b", "c"} {
		if n := share[name]; n < 250 || n > 420 {
			t.Errorf("%s has %d of 1000 domains", name, n)
		}
	}
	if moved < 500 {
		t.Errorf("another key moves only %d of 1000", moved)
	}
}

func TestExitOfWhatWasSent(t *testing.T) {
	one, two := handler(t, fine), handler(t, fine)
	one.name, two.name = "one", "two"
	c := client(t, Config{Relays: []Relay{one, two}, Key: []byte("0123456789abcdef")})
	for i := range 20 {
		domain := fmt.Sprintf("H%d.Example.", i)
		exit, err := c.Exit(domain, Lookup)
		if err != nil {
			t.Fatal(err)
		}
		before := map[string]int64{"one": one.dials.Load(), "two": two.dials.Load()}
		res, err := c.Do(t.Context(), get(t, "http://"+domain+"/"))
		if err != nil || res.Exit != exit {
			t.Errorf("%s: %v, %v", domain, res, err)
		}
		now := map[string]int64{"one": one.dials.Load(), "two": two.dials.Load()}
		if before[exit]++; before["one"] != now["one"] || before["two"] != now["two"] {
			t.Errorf("%s left by another relay than %s", domain, exit)
		}
	}
}

// An onion name is for tor alone: without it the request does not leave, and no resolver hears of it.
func TestOnion(t *testing.T) {
	const onion = "vww6ybal4bd7szmgncyruucpgfkqahzddi37ktceo3ah7ngmcopnpyyd.onion"
	none := client(t, Config{Relays: pool("a", "b"), Key: []byte("0123456789abcdef")})
	if _, err := none.Exit(onion, Federation); !errors.Is(err, ErrNoRelay) {
		t.Error(err)
	}
	if _, err := none.Do(t.Context(), get(t, "http://"+onion+"/")); !errors.Is(err, ErrNoRelay) {
		t.Error(err)
	}
	// Nor under the name of another domain.
	req := get(t, "http://"+onion+"/")
	req.Domain = "a.example"
	if _, err := none.Do(t.Context(), req); !errors.Is(err, ErrRefused) {
		t.Error(err)
	}
	c := client(t, Config{Relays: pool("a", "tor", "b"), Key: []byte("0123456789abcdef")})
	if exit, err := c.Exit(onion+":8080", Federation); err != nil || exit != "tor" {
		t.Error(exit, err)
	}
}

// When its relay fails, a request fails: it does not go another way.
func TestNoOtherWay(t *testing.T) {
	spare := handler(t, fine)
	spare.name = "spare"
	dead := failing{&memory{name: "dead", kind: "memory"}, errors.New("link down")}
	c := client(t, Config{Relays: []Relay{dead, spare}, Key: []byte("0123456789abcdef")})
	for i := range 50 {
		domain := fmt.Sprintf("h%d.example", i)
		exit, _ := c.Exit(domain, Lookup)
		_, err := c.Do(t.Context(), get(t, "http://"+domain+"/"))
		var e *Error
		if (exit == "dead") != (errors.As(err, &e) && e.Stage == StageDial && e.Exit == "dead") {
			t.Errorf("%s by %s: %v", domain, exit, err)
		}
	}
}

func TestConfig(t *testing.T) {
	for name, c := range map[string]Config{
		"nil relay":        {Relays: []Relay{nil}},
		"no name":          {Relays: pool("")},
		"two of a name":    {Relays: pool("a", "a"), Key: make([]byte, 16)},
		"pool without key": {Relays: pool("a", "b")},
		"short key":        {Relays: pool("a", "b"), Key: make([]byte, 15)},
		"deadline":         {Deadline: -1},
		"body":             {MaxBody: -1},
		"agent":            {UserAgent: "a\r\nCookie: b"},
	} {
		if _, err := New(c); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	c, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	for domain, want := range map[string]error{"a.example": ErrNoRelay, "a/b": ErrRefused, "": ErrRefused} {
		if _, err := c.Exit(domain, Federation); !errors.Is(err, want) {
			t.Errorf("%q: %v", domain, err)
		}
	}
	if _, err := c.Exit("a.example", 0); !errors.Is(err, ErrRefused) {
		t.Error(err)
	}
}

func TestPurposes(t *testing.T) {
	seen := make(map[string]bool)
	for p := Federation; p.Valid(); p++ {
		if s := p.String(); s == "" || s == "invalid" || seen[s] {
			t.Errorf("%d is %q", p, s)
		}
		seen[p.String()] = true
	}
	if Purpose(0).Valid() || Purpose(0).String() != "invalid" || len(seen) != 8 {
		t.Errorf("%v", seen)
	}
}

// The package's own guard at the dial: what a relay is asked for was checked, whatever stands in between.
func TestRelayGetsNamesAsTheyAre(t *testing.T) {
	r := &asked{memory: handler(t, fine)}
	c := client(t, Config{Relays: []Relay{r}})
	if _, err := c.Do(t.Context(), get(t, "http://bücher.example/")); err != nil {
		t.Fatal(err)
	}
	if r.network != "tcp" || r.address != "xn--bcher-kva.example:80" {
		t.Errorf("%s %s", r.network, r.address)
	}
}

type asked struct {
	*memory
	network, address string
}

func (a *asked) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	a.network, a.address = network, address
	return a.memory.DialContext(ctx, network, address)
}
