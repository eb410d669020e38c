package egress

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

const poolKey = "0123456789abcdef"

// linked is a relay whose link a test takes down.
type linked struct {
	*memory
	Link
	unreachable atomic.Bool
	tries       atomic.Int64
}

func (l *linked) Connect(context.Context) error {
	if l.tries.Add(1); l.unreachable.Load() {
		l.Down("unreachable")
		return ErrRelayDown
	}
	l.Up()
	return nil
}

func links(names ...string) (relays []Relay, all map[string]*linked) {
	all = make(map[string]*linked)
	for _, name := range names {
		l := &linked{memory: &memory{name: name, kind: "memory"}}
		l.Up()
		relays, all[name] = append(relays, l), l
	}
	return relays, all
}

// exitsOf tells by which relay 300 domains would leave; "" where they wait.
func exitsOf(t *testing.T, c *Client) map[string]string {
	t.Helper()
	got := make(map[string]string)
	for i := range 300 {
		domain := fmt.Sprintf("h%d.example", i)
		exit, err := c.Exit(domain, Federation)
		if err != nil && !errors.Is(err, ErrRelayDown) {
			t.Fatal(err)
		}
		got[domain] = exit
	}
	return got
}

// When a relay fails its domains wait, then move one by one, and come back one by one; nobody else's domain moves.
func TestDomainsMoveOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		relays, all := links("a", "b", "c")
		c := client(t, Config{Relays: relays, Key: []byte(poolKey)})
		time.Sleep(time.Hour)
		first := exitsOf(t, c)
		watch := func(for_ time.Duration, step func(at time.Duration, now map[string]string)) {
			for at := time.Duration(0); at < for_; at += 20 * time.Second {
				step(at, exitsOf(t, c))
				time.Sleep(20 * time.Second)
			}
		}
		all["b"].Down("cut")
		moved, most := 0, 0
		watch(moveWithin+time.Minute, func(at time.Duration, now map[string]string) {
			n := 0
			for domain, exit := range now {
				switch {
				case first[domain] != "b" && exit != first[domain]:
					t.Fatalf("%v: %s moved from %s, which is up, to %s", at, domain, first[domain], exit)
				case exit == "b":
					t.Fatalf("%v: %s leaves by a relay that is down", at, domain)
				case first[domain] == "b" && exit != "":
					n++
				}
			}
			moved, most = n, max(most, n-moved)
		})
		total := 0
		for _, exit := range first {
			if exit == "b" {
				total++
			}
		}
		if moved != total || most > total/5 {
			t.Errorf("%d of %d moved, up to %d within 20 s", moved, total, most)
		}
		all["b"].Up()
		back, most := 0, 0
		watch(moveWithin+time.Minute, func(at time.Duration, now map[string]string) {
			n := 0
			for domain, exit := range now {
				if first[domain] == "b" && exit == "b" {
					n++
				}
				if exit == "" {
					t.Fatalf("%s waits while all relays are up", domain)
				}
			}
			back, most = n, max(most, n-back)
		})
		if back != total || most > total/5 {
			t.Errorf("%d of %d came back, up to %d within 20 s", back, total, most)
		}
		// An outage that was over before anybody moved moves nobody.
		all["c"].Down("cut")
		time.Sleep(time.Millisecond)
		all["c"].Up()
		if now := exitsOf(t, c); !equal(now, first) {
			t.Error("an outage of a millisecond moved domains")
		}
	})
}

func equal(a, b map[string]string) bool {
	for k, v := range a {
		if b[k] != v {
			return false
		}
	}
	return len(a) == len(b)
}

