package federationtest_test

import (
	"context"
	"crypto/ed25519"
	crand "crypto/rand"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/dunnock-server/dunnock/federation"
	. "github.com/dunnock-server/dunnock/federation/federationtest"
	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/egress/sshlink"
	"github.com/dunnock-server/dunnock/hardening/pipenet"
	"github.com/dunnock-server/dunnock/hardening/relay"
	"github.com/dunnock-server/dunnock/storage"
)

// trouble is what becomes of a link to a relay.
type trouble int

const (
	reset    trouble = iota // the connection is gone, and both ends know
	stall                   // nothing passes for a while
	halfOpen                // the relay knows that it is gone, and home does not
	drip                    // ten bytes a second for a while
	impostor                // gone, and for a while somebody with another key answers in the relay's place
	replaced                // gone, and another machine with the same keys stands in the relay's place
	troubles
)

func (t trouble) String() string {
	return [...]string{"reset", "stall", "half-open", "drip", "another key", "replaced"}[t]
}

// road is the way from a node to its relay. Cuts are due after so many bytes, so that they come when something is under way.
type road struct {
	t       *testing.T
	network *Network
	home    ssh.PublicKey
	key     ssh.Signer // of the relay
	ctx     context.Context
	serving sync.WaitGroup

	mu       sync.Mutex
	rng      *rand.Rand
	relay    *pipenet.Listener
	impostor *pipenet.Listener
	until    time.Time // the impostor stays
	left     int       // bytes until the next cut
	mean     int       // bytes between two
	due      int       // cuts that are to come
	cuts     map[trouble]int
}

func newKey(t *testing.T) ssh.Signer {
	t.Helper()
	_, secret, err := ed25519.GenerateKey(crand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewSignerFromKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// rent runs a relay, which reaches the hosts of the network.
func (r *road) rent(key ssh.Signer) *pipenet.Listener {
	s, err := relay.New(relay.Config{HostKey: key, Keys: []relay.Key{{Name: "home", Public: r.home}}, Rules: egress.Rules{HTTP: true},
		Dial: r.network.Relay("vps").DialContext})
	if err != nil {
		r.t.Fatal(err)
	}
	l := pipenet.Listen("vps")
	r.serving.Go(func() {
		if err := s.Serve(r.ctx, l); err != nil {
			r.t.Error(err)
		}
	})
	return l
}

// link is one connection to a relay.
type link struct {
	near, far net.Conn
	mu        sync.Mutex
	stalled   time.Time
	dripping  time.Time
	half      bool
}

func (l *link) close() { l.near.Close(); l.far.Close() }

// dial is an egress.Dial.
func (r *road) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	r.mu.Lock()
	to := r.relay
	if time.Now().Before(r.until) {
		to = r.impostor
	}
	r.mu.Unlock()
	far, err := to.Dial(ctx)
	if err != nil {
		return nil, err
	}
	home, near := net.Pipe()
	l := &link{near: near, far: far}
	r.serving.Go(func() { r.carry(l, l.far, l.near) })
	r.serving.Go(func() { r.carry(l, l.near, l.far) })
	return home, nil
}

// distance is how long a byte takes.
const distance = 40 * time.Millisecond

// carry passes on what from says, until either end is gone.
func (r *road) carry(l *link, to, from net.Conn) {
	type chunk struct {
		bytes []byte
		at    time.Time
	}
	passing := make(chan chunk, 1<<10)
	r.serving.Go(func() {
		for c := range passing {
			time.Sleep(time.Until(c.at.Add(distance)))
			r.passed(l, len(c.bytes))
			if !l.pass(to, c.bytes) && !l.isHalf() {
				l.close()
			}
		}
		if !l.isHalf() {
			l.close()
		}
	})
	for {
		buf := make([]byte, 32<<10)
		n, err := from.Read(buf)
		if err != nil {
			break
		}
		passing <- chunk{buf[:n], time.Now()}
	}
	close(passing)
	if from == l.near {
		l.close()
	}
}

func (l *link) isHalf() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.half
}

// pass writes as the state of the link lets it.
func (l *link) pass(to net.Conn, b []byte) bool {
	l.mu.Lock()
	stalled, half := l.stalled, l.half
	l.mu.Unlock()
	if half {
		return false
	}
	time.Sleep(time.Until(stalled))
	for len(b) > 0 {
		l.mu.Lock()
		n := len(b)
		if time.Now().Before(l.dripping) {
			n = min(n, 10)
		}
		l.mu.Unlock()
		if n < len(b) {
			time.Sleep(time.Second)
		}
		if _, err := to.Write(b[:n]); err != nil {
			return false
		}
		b = b[n:]
	}
	return true
}

