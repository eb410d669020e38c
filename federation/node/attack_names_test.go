package node_test

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dunnock-server/dunnock/federation/control"
	"github.com/dunnock-server/dunnock/federation/node"
)

// subjects: a handle is an account's only if its domain and the account say so.
func subjects(t *testing.T) {
	s := newSiege(t)
	eve, vic := s.site("eve.example").person("eve"), s.site("victim.example").person("vic")
	handle := func(uri string) string {
		t.Helper()
		var found control.Found
		s.must("lookup", control.What{What: uri}, &found)
		return found.Actor.Handle
	}
	for i, subject := range []string{"acct:vic@victim.example", "acct:VIC@victim.example", "acct:NAME@victim.example", "acct:NAME@" + home, "acct:NAME@nowhere.example", "vic@victim.example", "http://victim.example/users/vic",
		"acct:vic@victim.example@eve.example", "acct:vic%40victim.example", "acct:vic@victim.example/", "acct:alice@" + home, "acct:@victim.example", ""} {
		name := fmt.Sprintf("p%d", i)
		p, subject := eve.person(name), strings.Replace(subject, "NAME", name, 1)
		links := func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, `{"subject":%q,"aliases":[%q],"links":[{"rel":"self","type":"application/activity+json","href":%q}]}`, subject, vic.uri, p.uri)
		}
		eve.serve("/.well-known/webfinger?resource=acct%3A"+name+"%40eve.example", links)
		p.take(p.hello("1"))
		if got := handle(p.uri); strings.Contains(got, "victim") || strings.Contains(got, "vic@") || strings.Contains(got, "nowhere") || strings.Contains(got, home) {
			t.Errorf("subject %q: the account is called %s", subject, got)
		}
		// By the name that it gives itself nobody else is found, and by that of the victim not this one.
		var found control.Found
		if err := s.call("lookup", control.What{What: "@" + name + "@eve.example"}, &found); err == nil && found.Actor.URI != p.uri {
			t.Errorf("subject %q: its own name leads to %+v", subject, found.Actor)
		}
	}
	var found control.Found
	s.must("lookup", control.What{What: "@vic@victim.example"}, &found)
	if found.Actor.URI != vic.uri || found.Actor.Handle != "@vic@victim.example" {
		t.Errorf("the victim's name leads to %+v", found.Actor)
	}
	// A domain that claims somebody else's account, or the owner's, has not got it.
	for name, href := range map[string]string{"stolen": vic.uri, "mine": s.owner, "list": eve.url("/users/list.json")} {
		eve.serve("/.well-known/webfinger?resource=acct%3A"+name+"%40eve.example", jrd(name+"@eve.example", href))
		if err := s.call("lookup", control.What{What: "@" + name + "@eve.example"}, nil); err == nil {
			t.Errorf("@%s@eve.example is found", name)
		}
	}
	if got := handle(vic.uri); got != "@vic@victim.example" {
		t.Errorf("the victim is called %s", got)
	}
}

// namesWithSigns: a name with what no name has is refused as it is, and nobody is asked for a part of it.
func namesWithSigns(t *testing.T) {
	s := newSiege(t)
	eve := s.site("eve.example").person("eve")
	for _, host := range []string{"exa/mple.org", `exa\mple.org`, "exa%mple.org", "exa%2fmple.org", "exa@mple.org", "exa:mple.org", "exa mple.org", "exa\tmple.org", "exa\nmple.org", "exa#mple.org",
		"exa?mple.org", "mple.org/", "mple.org?", "mple.org#", "mple.org:99999", "mple.org:", ".mple.org", "mple..org", "-mple.org", "mple_x.org", "mple.org\u200b", "exa\u00admple.org", "[mple.org]",
		"mple", "", "mple.org,exa.org", "mple.org;", "exa．mple／.org"} {
		s.silent(func() {
			for _, what := range []string{"@bob@" + host, "bob@" + host, "acct:bob@" + host} {
				if err := s.call("lookup", control.What{What: what}, nil); err == nil {
					t.Errorf("%q is found", what)
				}
				if err := s.call("follow", control.Who{Who: what}, nil); err == nil {
					t.Errorf("%q is followed", what)
				}
			}
		})
	}
	for _, user := range []string{"b/ob", `b\ob`, "b%6fb", "b:ob", "b ob", "b\tob", "b\x00ob", "b\u202eob", "<b>", "b&resource=acct:x", "b#", "b?", ""} {
		s.silent(func() {
			if err := s.call("lookup", control.What{What: "@" + user + "@eve.example"}, nil); err == nil {
				t.Errorf("%q is found", user)
			}
		})
	}
	// Nor does an account get a handle of such a name.
	for i, user := range []string{"vic@victim.example", "b/ob", "b ob", "b\u202eob", "<b>", "b:ob", "b%40x", "b\nob", strings.Repeat("b", 600)} {
		p := eve.person(fmt.Sprintf("u%d", i))
		eve.serve(fmt.Sprintf("/users/u%d", i), merge(p.doc, obj{"preferredUsername": user}))
		requests, _ := s.during(func() { p.post(p.hello("1")) })
		var found control.Found
		s.must("lookup", control.What{What: p.uri}, &found)
		if found.Actor.Handle != p.uri || len(requests) != 1 {
			t.Errorf("preferredUsername %q: called %q after %q", user, found.Actor.Handle, requests)
		}
	}
}

