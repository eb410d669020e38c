// Command dunnock-load puts a real dunnock under load and counts what comes of it.
//
// It runs the dunnock binary as a process of its own, in a data directory that it makes and takes away, on loopback. Around
// it stands a fleet: many remote servers in this process, with RSA keys and requests that were signed before the clock
// starts. One command is one kind of load; each prints figures beside their limits, and ends with 1 when something that the
// node said it had taken is gone, or is there twice.
//
// What counts as taken is an answer of 2xx, or an answer to the owner. What counts as there is what the owner is shown over
// the control socket. The node's database is not looked into, but for filling it before the node starts (--posts, --queue).
//
// This program is the other machines of a trial, and no part of a node: it dials, listens and runs processes by itself, on
// loopback only.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/dunnock-server/dunnock/cmd/dunnock-load/internal/bare"
)

func main() {
	bare.Main()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(NewMain().Run(ctx, os.Args[1:]))
}
