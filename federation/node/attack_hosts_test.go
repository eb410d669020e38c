package node_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dunnock-server/dunnock/federation"
	"github.com/dunnock-server/dunnock/federation/control"
	"github.com/dunnock-server/dunnock/federation/node"
	"github.com/dunnock-server/dunnock/federation/retention"
	"github.com/dunnock-server/dunnock/federation/vocab"
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

// crowd is servers without number, each with one account, of which nothing is kept here but a key that they share.
type crowd struct {
	*siege
	one *account
}

func newCrowd(s *siege) *crowd {
	c := &crowd{s, (&site{s: s, host: "eve.example", docs: map[string]any{}}).person("u")}
	server := &http.Server{Handler: c, ErrorLog: log.New(io.Discard, "", 0)}
	go server.Serve(s.net.Listen("eve.example"))
	s.Cleanup(func() { server.Close() })
	return c
}

// member is the account of the nth server.
func (c *crowd) member(n int) *account {
	p := &site{s: c.siege, host: fmt.Sprintf("h%d.eve.example", n)}
	return (&account{site: p, private: c.one.private}).at(p.url("/users/u"))
}

func (c *crowd) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	url := "http://" + r.Host
	switch {
	case r.Method == http.MethodPost && strings.HasSuffix(r.Host, "00.eve.example"): // what it is sent waits
		w.WriteHeader(http.StatusServiceUnavailable)
	case r.Method == http.MethodPost:
		w.WriteHeader(http.StatusAccepted)
	case r.URL.Path == "/.well-known/webfinger":
		fmt.Fprintf(w, `{"subject":%q,"links":[{"rel":"self","type":"application/activity+json","href":%q}]}`, r.URL.Query().Get("resource"), url+"/users/u")
	case r.URL.Path == "/users/u":
		w.Header().Set("Content-Type", vocab.ContentType)
		io.WriteString(w, strings.ReplaceAll(string(encode(c, c.one.doc)), "http://eve.example", url))
	default:
		http.NotFound(w, r)
	}
}

// visit is what the nth server does, each something that makes the node note something of it. false says that it was asked to
// come again, which is asked of whoever is met for the first time alone.
func (c *crowd) visit(n int, mine string) bool {
	a := c.member(n)
	var first *http.Request
	var then obj
	switch n % 6 {
	case 0:
		follow := a.act("Follow", c.owner)
		first, then = a.request(follow), a.act("Undo", follow)
	case 1:
		like := a.act("Like", mine)
		first, then = a.request(like), a.act("Undo", like)
	case 2:
		first = a.request(a.hello("1"))
	case 3:
		first = a.request(a.act("Block", c.owner))
	case 4:
		first = a.get(c.owner + "/outbox")
	case 5:
		nobody := a.at(a.url("/users/nobody"))
		first = nobody.request(nobody.hello("x"))
	}
	if status := c.do(first).status; status == http.StatusServiceUnavailable {
		return false
	} else if status >= 300 && n%6 != 5 {
		c.Errorf("%d: the node answers %d", n, status)
	}
	if then != nil {
		a.post(then)
	}
	return true
}

// manyHosts come all at once, and again when they are asked to. Meanwhile whoever is known is served; what the node keeps of
// them is little, and after a while nothing. (The look-ups that strangers may cause are bounded in package resolve.)
func manyHosts(t *testing.T) {
	hosts := 1000
	if os.Getenv("DUNNOCK_FULL") == "1" {
		hosts = 10_000
	}
	if _, err := born(); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		const day = 24 * time.Hour
		s := running(t, func(c *node.Config) {
			c.Relays = []egress.Relay{wildcard{c.Relays[0]}}
			c.Keep = retention.Keep{Posts: 3 * day, Notifications: 3 * day, Ledger: 3 * day}
		})
		eve, fay := newCrowd(s), s.friend()
		var mine federation.Post
		s.must("post", control.NewPost{Text: "hello"}, &mine)
		time.Sleep(time.Minute)
		before, most := s.holds(), holding{}
		sent, again, hellos := 0, 0, 0
		for waiting := numbers(hosts); len(waiting) > 0; time.Sleep(3 * time.Minute) {
			var left []int
			for i, n := range waiting {
				if sent++; !eve.visit(n, mine.URI) {
					again++
					left = append(left, n)
				}
				if time.Sleep(12 * time.Millisecond); i%500 == 499 {
					hellos++
					fay.post(fay.act("Create", fay.note(fmt.Sprint(hellos), "hello")))
					if got := s.do(fay.get(s.owner)); got.status != http.StatusOK {
						t.Errorf("somebody known is answered %d", got.status)
					}
					most = most.with(s.holds())
				}
			}
			waiting = left
		}
		synctest.Wait()
		most = most.with(s.holds())
		kept := len(s.query("SELECT 1 FROM posts WHERE uri LIKE 'http://friend.example/%'"))
		time.Sleep(17 * day) // what lasts longest is that an activity was seen: two weeks
		after := s.holds()
		t.Logf("%d hosts sent %d requests, %d of them in vain; before %v, most %v, after %v", hosts, sent, again, before, most, after)
		if again == 0 || kept != hellos {
			t.Errorf("%d were asked to come again; of %d posts of somebody known %d are there", again, hellos, kept)
		}
		if most.rows < before.rows+2*hosts || most.rows > before.rows+8*hosts || after.rows > before.rows+5 {
			t.Error("the node keeps too much, or nothing that this test could see leave")
		}
		// Whatever the number of hosts: some hundred connections are kept for a while, with goroutines at both ends.
		if most.goroutines > before.goroutines+900 || after.goroutines > before.goroutines+10 {
			t.Error("too many goroutines")
		}
		if most.heap > before.heap+48<<20 || after.heap > before.heap+8<<20 {
			t.Error("too much memory")
		}
	})
}

// holding is what a node holds.
type holding struct {
	rows, goroutines int
	heap             uint64 // bytes
}

func (s *siege) holds() (h holding) {
	s.Helper()
	for _, table := range s.query("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'") {
		h.rows += len(s.query("SELECT 1 FROM " + strings.TrimPrefix(table, " name=")))
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	h.heap, h.goroutines = m.HeapAlloc, runtime.NumGoroutine()
	return h
}

func (h holding) String() string {
	return fmt.Sprintf("%d rows, %d goroutines, %d KiB", h.rows, h.goroutines, h.heap>>10)
}

// with is the most of both.
func (h holding) with(other holding) holding {
	return holding{max(h.rows, other.rows), max(h.goroutines, other.goroutines), max(h.heap, other.heap)}
}

func numbers(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}
