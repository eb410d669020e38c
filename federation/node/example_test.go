package node_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/dunnock-server/dunnock/federation"
	"github.com/dunnock-server/dunnock/federation/node"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/ingress"
	"github.com/dunnock-server/dunnock/hardening/timing"
)

// A program of its own starts a node, posts, reads its timeline and stops the node. The node listens on loopback and lets
// nothing leave: a pool without relays.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	dir, err := os.MkdirTemp("", "dunnock")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)

	config := node.Config{
		Domain: "example.org", Host: "example.org", Username: "alice", DataDir: filepath.Join(dir, "data"),
		Listen: ingress.Config{Address: "127.0.0.1:0"},
		Relays: nil, Rules: egress.Rules{}, // nothing leaves
		Policy: hardening.Open(), Timing: timing.Mode{Kind: timing.Now}, Socketless: true,
	}
	if err := node.Init(ctx, config); err != nil {
		panic(err)
	}
	n, err := node.Open(ctx, config)
	if err != nil {
		panic(err)
	}
	ended := make(chan error)
	go func() { ended <- n.Run(ctx) }()

	if _, err := n.Service().Publish(ctx, federation.Draft{Text: "Hello from within"}); err != nil {
		panic(err)
	}
	posts, _, err := n.Service().Timeline(ctx, 10, "")
	if err != nil {
		panic(err)
	}
	for _, p := range posts {
		fmt.Println(p.Author.Handle, "wrote:", p.Text)
	}

	stop()
	if err := <-ended; err != nil {
		panic(err)
	}
	if err := n.Close(); err != nil {
		panic(err)
	}
	// Output: @alice@example.org wrote: Hello from within
}
