package node

import (
	"strings"
	"testing"

	"github.com/dunnock-server/dunnock/hardening/egress"
)

// What can leave only from the address where visitors come is told, for the pool and for each route.
func TestApart(t *testing.T) {
	vps, tor := egress.Way{Name: "vps", Pool: true}, egress.Way{Name: "tor", Pool: true}
	routed := func(w egress.Way, pool bool, routes ...string) egress.Way { w.Pool, w.Routes = pool, routes; return w }
	for name, tt := range map[string]struct {
		ways  []egress.Way
		alone string // empty: nothing
	}{
		"one":                           {[]egress.Way{vps}, "everything else"},
		"two":                           {[]egress.Way{vps, tor}, ""},
		"the other for a route only":    {[]egress.Way{vps, routed(tor, false, "*.onion")}, "everything else"},
		"a route by the first alone":    {[]egress.Way{routed(vps, true, "big.example"), tor}, "big.example"},
		"a route by both":               {[]egress.Way{routed(vps, true, "big.example"), routed(tor, true, "big.example")}, ""},
		"all by the first, on any path": {[]egress.Way{routed(vps, true, "b.example", "a.example")}, "a.example, b.example, everything else"},
		"none":                          {nil, "everything else"},
	} {
		c, ok := apart(tt.ways, []string{"vps"}, "home.example")
		if !ok || c.OK != (tt.alone == "") || tt.alone != "" && !strings.Contains(c.Found, "for "+tt.alone+":") {
			t.Errorf("%s: %+v", name, c)
		}
	}
	if c, ok := apart([]egress.Way{vps}, nil, "home.example"); ok {
		t.Errorf("without a way in by a relay: %+v", c)
	}
}
