package node_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/dunnock-server/dunnock/federation/vocab"
)

// TestAttackWhereItDials: of loopback, one address and port counts as public. Whatever an attacker names, connections go
// nowhere else.
func TestAttackWhereItDials(t *testing.T) {
	section(t, []row{
		{"CVE-2024-39687, CVE-2025-23221", "a key, an actor, a name of WebFinger at a private address", leversWork},
		{"CVE-2024-39687, CVE-2025-23221", "rebinding: the name's next address is private", rebinding},
		{"CVE-2024-39687, CVE-2025-23221", "a redirect to something that is not http", leadsElsewhere},
		{"CVE-2026-77632, CVE-2026-96624", "a signed GET is redirected to a private address", redirectedFetch},
		{"CVE-2026-77632, CVE-2026-96624", "a delivery is redirected", redirectedDelivery},
		{"CVE-2026-62857", "NodeInfo leads to a private address or data:", nodeInfo},
		{"CVE-2026-22245 and kin", "private addresses, however they are written", privateAddresses},
		{"CVE-2023-42450", "a URL that two parsers read differently", twoReadings},
		{"CVE-2026-34148", "loops of redirects, ids and alternates", loops},
		{"CVE-2026-34148", "a maze of redirects and ids", mazes},
		{"relays", "names of the relay's own loopback or private net", relayNames},
	})
}

// leversWork pulls all levers towards an address that is public, and then towards one that is not.
func leversWork(t *testing.T) {
	l := newLoopback(t)
	for i, v := range levers {
		public := fmt.Sprintf("http://%s/public/%d", l.eve.host, i)
		requests, _ := l.during(func() { v.pull(l, public) })
		asked := slices.ContainsFunc(requests, func(r string) bool {
			return strings.Contains(r, fmt.Sprintf("/public/%d", i)) || strings.HasPrefix(v.name, "domain") && strings.Contains(r, "webfinger")
		})
		if asked != v.asks {
			t.Errorf("%s: the node asked %q", v.name, requests)
		}
	}
	l.nowhere(fmt.Sprintf("http://127.0.0.3:%d/private", l.port), fmt.Sprintf("http://127.0.0.2:%d/private", l.other))
}

// nowhere pulls every lever towards each URL, and expects that the node dials nobody but the attacker's server.
// Nobody and nothing at any of them is kept.
func (l *loopback) nowhere(urls ...string) {
	l.Helper()
	for _, url := range urls {
		_, dials := l.during(func() {
			for i, v := range levers {
				at := url
				if parts := strings.SplitN(url, "/", 4); len(parts) == 4 && parts[3] == "" {
					at += fmt.Sprint(i) // what one lever could not have, another would not ask for again
				}
				v.pull(l, at)
			}
		})
		for _, address := range dials {
			if address != l.eve.host {
				l.Errorf("%q makes the node dial %s", url, address)
			}
		}
	}
	own := l.eve.url("%")
	if kept := l.query("SELECT uri, inbox, shared_inbox FROM actors WHERE uri NOT LIKE ? OR inbox NOT LIKE ? OR shared_inbox NOT LIKE ? AND shared_inbox <> ''", own, own, own); len(kept) > 0 {
		l.Errorf("the node keeps %q", kept)
	}
	if kept := l.query("SELECT uri FROM posts WHERE uri NOT LIKE ?", own); len(kept) > 0 {
		l.Errorf("the node keeps %q", kept)
	}
}

func leadsElsewhere(t *testing.T) {
	l := newLoopback(t)
	private := fmt.Sprintf("127.0.0.3:%d", l.port)
	l.nowhere("ftp://"+private+"/", "gopher://"+private+"/_x", "file:///etc/passwd", "data:application/activity+json,{}",
		"javascript:fetch('http://"+private+"')", "mailto:eve@"+private, "unix:///run/x.sock", "ldap://"+private, "//"+private+"/", "http:"+private,
		"http:/"+private, "http:///"+private, "HTTPS+UNIX://x", "dict://"+private+"/x", ":", "http://", " http://"+private+"/")
}

func redirectedFetch(t *testing.T) {
	l := newLoopback(t)
	private := fmt.Sprintf("http://127.0.0.3:%d/", l.port)
	for _, status := range []int{301, 302, 303, 307, 308} {
		// At once, and after hops that are as they should be.
		for hops := range 3 {
			at := fmt.Sprintf("/%d/%d", status, hops)
			l.eve.serve(at+"/0", redirect(status, private))
			for i := range hops {
				l.eve.serve(fmt.Sprintf("%s/%d", at, i+1), redirect(status, l.eve.url(fmt.Sprintf("%s/%d", at, i))))
			}
			requests, _ := l.unchanged(func() { l.fay.post(l.fay.act("Announce", l.eve.url(fmt.Sprintf("%s/%d", at, hops)))) })
			if len(requests) != hops+1 {
				t.Errorf("%d after %d hops: the node asked %q", status, hops, requests)
			}
		}
	}
}

