package federationtest_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dunnock-server/dunnock/federation"
	. "github.com/dunnock-server/dunnock/federation/federationtest"
	"github.com/dunnock-server/dunnock/storage"
)

// fleet is some nodes that follow each other, acts that befall them at random, and what should come of it.
type fleet struct {
	t       *testing.T
	rng     *rand.Rand
	nodes   []*Node
	network *Network
	follows map[edge]bool
	posts   []*planned

	mu      sync.Mutex
	chaos   *rand.Rand // for faults, which come from many goroutines
	faults  [4]int
	quiet   bool
	crashes int
}

// edge is a follow: who, and whom.
type edge struct{ follower, followee int }

// planned is a post and what should be known of it.
type planned struct {
	author  int
	uri, id string
	text    string
	public  bool
	named   int // who is mentioned, -1: nobody
	deleted bool
	readers map[int]bool // who followed the author, or was mentioned, when it was written
	likes   map[int]bool
	boosts  map[int]bool
}

// scale is how many nodes and acts: a tenth of the acts unless DUNNOCK_FULL is set.
func scale() (nodes, acts int) {
	if os.Getenv("DUNNOCK_FULL") == "1" {
		return 20, 10_000
	}
	return 20, 1_000
}

// seeded is what a test's chances are drawn from.
func seeded(t *testing.T) uint64 {
	t.Helper()
	s := os.Getenv("DUNNOCK_SEED")
	if s == "" {
		return rand.Uint64()
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestFleetConverges lets nodes act at random while connections fail, answers get lost, requests come twice and late, and
// nodes crash and come back. In the end every node must know exactly what it should: nothing lost, nothing doubled.
func TestFleetConverges(t *testing.T) {
	nodes, acts := scale()
	if testing.Short() {
		nodes, acts = 5, 100
	}
	seed := seeded(t)
	t.Logf("%d acts on %d nodes; again with DUNNOCK_SEED=%d", acts, nodes, seed)
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{t: t, rng: rand.New(rand.NewPCG(seed, 1)), chaos: rand.New(rand.NewPCG(seed, 2)), network: NewNetwork(), follows: map[edge]bool{}}
		for i := range nodes {
			f.nodes = append(f.nodes, New(t, f.network, fmt.Sprintf("n%d.example", i)))
		}
		f.befriend()
		Settle(t, f.nodes...)
		f.network.Fault = f.fault
		for range acts {
			f.act()
			time.Sleep(time.Duration(f.rng.IntN(30_000)) * time.Millisecond)
			if f.rng.IntN(50) == 0 {
				f.crash()
			}
		}
		f.mu.Lock()
		f.quiet = true
		f.mu.Unlock()
		time.Sleep(time.Hour) // until what comes twice has come
		Settle(t, f.nodes...)
		f.check()
		t.Logf("%d posts, %d crashes; connections: %d whole, %d refused, %d whose answer was lost, %d twice",
			len(f.posts), f.crashes, f.faults[None], f.faults[Refused], f.faults[Lost], f.faults[Twice])
		for _, n := range f.nodes {
			n.Stop()
		}
	})
}

// fault spoils one connection in four.
func (f *fleet) fault(_, _ string) Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	fault := None
	if n := f.chaos.IntN(12); n < 3 && !f.quiet {
		fault = [...]Fault{Refused, Lost, Twice}[n]
	}
	f.faults[fault]++
	return fault
}

func (f *fleet) crash() {
	n := f.nodes[f.rng.IntN(len(f.nodes))]
	n.Crash()
	f.crashes++
	time.Sleep(time.Duration(f.rng.IntN(600)) * time.Second)
	n.Start()
}

func (f *fleet) befriend() {
	for i, n := range f.nodes {
		for j, other := range f.nodes {
			if i == j || f.rng.IntN(3) == 0 {
				continue
			}
			must[*federation.Relationship](f.t)(n.Service().Follow(f.t.Context(), other.Handle()))
			f.follows[edge{i, j}] = true
		}
	}
}

// act does one thing at random. What needs other servers may fail while connections do: then it did not happen.
func (f *fleet) act() {
	i := f.rng.IntN(len(f.nodes))
	s, ctx := f.nodes[i].Service(), f.t.Context()
	p, kind := f.any(), f.rng.IntN(10)
	switch {
	case p == nil || kind < 4:
		f.publish(i)
	case kind == 4:
		if own := f.own(i); own != nil {
			own.text = fmt.Sprintf("edited %d", f.rng.Uint32())
			f.ok(second(s.Edit(ctx, own.id, federation.Edit{Text: &own.text})))
		}
	case kind == 5:
		if own := f.own(i); own != nil {
			own.deleted = f.ok(second(s.Delete(ctx, own.id)))
		}
	case kind == 6 && p.readers[i] && !p.likes[i]:
		p.likes[i] = f.ok(second(s.Like(ctx, p.uri)))
	case kind == 7 && p.readers[i] && p.public && !p.boosts[i]:
		p.boosts[i] = f.ok(second(s.Boost(ctx, p.uri)))
	case kind == 8 && p.likes[i]:
		p.likes[i] = !f.ok(second(s.UndoReaction(ctx, storage.Like, p.uri)))
	case kind == 9 && p.boosts[i]:
		p.boosts[i] = !f.ok(second(s.UndoReaction(ctx, storage.Announce, p.uri)))
	}
}

