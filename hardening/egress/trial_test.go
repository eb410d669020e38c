package egress

import (
	"context"
	"errors"
	"net"
	"testing"
)

// obliging is a relay that is up and refuses nothing.
type obliging struct{ *linked }

func (obliging) Kind() string { return "obliging" }

func (obliging) DialContext(context.Context, string, string) (net.Conn, error) {
	a, _ := net.Pipe()
	return a, nil
}

// strict is one that keeps the rules.
type strict struct{ *linked }

func (strict) DialContext(_ context.Context, _, address string) (net.Conn, error) {
	return nil, Rules{}.dialTarget("strict", address)
}

// What does not hold is told: a trial that only ever passes would be comfort.
func TestTrial(t *testing.T) {
	_, all := links("good", "obliging", "down")
	all["down"].unreachable.Store(true)
	c, err := New(Config{Key: []byte(poolKey), Relays: []Relay{strict{all["good"]}, obliging{all["obliging"]}, strict{all["down"]}, Direct("direct", Rules{})}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for name, want := range map[string]map[string]bool{
		"good":     {"link": true, "private addresses": true, "direct dial": true},
		"obliging": {"link": true, "private addresses": false, "direct dial": true},
		"down":     {"link": false, "private addresses": true, "direct dial": true},
		"direct":   {"link": true, "private addresses": true, "direct dial": false},
	} {
		checks, err := c.Trial(t.Context(), name)
		if err != nil || len(checks) != len(want) {
			t.Fatalf("%s: %v, %v", name, checks, err)
		}
		for _, check := range checks {
			if check.OK != want[check.What] || check.Found == "" {
				t.Errorf("%s: %+v", name, check)
			}
		}
	}
	if _, err := c.Trial(t.Context(), "nobody"); !errors.Is(err, ErrNoRelay) {
		t.Error(err)
	}
}