// passed counts bytes, and cuts the link when a cut is due.
func (r *road) passed(l *link, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.left -= n; r.left > 0 || r.due == 0 {
		return
	}
	r.left, r.due = r.rng.IntN(2*r.mean), r.due-1
	kind := trouble(r.rng.IntN(int(troubles)))
	r.cuts[kind]++
	while := time.Now().Add(time.Duration(1+r.rng.IntN(120)) * time.Second)
	l.mu.Lock()
	switch kind {
	case stall:
		l.stalled = while
	case drip:
		l.dripping = while
	case halfOpen:
		l.half = true
	case impostor:
		r.until = while
	case replaced:
		r.relay = r.rent(r.key)
	}
	l.mu.Unlock()
	switch kind {
	case reset, impostor, replaced:
		l.close()
	case halfOpen:
		l.far.Close()
	}
}

// TestRelayIsCut lets a node deliver by a relay whose link is cut again and again while something is under way. In the end every
// post is at every follower's once, and nothing of the links is left: whatever still ran would keep the test from ending.
func TestRelayIsCut(t *testing.T) {
	followers, posts, cuts := 10, 100, 20
	if os.Getenv("DUNNOCK_FULL") == "1" {
		posts, cuts = 1000, 200
	}
	seed := seeded(t)
	t.Logf("%d deliveries; again with DUNNOCK_SEED=%d", followers*posts, seed)
	synctest.Test(t, func(t *testing.T) {
		network := NewNetwork()
		author := New(t, network, "author.example")
		author.Stop()
		ours := newKey(t)
		ctx, end := context.WithCancel(context.WithoutCancel(t.Context()))
		const deliveryBytes = 3 << 10 // about, both ways: the cuts are due by the middle of them
		r := &road{t: t, network: network, home: ours.PublicKey(), key: newKey(t), ctx: ctx, rng: rand.New(rand.NewPCG(seed, 1)), cuts: map[trouble]int{},
			mean: followers * posts * deliveryBytes / (2 * cuts)}
		r.relay, r.impostor = r.rent(r.key), r.rent(newKey(t))
		author.LeaveBy(must[*sshlink.Relay](t)(sshlink.New(sshlink.Config{Name: "vps", Address: "vps:22", User: "u", Identity: ours, HostKey: r.key.PublicKey(),
			FarNames: true, Rules: egress.Rules{HTTP: true}, Dial: r.dial})))
		author.Start()
		var readers []*Node
		for i := range followers {
			n := New(t, network, fmt.Sprintf("n%d.example", i))
			must[*federation.Relationship](t)(n.Service().Follow(t.Context(), author.Handle()))
			readers = append(readers, n)
		}
		all := append(readers, author)
		Settle(t, all...)

		requests := 0
		network.Hear(func(from, to string, sent []byte) {
			if from == "vps" {
				r.mu.Lock()
				requests++
				r.mu.Unlock()
			}
		})
		r.mu.Lock()
		r.left, r.due = r.rng.IntN(2*r.mean), cuts
		r.mu.Unlock()
		gaps := rand.New(rand.NewPCG(seed, 2))
		var made []*federation.Post
		for i := range posts {
			made = append(made, must[*federation.Post](t)(author.Service().Publish(t.Context(), federation.Draft{Text: fmt.Sprintf("post %d", i), Visibility: storage.Public})))
			time.Sleep(time.Duration(gaps.IntN(3000)) * time.Millisecond)
		}
		Settle(t, all...)
		for _, n := range readers {
			seen := map[string]int{}
			for before := ""; ; {
				page, next, err := n.Service().Timeline(t.Context(), 200, before)
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range page {
					seen[p.URI]++
				}
				if before = next; next == "" {
					break
				}
			}
			for _, p := range made {
				if seen[p.URI] != 1 {
					t.Errorf("%s is at %s %d times", p.Text, n.Host, seen[p.URI])
				}
			}
		}
		t.Logf("cuts: %v; %d writes to %d followers for %d deliveries", r.cuts, requests, followers, followers*posts)
		if r.due > 0 {
			t.Errorf("%d cuts of %d did not come", r.due, cuts)
		}
		for _, n := range all {
			n.Stop()
		}
		end()
		r.serving.Wait()
	})
}