// With all relays down, and with one alone down, nothing goes another way, however long it lasts.
func TestNothingMovesToNowhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		relays, all := links("a", "b", "spare")
		c := client(t, Config{Relays: relays, Key: []byte(poolKey), Pool: []string{"a", "b"},
			Routes: []Route{{Match: "alone.example", Relays: []string{"a"}}}})
		all["a"].Down("cut")
		time.Sleep(24 * time.Hour)
		if exit, err := c.Exit("alone.example", Federation); !errors.Is(err, ErrRelayDown) {
			t.Errorf("a domain with one relay leaves by %q, %v", exit, err)
		}
		all["b"].Down("cut")
		time.Sleep(24 * time.Hour)
		for domain, exit := range exitsOf(t, c) {
			if exit != "" {
				t.Fatalf("%s leaves by %s", domain, exit)
			}
		}
		if _, err := c.Do(t.Context(), get(t, "http://h1.example/")); !errors.Is(err, ErrRelayDown) || !errors.Is(err, ErrNoRelay) {
			t.Error(err)
		}
		if n := all["spare"].dials.Load(); n != 0 {
			t.Errorf("a relay outside the pool was asked %d times", n)
		}
	})
}

// The longest match gives the pool; what is in no pool carries nothing.
func TestRoutes(t *testing.T) {
	relays := pool("a", "b", "c", "tor", "unused")
	c := client(t, Config{Relays: relays, Key: []byte(poolKey), Pool: []string{"a"}, Routes: []Route{
		{"*.example", []string{"b"}}, {"*.big.example", []string{"c"}}, {"big.example", []string{"tor"}}, {"*.onion", []string{"tor"}}}})
	for domain, want := range map[string]string{
		"other.test.example": "b", "x.big.example": "c", "big.example": "tor", "big.example:8443": "tor", "example": "a", "notexample": "a",
		"vww6ybal4bd7szmgncyruucpgfkqahzddi37ktceo3ah7ngmcopnpyyd.onion": "tor", "elsewhere.net": "a",
	} {
		if exit, err := c.Exit(domain, Federation); err != nil || exit != want {
			t.Errorf("%s leaves by %q, %v; want %s", domain, exit, err, want)
		}
	}
	for name, bad := range map[string]Config{
		"pool":    {Relays: relays, Key: []byte(poolKey), Pool: []string{"x"}},
		"route":   {Relays: relays, Key: []byte(poolKey), Routes: []Route{{"a.example", []string{"x"}}}},
		"empty":   {Relays: relays, Key: []byte(poolKey), Routes: []Route{{"a.example", nil}}},
		"match":   {Relays: relays, Key: []byte(poolKey), Routes: []Route{{"", []string{"a"}}}},
		"ingress": {Relays: relays, Key: []byte(poolKey), Ingress: []string{"x"}},
	} {
		if _, err := New(bad); err == nil {
			t.Errorf("a bad %s is accepted", name)
		}
	}
}

// An address that names the node is not the exit of what is not signed, where the pool has another.
func TestUnsignedAvoidsIngress(t *testing.T) {
	c := client(t, Config{Relays: pool("a", "b", "c"), Key: []byte(poolKey), Ingress: []string{"b"},
		Routes: []Route{{"*.alone.example", []string{"b"}}}})
	signed := 0
	for i := range 300 {
		domain := fmt.Sprintf("h%d.example", i)
		for p := Federation; p.Valid(); p++ {
			exit, err := c.Exit(domain, p)
			if err != nil {
				t.Fatal(err)
			}
			if exit == "b" && p != Federation {
				t.Errorf("%s for %v leaves by the way in", domain, p)
			} else if exit == "b" {
				signed++
			}
		}
	}
	if signed == 0 {
		t.Error("what is signed avoids the way in as well")
	}
	if exit, err := c.Exit("x.alone.example", Media); err != nil || exit != "b" {
		t.Error("a pool of one has nothing to avoid it with:", exit, err)
	}
}