func redirectedDelivery(t *testing.T) {
	l := newLoopback(t)
	for i, to := range []string{fmt.Sprintf("http://127.0.0.3:%d/", l.port), l.eve.url("/another")} {
		for _, status := range []int{301, 302, 303, 307, 308} {
			p := l.stranger(fmt.Sprintf("d%d-%d", i, status))
			l.eve.serve("/users/"+p.doc["name"].(string)+"/inbox", redirect(status, to))
			requests, _ := l.during(func() { p.post(p.act("Follow", l.owner)) })
			if n := len(requests); n != 3 || requests[2] != "POST "+p.uri+"/inbox" {
				t.Errorf("%d to %s: the node asked %q", status, to, requests)
			}
		}
	}
}

// stranger is somebody at a name of their own, which the attacker's server answers for.
func (l *loopback) stranger(name string, addresses ...string) *account {
	p := (&site{s: l.siege, host: l.names.put(name+".example", append(addresses, "127.0.0.2")...), docs: map[string]any{}}).person(name)
	l.eve.serve("/users/"+name, p.doc)
	return p
}

func nodeInfo(t *testing.T) {
	l := newLoopback(t)
	for i, href := range []string{fmt.Sprintf("http://127.0.0.3:%d/nodeinfo/2.1", l.port), "data:application/json,{}", l.eve.url("/nodeinfo/2.1")} {
		l.eve.serve("/.well-known/nodeinfo", obj{"links": []any{obj{"rel": "http://nodeinfo.diaspora.software/ns/schema/2.1", "href": href}}})
		p := l.eve.person(fmt.Sprintf("n%d", i))
		requests, _ := l.during(func() { p.post(p.act("Follow", l.owner)) })
		if len(requests) != 3 { // the actor, its name, and the answer
			t.Errorf("a stranger's Follow makes the node ask %q", requests)
		}
	}
}

// maxHops is how many requests an arrival may cause.
const maxHops = 5

func loops(t *testing.T) {
	l := newLoopback(t)
	count := 0
	page := func(to string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", `<`+l.eve.url(to)+`>; rel="alternate"; type="application/activity+json"`)
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprintf(w, `<link rel="alternate" type="application/activity+json" href="%s">`, l.eve.url(to))
		}
	}
	for name, lead := range map[string]func(to string) any{
		"redirects":           func(to string) any { return redirect(302, l.eve.url(to)) },
		"ids":                 func(to string) any { return obj{"id": l.eve.url(to), "type": "Note"} },
		"ids of actors":       func(to string) any { return merge(l.eve.doc, obj{"id": l.eve.url(to)}) },
		"alternates":          func(to string) any { return page(to) },
		"keys":                func(to string) any { return obj{"id": l.eve.url(to) + "#k", "type": "Key", "owner": l.eve.url(to)} },
		"redirects, then 401": func(to string) any { return sometimes(&count, redirect(302, l.eve.url(to)), status(401)) },
		"redirects, then ids": func(to string) any {
			return sometimes(&count, redirect(302, l.eve.url(to)), func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", vocab.ContentType)
				fmt.Fprintf(w, `{"id":%q,"type":"Note"}`, l.eve.url(fmt.Sprintf("%s?%d", to, count)))
			})
		},
	} {
		for _, v := range levers[:5] {
			a := fmt.Sprintf("/loop/%d/a", l.name("/loop/%d/a", func(n int) any { return lead(fmt.Sprintf("/loop/%d/b", n)) }))
			b := strings.TrimSuffix(a, "a") + "b"
			l.eve.serve(b, lead(a))
			requests, _ := l.unchanged(func() { v.pull(l, l.eve.url(a)) })
			if len(requests) == 0 || len(requests) > maxHops {
				t.Errorf("%s by way of the %s: the node asked %q", name, v.name, requests)
			}
		}
	}
}

// mazes: each third step is a document that is somewhere else.
func mazes(t *testing.T) {
	l := newLoopback(t)
	for _, v := range levers[:4] {
		l.count++
		step := func(i int) string { return fmt.Sprintf("/maze/%d/%d", l.count, i) }
		for i := range 20 {
			if l.eve.serve(step(i), redirect(302, l.eve.url(step(i+1)))); i%3 == 2 {
				l.eve.serve(step(i), merge(l.eve.doc, obj{"id": l.eve.url(step(i + 1))}))
			}
		}
		requests, _ := l.unchanged(func() { v.pull(l, l.eve.url(step(0))) })
		if len(requests) < 3 || len(requests) > maxHops {
			t.Errorf("by way of the %s: the node asked %q", v.name, requests)
		}
	}
}

// status is an answer without a body.
func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(code) }
}

// sometimes answers in one way and in the other by turns.
func sometimes(count *int, one, other http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if *count++; *count%2 == 1 {
			one(w, r)
			return
		}
		other(w, r)
	}
}
