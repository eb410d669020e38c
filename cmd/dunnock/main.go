// Command dunnock is a fediverse server for one person, and the owner's way to use it.
//
// One file here is one command: it reads its arguments, makes one call to the node and prints the answer. What a command
// does is decided in federation and the packages below it, never here. The node is reached over the control socket in
// its data directory while `dunnock serve` runs, and opened under its lock while it does not; a command cannot tell the
// difference but for what needs the network, which then waits in the queue.
//
// Nothing here opens a connection or reads storage, and what is listened at is opened by hardening/ingress. What other
// people wrote is printed without the characters that a terminal would act on.
package main

import (
	"context"
	"io"
	"log"
	"os"
)

func main() {
	log.SetOutput(io.Discard) // net/http tells it what strangers sent; our own log is another
	os.Exit(NewMain().Run(context.Background(), os.Args[1:]))
}