// A link that is down is tried again, at growing intervals, and by nothing else.
func TestLinksAreTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		relays, all := links("a")
		a := all["a"]
		a.unreachable.Store(true)
		c := client(t, Config{Relays: relays})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- c.Run(ctx) }()
		time.Sleep(10 * time.Second)
		early := a.tries.Load()
		time.Sleep(time.Hour)
		late := a.tries.Load() - early
		if early < 3 || early > 8 || late < 10 || late > 40 {
			t.Errorf("%d tries in 10 s, %d in the hour after", early, late)
		}
		a.unreachable.Store(false)
		time.Sleep(lastPause + 2*look)
		if s := a.State(); s.Down || s.Lost.IsZero() || s.Since.Sub(s.Lost) < time.Hour {
			t.Errorf("%+v", s)
		}
		tries := a.tries.Load()
		time.Sleep(time.Hour)
		if a.tries.Load() != tries {
			t.Error("a link that is up is tried")
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// resolving is a relay that is asked only for what Resolve gives.
type resolving struct {
	*memory
	rules Rules
	asked []netip.AddrPort
}

func (r *resolving) dialed(ctx context.Context, address string) error {
	targets, err := Resolve(ctx, r.rules, address)
	r.asked = append(r.asked, targets...)
	return err
}

// Whatever a look-up answers, a relay is asked for permitted addresses only; a name is looked up for the circuit that dials it,
// once, by way of its exit; without a look-up a name goes nowhere.
func TestResolve(t *testing.T) {
	addr := netip.MustParseAddr
	var circuits []Circuit
	answers := map[string][]netip.Addr{
		"good.example":   {addr("45.33.32.156")},
		"mixed.example":  {addr("127.0.0.1"), addr("10.0.0.1"), addr("::ffff:192.168.0.1"), addr("2600:3c01::1")},
		"bad.example":    {addr("127.0.0.1"), addr("::1"), addr("64:ff9b::7f00:1")},
		"none.example":   {},
		"mapped.example": {addr("::ffff:45.33.32.156")},
		"many.example":   {addr("45.0.0.1"), addr("45.0.0.2"), addr("45.0.0.3"), addr("45.0.0.4")},
	}
	lookup := func(_ context.Context, c Circuit, name string) ([]netip.Addr, time.Duration, error) {
		circuits = append(circuits, c)
		return answers[name], time.Minute, nil
	}
	for _, tt := range []struct {
		address string
		want    []string
	}{
		{"good.example:443", []string{"45.33.32.156:443"}},
		{"mixed.example:443", []string{"[2600:3c01::1]:443"}},
		{"bad.example:443", nil}, {"none.example:443", nil}, {"good.example:22", nil}, {"good.example", nil}, {"good.example:x", nil},
		{"mapped.example:443", []string{"45.33.32.156:443"}},
		{"many.example:443", []string{"45.0.0.1:443", "45.0.0.2:443", "45.0.0.3:443"}},
		{"45.33.32.156:443", []string{"45.33.32.156:443"}}, {"127.0.0.1:443", nil}, {"[::1]:443", nil}, {"localhost:443", nil},
		{"a.onion:443", nil},
	} {
		circuits = nil
		c := &circuit{Circuit: Circuit{Domain: "good.example", Purpose: Media, Exit: "far"}, lookup: lookup}
		for range 2 {
			r := &resolving{}
			ctx := context.WithValue(t.Context(), lookupContext{}, c)
			err := r.dialed(ctx, tt.address)
			var got []string
			for _, a := range r.asked {
				got = append(got, a.String())
			}
			if !slices.Equal(got, tt.want) || (err == nil) != (tt.want != nil) || err != nil && !errors.Is(err, ErrRefused) {
				t.Errorf("%s: %v, %v; want %v", tt.address, got, err, tt.want)
			}
		}
		if tt.want != nil && len(circuits) > 1 || len(circuits) > 0 && circuits[0] != c.Circuit {
			t.Errorf("%s: looked up for %v", tt.address, circuits)
		}
	}
	for want, c := range map[error]*circuit{ErrNames: {}, ErrRefused: {Circuit: Circuit{Purpose: Names}, lookup: lookup}} {
		ctx := context.WithValue(t.Context(), lookupContext{}, c)
		if _, err := Resolve(ctx, Rules{}, "good.example:443"); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
	if _, err := Resolve(t.Context(), Rules{}, "good.example:443"); !errors.Is(err, ErrNames) {
		t.Errorf("outside of a dial: %v", err)
	}
}

// What a circuit has looked up is kept for a while, bounded, and by no other circuit.
func TestNamesAreKeptForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		c := &circuit{lookup: func(context.Context, Circuit, string) ([]netip.Addr, time.Duration, error) {
			asked++
			return []netip.Addr{netip.MustParseAddr("45.33.32.156")}, 0, nil
		}}
		ask := func(name string) {
			t.Helper()
			if _, err := c.lookUp(t.Context(), name, nil); err != nil {
				t.Fatal(err)
			}
		}
		ask("a.example")
		ask("a.example")
		time.Sleep(minTTL)
		ask("a.example")
		if asked != 2 {
			t.Errorf("asked %d times", asked)
		}
		for i := range 1000 {
			ask(fmt.Sprintf("h%d.example", i))
		}
		if n := len(c.names.known); n > maxNames {
			t.Errorf("%d names are kept", n)
		}
	})
}

