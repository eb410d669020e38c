package node_test

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/dunnock-server/dunnock/federation/control"
)

// lever is a way to make the node turn to an address of the attacker's choice; it does what it can with it.
type lever struct {
	name string
	// asks says that the node turns to an address that is public, so that what it does with one that is not means something.
	asks bool
	pull func(l *loopback, url string)
}

var levers = []lever{
	{"actor who signs", true, func(l *loopback, url string) {
		eve := l.eve.at(url)
		eve.send(eve.act("Follow", l.owner))
	}},
	{"key of a GET", true, func(l *loopback, url string) { l.do(l.eve.at(url).get("/users/alice/outbox")) }},
	{"boosted object", true, func(l *loopback, url string) { l.fay.send(l.fay.act("Announce", url)) }},
	{"target of a move", true, func(l *loopback, url string) { l.fay.send(l.fay.act("Move", l.fay.uri, obj{"target": url})) }},
	{"address looked up", true, func(l *loopback, url string) { l.call("lookup", control.What{What: url}, nil) }},
	{"link of WebFinger", true, func(l *loopback, url string) {
		name := l.name("/.well-known/webfinger?resource=acct%%3Au%d%%40"+strings.Replace(l.eve.host, ":", "%%3A", 1), func(n int) any {
			return jrd(fmt.Sprintf("u%d@%s", n, l.eve.host), url)
		})
		l.call("lookup", control.What{What: fmt.Sprintf("@u%d@%s", name, l.eve.host)}, nil)
	}},
	{"id of a document", true, func(l *loopback, url string) {
		n := l.name("/elsewhere/%d", func(int) any { return obj{"id": url, "type": "Note", "attributedTo": url} })
		l.fay.send(l.fay.act("Announce", l.eve.url(fmt.Sprintf("/elsewhere/%d", n))))
	}},
	{"redirect of an object", true, func(l *loopback, url string) {
		n := l.name("/redirected/%d", func(int) any { return redirect(http.StatusFound, url) })
		l.fay.send(l.fay.act("Announce", l.eve.url(fmt.Sprintf("/redirected/%d", n))))
	}},
	{"redirect of an actor", true, func(l *loopback, url string) {
		n := l.name("/users/r%d", func(int) any { return redirect(http.StatusMovedPermanently, url) })
		eve := l.eve.at(l.eve.url(fmt.Sprintf("/users/r%d", n)))
		eve.send(eve.act("Follow", l.owner))
	}},
	{"redirect of WebFinger", true, func(l *loopback, url string) {
		n := l.name("/.well-known/webfinger?resource=acct%%3Aw%d%%40"+strings.Replace(l.eve.host, ":", "%%3A", 1), func(int) any {
			return redirect(http.StatusTemporaryRedirect, url)
		})
		l.call("lookup", control.What{What: fmt.Sprintf("@w%d@%s", n, l.eve.host)}, nil)
	}},
	{"domain that WebFinger names", true, func(l *loopback, url string) {
		host, _, _ := strings.Cut(strings.TrimPrefix(url, "http://"), "/")
		l.persona(obj{}, func(name string) any { return jrd(name+"@"+host, l.eve.url("/users/"+name)) })
	}},
	{"domain of a handle", true, func(l *loopback, url string) {
		host, _, _ := strings.Cut(strings.TrimPrefix(url, "http://"), "/")
		l.count++
		l.call("lookup", control.What{What: fmt.Sprintf("@h%d@%s", l.count, host)}, nil)
	}},
	{"inbox", true, func(l *loopback, url string) { l.persona(obj{"inbox": url}, nil) }},
	{"shared inbox", false, func(l *loopback, url string) { l.persona(obj{"endpoints": obj{"sharedInbox": url}}, nil) }},
	{"what hangs on a post", false, func(l *loopback, url string) {
		l.count++
		l.fay.send(l.fay.act("Create", l.fay.note(fmt.Sprint(l.count), "x", obj{"inReplyTo": url, "quote": url, "replies": url,
			"context": url, "url": url, "tag": []any{obj{"type": "Mention", "href": url}, obj{"type": "Emoji", "name": ":e:", "icon": obj{"url": url}}},
			"attachment": []any{obj{"type": "Image", "url": url}}, "to": []any{l.eve.uri}, "cc": []any{url}})))
	}},
}

// jrd is an answer of WebFinger.
func jrd(subject, href string) any {
	return func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"subject":%q,"links":[{"rel":"self","type":"application/activity+json","href":%q}]}`, "acct:"+subject, href)
	}
}

// name serves something of the attacker's at a path with a number.
func (l *loopback) name(path string, doc func(n int) any) int {
	l.count++
	l.eve.serve(fmt.Sprintf(path, l.count), doc(l.count))
	return l.count
}

// persona has somebody new follow the owner, who answers.
func (l *loopback) persona(fields obj, webfinger func(name string) any) {
	l.count++
	name := fmt.Sprintf("p%d", l.count)
	p := l.eve.person(name)
	l.eve.serve("/users/"+name, merge(p.doc, fields))
	if webfinger != nil {
		l.eve.serve("/.well-known/webfinger?resource=acct%3A"+name+"%40"+strings.Replace(l.eve.host, ":", "%3A", 1), webfinger(name))
	}
	p.send(p.act("Follow", l.owner))
}
