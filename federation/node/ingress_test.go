package node_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dunnock-server/dunnock/federation"
	"github.com/dunnock-server/dunnock/federation/control"
	"github.com/dunnock-server/dunnock/federation/node"
	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/ingress"
	"github.com/dunnock-server/dunnock/hardening/pipenet"
)

// lan is where the owner's own listener is.
const lan = "dunnock.lan"

// surfaces stand for all that the owner alone uses: they answer whatever they are asked, loudly.
func surfaces(s *federation.Service) map[string]http.Handler {
	loud := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "x"})
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if _, err := s.Status(r.Context()); err != nil {
			w.WriteHeader(http.StatusInternalServerError)
		}
		_, _ = io.WriteString(w, "the owner's")
	})
	all := map[string]http.Handler{}
	for _, pattern := range []string{"GET /api/v1/instance", "GET /api/v2/instance", "POST /api/v1/apps", "GET /api/v1/timelines/home", "/api/v1/streaming", "POST /api/v2/media",
		"GET /api/v1/statuses/{id}", "PUT /api/v1/statuses/{id}", "DELETE /api/v1/statuses/{id}", "GET /api/v1/accounts/{id}/followers", "GET /oauth/authorize", "POST /oauth/token",
		"GET /.well-known/oauth-authorization-server", "/console/", "GET /nodeinfo/console"} {
		all[pattern] = loud
	}
	return all
}

// onion is the name of the node's onion service.
const onion = "hnvcppgow2sc2yvdvdicu3ynonsteflxdxrehjr2ybekdc2z3iu63yid.onion"

// manyWays is a node with many ways in: the world's, an onion service, and the owner's own.
func manyWays(t *testing.T, changes ...func(*node.Config)) *siege {
	t.Helper()
	doors := map[string]*pipenet.Listener{lan: pipenet.Listen(lan), onion: pipenet.Listen(onion)}
	wide := ingress.Config{Rate: 1e6, Burst: 1e6}
	s := running(t, append([]func(*node.Config){func(c *node.Config) {
		c.Listen = wide
		c.Ingress = []node.Ingress{{Name: "hidden", Listener: doors[onion], Limits: wide, Onion: onion}}
		c.Owner = node.Owner{Ingress: node.Ingress{Name: "home", Listener: doors[lan], Limits: wide}, Hosts: []string{lan, "192.168.7.7"}, Surfaces: surfaces}
	}}, changes...)...)
	world := s.net.Relay("outside")
	s.client.Transport = &http.Transport{DisableKeepAlives: true, DisableCompression: true, ExpectContinueTimeout: time.Minute,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if host, _, _ := strings.Cut(address, ":"); doors[host] != nil {
				return doors[host].Dial(ctx)
			}
			return world.DialContext(ctx, network, address)
		}}
	return s
}

// at asks the listener of host, in the name of another if that is given.
func (s *siege) at(host, method, path, name string, header http.Header, body string) answer {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), method, "http://"+host+path, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	r.Header, r.Host = header.Clone(), name
	return s.do(r)
}

var placeholder = regexp.MustCompile(`\{[a-z]+\}`)

// paths are those that a pattern stands for, and one beside each that is nobody's.
func paths(pattern string) (at, beside []string) {
	_, path, ok := strings.Cut(pattern, " ")
	if !ok {
		path = pattern
	}
	path = placeholder.ReplaceAllString(path, "owner")
	beside = append(beside, path[:strings.LastIndex(strings.TrimSuffix(path, "/"), "/")+1]+"nobodys")
	if strings.HasSuffix(path, "/") {
		return []string{path, path + "settings", strings.TrimSuffix(path, "/")}, []string{beside[0] + "/", beside[0] + "/settings", beside[0]}
	}
	return []string{path, path + "/"}, []string{beside[0], beside[0] + "/"}
}

// asked are the ways to ask for something: what differs in a header or a body could be answered differently.
var asked = []struct {
	header http.Header
	body   string
}{
	{http.Header{}, ""},
	{http.Header{"Accept": {"text/html"}, "Cookie": {"session=x"}}, ""},
	{http.Header{"Accept": {"application/json"}, "Authorization": {"Bearer x"}}, `{"a":1}`},
	{http.Header{"Origin": {"https://client.example"}, "Access-Control-Request-Method": {"POST"}, "Access-Control-Request-Headers": {"authorization"}}, ""},
	{http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}}, ""},
	{http.Header{"Content-Type": {"multipart/form-data; boundary=x"}, "Expect": {"100-continue"}}, strings.Repeat("x", 1<<20+1)},
}

// everyway calls f for every way to ask for something.
func everyway(f func(method string, header http.Header, body string)) {
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"} {
		for _, a := range asked {
			if a.body == "" || method != "GET" && method != "HEAD" {
				f(method, a.header, a.body)
			}
		}
	}
}

