package node_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dunnock-server/dunnock/federation/control"
	"github.com/dunnock-server/dunnock/federation/node"
	"github.com/dunnock-server/dunnock/federation/retention"
	"github.com/dunnock-server/dunnock/hardening/egress"
)

// wildcard leads all names under a domain to one server.
type wildcard struct{ egress.Relay }

func (w wildcard) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if strings.HasSuffix(address, ".eve.example:80") {
		address = "eve.example:80"
	}
	return w.Relay.DialContext(ctx, network, address)
}

// manyHosts: each does what makes the node note something of it, and after a while nothing is left of any.
func manyHosts(t *testing.T) {
	hosts := 40
	if os.Getenv("DUNNOCK_FULL") == "1" {
		hosts = 300
	}
	if _, err := born(); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		day := 24 * time.Hour
		s := running(t, func(c *node.Config) {
			c.Relays = []egress.Relay{wildcard{c.Relays[0]}}
			c.Keep = retention.Keep{Posts: 3 * day, Notifications: 3 * day, Ledger: 3 * day}
		})
		eve := s.site("eve.example")
		s.must("post", control.NewPost{Text: "hello"}, nil)
		rows := func() (n int) {
			for _, table := range s.query("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'") {
				n += len(s.query("SELECT 1 FROM " + strings.TrimPrefix(table, " name=")))
			}
			return n
		}
		time.Sleep(time.Minute)
		before := rows()
		for i := range hosts {
			name, host := fmt.Sprintf("u%d", i), fmt.Sprintf("h%d.eve.example", i)
			p := (&site{s: s, host: host, docs: map[string]any{}}).person(name)
			eve.serve("/users/"+name, p.doc)
			if i < 10 {
				eve.serve("/users/"+name+"/inbox", status(http.StatusServiceUnavailable)) // so that its answer waits
			}
			follow := p.act("Follow", s.owner)
			p.post(follow)
			p.post(p.hello(fmt.Sprint(i)))
			p.post(p.act("Like", p.url("/notes/1")))
			s.do(p.get(s.owner + "/outbox"))
			p.send(p.at(p.url("/users/nobody")).hello("x"))
			synctest.Wait()
			p.post(p.act("Undo", follow))
			p.post(p.act("Block", s.owner))
		}
		time.Sleep(time.Minute)
		most := rows()
		time.Sleep(17 * day) // what lasts longest is that an activity was seen: two weeks
		if after := rows(); most < before+5*hosts || after > before+5 {
			t.Errorf("%d rows, with %d hosts %d, and later %d", before, hosts, most, after)
			for _, line := range s.stored() {
				if strings.Contains(line, "eve.example") {
					t.Logf("%.200s", line)
				}
			}
		}
	})
}