// A relay's own resolver is asked in the place of the client's, under the same rules; its answers are kept for the circuit, and
// for nobody where there is none.
func TestResolveBy(t *testing.T) {
	addr := netip.MustParseAddr
	asked := 0
	ask := func(_ context.Context, name string) ([]netip.Addr, time.Duration, error) {
		asked++
		return []netip.Addr{addr("10.0.0.1"), addr("45.33.32.156")}, time.Minute, nil
	}
	other := func(context.Context, Circuit, string) ([]netip.Addr, time.Duration, error) {
		t.Error("the client's resolver was asked")
		return nil, 0, errors.New("no")
	}
	for name, tt := range map[string]struct {
		ctx  context.Context
		want int
	}{
		"in a circuit":      {context.WithValue(t.Context(), lookupContext{}, &circuit{lookup: other}), 1},
		"outside a circuit": {t.Context(), 3},
	} {
		asked = 0
		for range 3 {
			got, err := ResolveBy(tt.ctx, Rules{}, "good.example:443", ask)
			if err != nil || len(got) != 1 || got[0] != netip.MustParseAddrPort("45.33.32.156:443") {
				t.Errorf("%s: %v, %v", name, got, err)
			}
		}
		if asked != tt.want {
			t.Errorf("%s: asked %d times", name, asked)
		}
	}
}

// What the owner is shown is what there is.
func TestWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		relays, all := links("a", "b")
		relays = append(relays, pool("tor")...)
		c := client(t, Config{Relays: relays, Key: []byte(poolKey), Pool: []string{"a", "b"}, Routes: []Route{{"*.onion", []string{"tor"}}}})
		since := time.Now()
		time.Sleep(time.Minute)
		all["b"].Down("cut")
		all["b"].Down("cut")
		all["b"].Up()
		all["b"].Up()
		all["b"].Down("cut")
		got := c.Ways()
		want := []Way{{Name: "a", Kind: "memory", Pool: true, Since: since},
			{Name: "b", Kind: "memory", Pool: true, Down: true, Reason: "cut", Since: time.Now(), Reconnects: 1, Next: got[1].Next},
			{Name: "tor", Kind: "tor", Routes: []string{"*.onion"}}}
		if !reflect.DeepEqual(got, want) || !got[1].Next.After(time.Now()) {
			t.Errorf("%+v, want %+v", got, want)
		}
	})
}

// The next relay of a chain is reached at the address that the owner wrote, which no rule is about; a name is not.
func TestResolveToRelay(t *testing.T) {
	ctx := ToRelay(t.Context())
	if got, err := Resolve(ctx, Rules{}, "10.0.0.1:1080"); err != nil || len(got) != 1 || got[0].String() != "10.0.0.1:1080" {
		t.Error(got, err)
	}
	if got, err := Resolve(ctx, Rules{}, "relay.example:1080"); !errors.Is(err, ErrRefused) {
		t.Error(got, err)
	}
}