// TestOwnersPathsAreNobodys: what the owner alone uses is answered at the owner's listener. At all others an observer who asks for
// it, in whichever way, gets what is answered to a path that nobody ever had: status, body and headers, by the same code.
func TestOwnersPathsAreNobodys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := manyWays(t)
		_, owners := s.node.Patterns()
		if len(owners) < 10 {
			t.Fatalf("the owner has %d routes: the test sees nothing", len(owners))
		}
		for _, pattern := range owners {
			at, beside := paths(pattern)
			for i := range at {
				for _, host := range []string{home, onion} {
					everyway(func(method string, header http.Header, body string) {
						got, want := s.at(host, method, at[i], "", header, body), s.at(host, method, beside[i], "", header, body)
						if !reflect.DeepEqual(got, want) {
							t.Errorf("%s %s at %s %v: %+v, and for nobody's %+v", method, at[i], host, header, got, want)
						}
					})
				}
			}
			method, _, ok := strings.Cut(pattern, " ")
			if !ok {
				method = "GET"
			}
			if got := s.at(lan, method, at[0], "", http.Header{}, ""); got.status != http.StatusOK || got.body != "the owner's" {
				t.Errorf("%s at the owner's listener: %+v", pattern, got)
			}
		}
	})
}

// TestOwnerOnPublic: where it is written down, the world's listeners serve the owner's paths too.
func TestOwnerOnPublic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := manyWays(t, func(c *node.Config) { c.Owner.UnsafePublic, c.Owner.Ingress = true, node.Ingress{} })
		for _, host := range []string{home, onion} {
			if got := s.at(host, "GET", "/api/v1/instance", "", http.Header{}, ""); got.body != "the owner's" {
				t.Errorf("%+v", got)
			}
		}
		if n := len(s.node.Ingress()); n != 2 {
			t.Errorf("%d ways in", n)
		}
	})
}

// TestOwnersListenerServesTheWorldsPaths, so that the owner's devices need one name, and answers to no other name than ours.
func TestOwnersListenerServesTheWorldsPaths(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := manyWays(t)
		world, _ := s.node.Patterns()
		for _, pattern := range append(world, "/users/alice", "/actor", "/.well-known/webfinger?resource=acct:alice@"+home, "/.well-known/nodeinfo", "/media/x.png") {
			at, _ := paths(pattern)
			everyway(func(method string, header http.Header, body string) {
				if got, want := s.at(lan, method, at[0], "", header, body), s.at(home, method, at[0], "", header, body); !reflect.DeepEqual(got, want) {
					t.Errorf("%s %s %v: the owner's listener says %+v, the world's %+v", method, at[0], header, got, want)
				}
			})
		}
		for _, tt := range []struct {
			host, name string
			want       int
		}{
			{home, home, 200}, {home, lan, 421}, {home, onion, 421}, {home, "192.168.7.7", 421}, {home, "evil.example", 421},
			{lan, home, 200}, {lan, lan, 200}, {lan, lan + ":8443", 200}, {lan, "192.168.7.7:80", 200}, {lan, "192.168.7.8", 421}, {lan, "evil.example", 421}, {lan, onion, 421},
			{onion, onion, 200}, {onion, strings.ToUpper(onion), 200}, {onion, home, 421}, {onion, lan, 421}, {onion, "evil.example", 421},
		} {
			if got := s.at(tt.host, "GET", "/users/alice", tt.name, http.Header{}, ""); got.status != tt.want {
				t.Errorf("%s at %s: %d, not %d", tt.name, tt.host, got.status, tt.want)
			}
		}
	})
}

// TestIngressOfEachIsItsOwn: limits of one way in are not used up by another's visitors; what is not seen from outside is not up.
func TestIngressOfEachIsItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var link egress.Link
		link.Down("the relay cannot be reached")
		kept := make(chan struct{})
		s := manyWays(t, func(c *node.Config) {
			c.Ingress[0].Limits = ingress.Config{CrowdRate: 1e-9, CrowdBurst: 3}
			c.Ingress[0].Link = link.State
			c.Ingress[0].Run = func(ctx context.Context) error { <-ctx.Done(); close(kept); return nil }
			t.Cleanup(func() { // after the node's end
				select {
				case <-kept:
				default:
					t.Error("what keeps a way in did not run")
				}
			})
		})
		granted := 0
		for range 10 {
			if s.at(onion, "GET", "/users/alice", "", http.Header{}, "").status == http.StatusOK {
				granted++
			}
			if got := s.at(home, "GET", "/users/alice", "", http.Header{}, ""); got.status != http.StatusOK {
				t.Errorf("%+v", got)
			}
		}
		if granted != 3 {
			t.Errorf("%d requests", granted)
		}
		states := s.node.Ingress()
		want := []control.WayIn{
			{Name: "listen", State: ingress.State{Reason: "nobody looks from outside"}},
			{Name: "hidden", Onion: onion, Strangers: true, State: ingress.State{Reason: "the relay cannot be reached", Since: link.State().Since, Next: link.State().Next}},
			{Name: "home", Owner: true, State: ingress.State{Reason: "nobody looks from outside"}},
		}
		if !reflect.DeepEqual(states, want) {
			t.Errorf("%+v", states)
		}
	})
}

// TestAllListenersOrNone: where one cannot be had, nothing is left listening.
func TestAllListenersOrNone(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	first := pipenet.Listen("first")
	c := besieged(t.TempDir())
	c.Listener = first
	c.Ingress = []node.Ingress{{Limits: ingress.Config{Address: taken.Addr().String()}}}
	if err := node.Init(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	n, err := node.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	if err := n.Run(t.Context()); !errors.Is(err, ingress.ErrInUse) {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := first.Dial(ctx); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the first listener: %v", err)
	}
}
