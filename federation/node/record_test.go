package node_test

import (
	"net/url"
	"strconv"
	"time"

	"github.com/dunnock-server/dunnock/federation"
	"github.com/dunnock-server/dunnock/federation/vocab"
)

// entry is an activity that reached the peer and was verified there.
type entry struct {
	Seq                     int
	Type, ID, Actor, Object string
	ObjectType, Inbox       string
	Document                vocab.Object // as it came
}

// request is a request to the peer.
type request struct {
	Seq          int
	Method, Path string
	Headers      map[string]any
	Status       int
}

// items is a list that the peer keeps: followers, following or pending.
func (p *peer) items(name string) []string {
	p.t.Helper()
	var list struct{ Items []string }
	p.ask(name, nil, &list)
	return list.Items
}

// got waits until the peer has received an activity of a type that fits.
func (p *peer) got(kind string, fits func(entry) bool) entry {
	p.t.Helper()
	for since, late := 0, time.Now().Add(patience); time.Now().Before(late); {
		var log struct {
			Last       int
			Activities []entry
		}
		p.ask("log", url.Values{"since": {strconv.Itoa(since)}, "type": {kind}, "wait": {"2000"}}, &log)
		for _, e := range log.Activities {
			if fits(e) {
				return e
			}
			since = e.Seq
		}
	}
	p.t.Fatalf("after %s the peer has not received that %s", patience, kind)
	return entry{}
}

// gets is got for an act of a node that is told under its rules; ok is false, and it has not arrived, under rules that do not tell
// of it.
func (p *peer) gets(from *process, kind string, fits func(entry) bool) (e entry, ok bool) {
	p.t.Helper()
	if from.rules.Tells(kind) {
		return p.got(kind, fits), true
	}
	eventually(p.t, "nothing waits in the outgoing queue", func() bool {
		var status federation.Status
		from.run(&status, "status")
		return status.Waiting == 0
	})
	var log struct{ Activities []entry }
	p.ask("log", url.Values{"type": {kind}}, &log)
	for _, e := range log.Activities {
		if fits(e) {
			p.t.Errorf("the peer was told of a %s under rules that do not tell of it", kind)
		}
	}
	return entry{}, false
}

// anyOne fits every activity.
func anyOne(entry) bool { return true }

// about fits an activity whose object has that id.
func about(object string) func(entry) bool {
	return func(e entry) bool { return e.Object == object }
}

// requests are those that came to the peer after number since.
func (p *peer) requests(since int) []request {
	p.t.Helper()
	var list struct{ Requests []request }
	p.ask("requests", url.Values{"since": {strconv.Itoa(since)}}, &list)
	return list.Requests
}
