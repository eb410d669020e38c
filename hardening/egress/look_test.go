package egress

import (
	"context"
	"errors"
	"net"
	"slices"
	"testing"
)

// onions is a relay of kind tor that notes what it is asked for without rules.
type onions struct {
	*linked
	asked []string
}

func (*onions) Kind() string { return "tor" }

func (o *onions) DialContext(ctx context.Context, _, address string) (net.Conn, error) {
	if !IsToRelay(ctx) {
		return nil, Rules{}.dialTarget("tor", address)
	}
	c, _ := CircuitOf(ctx)
	o.asked = append(o.asked, c.Domain+" "+c.Purpose.String()+" "+address)
	a, _ := net.Pipe()
	return a, nil
}

// Port 80 is for the node's own onion service alone, and for looking at it.
func TestLookAtAnOnionService(t *testing.T) {
	const ours, others = "25njqamcweflpvkl73j4szahhihoc4xt3ktcgjnpaingr5yhkenl5sid.onion", "hh5jhzhcqkrl7jp5bkzlw4ydyhac6v36tptx464ikf5vyaku5l37b2ad.onion"
	_, all := links("tor")
	tor := &onions{linked: all["tor"]}
	c, err := New(Config{Key: []byte(poolKey), Relays: []Relay{tor}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ended := 0
	begin := func(context.Context, string) (func(int64), error) { return func(int64) { ended++ }, nil }
	conn, err := c.Look("tor", ours, begin)(t.Context(), "tcp", ours+":80")
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	for _, address := range []string{others + ":80", ours + ":81", "example.org:80", "127.0.0.1:80"} {
		if _, err := c.Look("tor", ours, begin)(t.Context(), "tcp", address); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", address, err)
		}
	}
	if _, err := c.Look("tor", "", begin)(t.Context(), "tcp", ours+":80"); !errors.Is(err, ErrRefused) {
		t.Error(err)
	}
	if want := []string{ours + " look " + ours + ":80"}; !slices.Equal(tor.asked, want) || ended != 6 {
		t.Errorf("asked for %q, %d ended", tor.asked, ended)
	}
}