// spellings: a host has one form, wherever it stands, and who is blocked is so in any other.
func spellings(t *testing.T) {
	s := newSiege(t)
	site := s.site("eve.example")
	for _, other := range []string{"EVE.example", "eve.example.", "bücher.example", "xn--bcher-kva.example"} {
		site.on(s.net.Listen(other))
	}
	eve := site.person("eve")
	var before []string
	for _, what := range []string{"@eve@eve.example", "@eve@EVE.EXAMPLE", "@eve@eve.example.", "@Eve@Eve.Example", "@eve@ｅｖｅ.example", "@eve@eve。example", "acct:eve@eve.example"} {
		var found control.Found
		s.must("lookup", control.What{What: what}, &found)
		if found.Actor.URI != eve.uri || found.Actor.Handle != "@eve@eve.example" {
			t.Errorf("%s is %+v", what, found.Actor)
		}
		if actors := s.query("SELECT uri, host, handle FROM actors"); len(actors) != 1 || before != nil && actors[0] != before[0] {
			t.Errorf("after %s there are %q", what, actors)
		} else {
			before = actors
		}
	}
	s.must("block", control.Who{Who: "@eve@EVE.example."}, nil)
	s.settle()
	for _, base := range []string{"http://EVE.example", "http://eve.example.", "http://eve.example:80", "HTTP://eve.example", "http://ｅｖｅ.example", "http://eve%2eexample",
		"http://eve\u200b.example", "http://%65ve.example", "http://eve.example:080", "http://@eve.example"} {
		again := eve.at(base + "/users/eve")
		doc := merge(eve.doc, obj{"id": again.uri, "inbox": again.uri + "/inbox", "publicKey": merge(eve.doc["publicKey"].(obj), obj{"id": again.keyID, "owner": again.uri})})
		site.serve(strings.TrimPrefix(again.uri, "http://eve.example"), doc)
		site.serve("/users/eve", doc)
		s.unchanged(func() {
			for _, doc := range []obj{again.hello("1"), again.act("Follow", s.owner)} {
				if status := again.send(doc); status == http.StatusAccepted {
					t.Errorf("%s is taken", base)
				}
			}
		})
	}
	site.serve("/users/eve", eve.doc)
	s.unchanged(func() { eve.post(eve.hello("1")) })
	// An IDN is kept in A-labels, in the ledger and the queue too.
	idn := site.person("idn")
	idn.doc["id"], idn.doc["inbox"] = "http://xn--bcher-kva.example/users/idn", "http://xn--bcher-kva.example/users/idn/inbox"
	site.serve("/.well-known/webfinger?resource=acct%3Aidn%40xn--bcher-kva.example", jrd("idn@BÜCHER.example", idn.doc["id"].(string)))
	for _, what := range []string{"@idn@BÜCHER.example", "@idn@bücher.example.", "@idn@xn--bcher-kva.example", "@idn@XN--BCHER-KVA.example"} {
		var found control.Found
		s.must("lookup", control.What{What: what}, &found)
		if found.Actor.Handle != "@idn@xn--bcher-kva.example" {
			t.Errorf("%s is %+v", what, found.Actor)
		}
	}
	s.must("follow", control.Who{Who: "@idn@bücher.example"}, nil)
	s.settle()
	for _, line := range s.query("SELECT DISTINCT domain FROM disclosures UNION SELECT host FROM hosts UNION SELECT host FROM actors UNION SELECT host FROM deliveries") {
		if host := strings.TrimPrefix(line, " domain="); host != "" && host != "eve.example" && host != "xn--bcher-kva.example" {
			t.Errorf("a host is written %q", host)
		}
	}
}

// somewhere gives connections an address of the world: what comes from loopback, or from no network, is not limited.
type somewhere struct{ net.Listener }

type from struct{ net.Conn }

func (l somewhere) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return from{c}, nil
}

func (from) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(198, 18, 77, 66), Port: 1} }

// forwardedFor: who asks too often is told so, whatever they say of where they come from.
func forwardedFor(t *testing.T) {
	if _, err := born(); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		s := newSiege(t, func(c *node.Config) { c.Listener = somewhere{c.Listener} })
		eve := s.site("eve.example").person("eve")
		counts := map[int]int{}
		s.during(func() {
			for i := range 400 {
				r := eve.at(eve.url(fmt.Sprintf("/users/%d", i))).request(eve.act("Delete", eve.uri))
				for _, name := range []string{"X-Forwarded-For", "X-Real-IP", "X-Client-IP", "True-Client-IP", "CF-Connecting-IP", "X-Forwarded"} {
					r.Header.Set(name, fmt.Sprintf("198.51.100.%d", i%256))
				}
				r.Header.Set("Forwarded", fmt.Sprintf("for=198.51.100.%d", i%256))
				got := s.do(r)
				counts[got.status]++
				if got.status == http.StatusTooManyRequests && got.header.Get("Retry-After") == "" {
					t.Fatal("429 without Retry-After")
				}
			}
		})
		if counts[http.StatusTooManyRequests] < 190 { // the burst, and what time gives back
			t.Errorf("the answers are %v", counts)
		}
		time.Sleep(time.Minute)
		if got := s.do(s.get("/actor")); got.status != http.StatusOK {
			t.Errorf("a minute later: %d", got.status)
		}
	})
}
