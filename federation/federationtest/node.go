// Package federationtest runs several nodes in one process, for tests: real storage in temporary directories, real
// documents and signatures, and connections in memory instead of sockets.
//
// Use it inside a testing/synctest bubble. [Node.Start] runs a node, [Node.Crash] ends it without a chance to tidy up,
// and Start runs it again on what the disk has. [Settle] returns when no node has anything due.
package federationtest

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/dunnock-server/dunnock/federation"
	"github.com/dunnock-server/dunnock/federation/node"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/timing"
)

// Node is a node on a [Network].
type Node struct {
	Host string
	*node.Node

	t       testing.TB
	network *Network
	config  node.Config
	stop    context.CancelFunc
	done    chan error
}

// New makes a node called alice at host and starts it.
func New(t testing.TB, network *Network, host string) *Node {
	t.Helper()
	n := &Node{Host: host, t: t, network: network, config: node.Config{
		Domain: host, Host: host, Username: "alice", DataDir: filepath.Join(t.TempDir(), host), UnsafeHTTP: true, Socketless: true,
		Rules: egress.Rules{HTTP: true}, Timing: timing.Mode{Kind: timing.Now}, Policy: hardening.Open(),
	}}
	if err := node.Init(t.Context(), n.config); err != nil {
		t.Fatal(err)
	}
	n.Start()
	return n
}

// Handle is how others call the node's owner.
func (n *Node) Handle() string { return "@alice@" + n.Host }

// Actor is the URI of the node's owner.
func (n *Node) Actor() string { return "http://" + n.Host + "/users/alice" }

// DataDir is where the node keeps everything; it may be read while the node is stopped.
func (n *Node) DataDir() string { return n.config.DataDir }

// LeaveBy has everything leave by these relays from the next Start on. A node closes its relays: they are for one Start.
func (n *Node) LeaveBy(relays ...egress.Relay) { n.config.Relays = relays }

// Start opens and runs the node.
func (n *Node) Start() {
	n.t.Helper()
	c := n.config
	if c.Relays == nil {
		c.Relays = []egress.Relay{n.network.Relay(n.Host)}
	}
	c.Listener = n.network.Listen(n.Host)
	opened, err := node.Open(n.t.Context(), c)
	if err != nil {
		n.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(n.t.Context()))
	n.Node, n.stop, n.done = opened, stop, make(chan error, 1)
	go func() { n.done <- opened.Run(ctx) }()
}

// Stop ends the node in order.
func (n *Node) Stop() {
	n.t.Helper()
	n.stop()
	if err := <-n.done; err != nil {
		n.t.Errorf("%s: %v", n.Host, err)
	}
	if err := n.Close(); err != nil {
		n.t.Errorf("%s: %v", n.Host, err)
	}
}

// Crash ends the node in the middle of what it does: its database is gone first, so that nothing under way can be noted.
func (n *Node) Crash() {
	n.t.Helper()
	_ = n.Close() // complains of what is under way, which is the point
	n.stop()
	<-n.done
}

// Service is what the node's owner can do.
func (n *Node) Service() *federation.Service { return n.Node.Service() }

// patience is how long a fleet may take to have nothing due, in its own time: longer than the longest backoff.
const patience = 30 * 24 * time.Hour

// Settle lets time pass until nothing waits on any node: no act on its way, nothing received that has not taken effect.
func Settle(t testing.TB, nodes ...*Node) {
	t.Helper()
	for waited := time.Duration(0); waited < patience; waited += time.Minute {
		time.Sleep(time.Minute) // in a bubble: as soon as all nodes wait
		if idle(t, nodes) {
			return
		}
	}
	t.Fatal("the nodes do not come to rest")
}

func idle(t testing.TB, nodes []*Node) bool {
	t.Helper()
	for _, n := range nodes {
		s, err := n.Service().Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if s.Waiting > 0 || s.Inbound > 0 {
			return false
		}
	}
	return true
}
