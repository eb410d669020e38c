package node_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/dunnock-server/dunnock/federation/node"
	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/egress/proxy"
	"github.com/dunnock-server/dunnock/hardening/egress/tor"
	"github.com/dunnock-server/dunnock/hardening/egress/tor/tortest"
	"github.com/dunnock-server/dunnock/hardening/ingress"
	"github.com/dunnock-server/dunnock/hardening/pipenet"
)

// TestOnionLocation: a page on the clear web says where the same page is on the onion service, and nothing else says so.
func TestOnionLocation(t *testing.T) {
	for _, there := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			s := manyWays(t, func(c *node.Config) {
				c.Owner.UnsafePublic = true // the owner's surfaces are pages
				if !there {
					c.Ingress = nil
				}
			})
			document := http.Header{"Accept": {"application/activity+json"}}
			for _, tt := range []struct {
				host, path string
				header     http.Header
				page       bool
			}{
				{home, "/console/", nil, true},
				{home, "/console/a%2Fb%20c/?q=%0d%0ax&r=s", nil, true},
				{home, "/users/alice", document, false},
				{home, "/users/alice", http.Header{"Accept": {"text/html"}}, false},
				{home, "/.well-known/nodeinfo", nil, false},
				{home, "/nobodys", nil, false},
				{lan, "/console/", nil, false},
				{onion, "/console/", nil, false},
				{onion, "/users/alice", document, false},
			} {
				if tt.host == onion && !there {
					continue
				}
				want := ""
				if tt.page && there {
					want = "http://" + onion + tt.path
				}
				for _, method := range []string{"GET", "HEAD"} {
					got := s.at(tt.host, method, tt.path, "", tt.header, "")
					if at := strings.Join(got.header.Values("Onion-Location"), ","); at != want {
						t.Errorf("%s%s: %q, not %q", tt.host, tt.path, at, want)
					}
				}
			}
		})
	}
}

// TestOnionDocuments: what is asked for at the onion service has the ids that it has everywhere.
func TestOnionDocuments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := manyWays(t)
		for _, path := range []string{"/users/alice", "/actor", "/.well-known/webfinger?resource=acct:alice@" + home, "/.well-known/nodeinfo"} {
			header := http.Header{"Accept": {"application/activity+json"}}
			here, there := s.at(onion, "GET", path, "", header, ""), s.at(home, "GET", path, "", header, "")
			if here.status != http.StatusOK || here.body != there.body || !strings.Contains(here.body, "http://"+home) || strings.Contains(here.body, "onion") {
				t.Errorf("%s: %+v", path, here)
			}
		}
	})
}

// TestWaysThroughTor: a real tor network brings visitors to the onion service, and looks at both ways in from outside.
func TestWaysThroughTor(t *testing.T) {
	clear, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := clear.Addr().(*net.TCPAddr).Port
	network := tortest.Start(t, uint16(port)) // whose exits find all names on this machine, and reach this port
	rules := egress.Rules{HTTP: true}
	relay, err := proxy.Tor(proxy.TorConfig{Name: "tor", Socks: network.Socks, Control: tor.Control{Address: network.Control, Dial: egress.Home()}, Rules: rules, Dial: egress.Home()})
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(filepath.Dir(network.ControlSocket), "http.sock")
	look, err := ingress.NewProbe(ingress.ProbeConfig{Dial: relay.DialContext, Address: fmt.Sprint(home, ":", port), Plain: true, Link: relay.State})
	if err != nil {
		t.Fatal(err)
	}
	s := running(t, func(c *node.Config) {
		c.Relays = append(c.Relays, relay)
		c.Listener = clear
		c.Listen.Probe = look
		c.Ingress = []node.Ingress{{Name: "onion", LookBy: "tor", Limits: ingress.Config{Address: "unix:" + socket},
			Service: func(key []byte) (node.OnionService, error) {
				return tor.NewOnion(tor.OnionConfig{Control: tor.Control{Address: "unix:" + network.ControlSocket, Password: network.Password}, Key: key,
					Ports: map[uint16]string{80: "unix:" + socket}})
			}}}
	})
	host := s.node.Ingress()[1].Onion
	eventually(t, "both ways in are seen from outside", func() bool {
		_ = relay.Connect(t.Context())
		states := s.node.Ingress()
		return states[0].Up && states[1].Up
	})
	s.client.Transport = &http.Transport{DialContext: relay.DialContext, DisableKeepAlives: true}
	got := s.at(host, "GET", "/users/alice", "", http.Header{"Accept": {"application/activity+json"}}, "")
	var doc struct{ ID, Inbox string }
	if err := json.Unmarshal([]byte(got.body), &doc); err != nil || doc.ID != s.owner || !strings.HasPrefix(doc.Inbox, "http://"+home+"/") {
		t.Errorf("%+v", got)
	}
	if states := s.node.Ingress(); states[0].Strangers || !states[1].Strangers {
		t.Errorf("%+v", states)
	}
	eventually(t, "the look is in the ledger", func() bool {
		return len(s.query("SELECT id FROM disclosures WHERE domain = ? AND purpose = 'look' AND exit = 'tor'", host)) > 0
	})
	network.StopClient()
	eventually(t, "the onion service is down", func() bool {
		state := s.node.Ingress()[1]
		return !state.Up && state.Reason != ""
	})
}

// quiet is an onion service of nobody's.
type quiet struct{ name string }

func (q quiet) Host() string                { return q.name }
func (quiet) State() egress.State           { return egress.State{} }
func (quiet) Run(ctx context.Context) error { <-ctx.Done(); return nil }

// TestOnionKeyIsKept: the key of an onion service is made once, is another for each, and is not made anew when it cannot be read.
func TestOnionKeyIsKept(t *testing.T) {
	c := node.Config{Domain: "home.example", Host: "home.example", Username: "alice", DataDir: t.TempDir()}
	if err := node.Init(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	way := func(name string) node.Ingress {
		return node.Ingress{Name: name, Service: func(key []byte) (node.OnionService, error) { return quiet{string(key)}, nil }}
	}
	c.Ingress, c.Owner.Ingress = []node.Ingress{way("onion")}, way("owner")
	c.Owner.Listener = pipenet.Listen("owner")
	keys := func() [2]string {
		n, err := node.Open(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		defer n.Close()
		return [2]string{n.Ingress()[0].Onion, n.Ingress()[1].Onion}
	}
	first := keys()
	if again := keys(); first != again || first[0] == first[1] || len(first[0]) != 32 || len(first[1]) != 32 {
		t.Errorf("%q and %q", first, again)
	}
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(c.DataDir, "dunnock.db"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Exec("UPDATE settings SET value = 'x' || value WHERE name = 'onion_key.onion'")
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	if n, err := node.Open(t.Context(), c); err == nil || !strings.Contains(err.Error(), `"onion"`) {
		t.Error(n, err)
	}
}