func second[T any](_ T, err error) error { return err }

// ok says whether an act happened, and fails the test on anything but a failing network or a post that has not arrived.
func (f *fleet) ok(err error) bool {
	f.t.Helper()
	var e *federation.Error
	if err != nil && !(errors.As(err, &e) && (e.Kind == federation.Network || e.Kind == federation.NotFound)) {
		f.t.Errorf("an act failed: %v", err)
	}
	return err == nil
}

func (f *fleet) publish(i int) {
	p := &planned{author: i, text: fmt.Sprintf("post %d", f.rng.Uint32()), named: -1, readers: map[int]bool{}, likes: map[int]bool{}, boosts: map[int]bool{}}
	d := federation.Draft{Visibility: storage.Public}
	switch f.rng.IntN(4) {
	case 0:
		d.Visibility = storage.Followers
	case 1:
		d.Visibility = storage.Direct
		p.named = (i + 1 + f.rng.IntN(len(f.nodes)-1)) % len(f.nodes)
		p.text += " " + f.nodes[p.named].Handle()
		p.readers[p.named] = true
	}
	p.public = d.Visibility == storage.Public
	d.Text = p.text
	made, err := f.nodes[i].Service().Publish(f.t.Context(), d)
	if !f.ok(err) {
		return
	}
	if d.Visibility != storage.Direct {
		for j := range f.nodes {
			if f.follows[edge{j, i}] {
				p.readers[j] = true
			}
		}
	}
	p.uri, p.id = made.URI, made.ID
	f.posts = append(f.posts, p)
}

// any picks a post that is not deleted, nil if there is none.
func (f *fleet) any() *planned {
	for range 20 {
		if len(f.posts) == 0 {
			return nil
		}
		if p := f.posts[f.rng.IntN(len(f.posts))]; !p.deleted {
			return p
		}
	}
	return nil
}

// own picks a post of a node that nobody is named in, so that its text can be anything.
func (f *fleet) own(i int) *planned {
	for range 20 {
		if p := f.any(); p != nil && p.author == i && p.named < 0 {
			return p
		}
	}
	return nil
}

// check compares what each node knows with what it should.
func (f *fleet) check() {
	ctx := context.WithoutCancel(f.t.Context())
	lines := make([]map[string]int, len(f.nodes)) // by node: posts of its timeline, and how often each stands there
	for i, n := range f.nodes {
		lines[i] = map[string]int{}
		for before := ""; ; {
			page, next, err := n.Service().Timeline(ctx, 200, before)
			if err != nil {
				f.t.Fatal(err)
			}
			for _, p := range page {
				if p.BoostedBy == nil {
					lines[i][p.URI]++
				}
			}
			if before = next; next == "" {
				break
			}
		}
	}
	for _, p := range f.posts {
		for i, n := range f.nodes {
			f.checkPost(ctx, i, n, p, lines[i][p.uri])
		}
	}
}

func (f *fleet) checkPost(ctx context.Context, i int, n *Node, p *planned, inTimeline int) {
	seen, err := known(ctx, n, p.uri)
	where := fmt.Sprintf("%s of n%d on n%d", p.uri, p.author, i)
	inTime := 0 // direct posts stand in the timeline of their author only
	if i == p.author || p.named < 0 && p.readers[i] {
		inTime = 1
	}
	switch {
	case p.deleted:
		if err == nil {
			f.t.Errorf("%s is still there", where)
		}
		return
	case i != p.author && !p.readers[i]:
		if inTimeline > 0 {
			f.t.Errorf("%s stands in a timeline where nobody follows its author", where)
		}
		return
	case err != nil:
		f.t.Errorf("%s is missing: %v", where, err)
		return
	case p.named < 0 && seen.Text != p.text:
		f.t.Errorf("%s says %q, not %q", where, seen.Text, p.text)
	case inTimeline != inTime:
		f.t.Errorf("%s stands %d times in the timeline, not %d", where, inTimeline, inTime)
	}
	if i != p.author {
		return
	}
	if likes, boosts := count(p.likes), count(p.boosts); seen.Likes != likes || seen.Boosts != boosts {
		f.t.Errorf("%s has %d likes and %d boosts, not %d and %d", where, seen.Likes, seen.Boosts, likes, boosts)
	}
}

// known is a post as a node has it, without asking anybody.
func known(ctx context.Context, n *Node, uri string) (*federation.Post, error) {
	thread, err := n.Service().Thread(ctx, uri)
	for i := range thread {
		if thread[i].URI == uri {
			return &thread[i], nil
		}
	}
	return nil, err
}

func count(set map[int]bool) (n int) {
	for _, in := range set {
		if in {
			n++
		}
	}
	return n
}
