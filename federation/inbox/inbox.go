package inbox

import (
	"log/slog"

	"github.com/dunnock-server/dunnock/federation/delivery"
	"github.com/dunnock-server/dunnock/federation/resolve"
	"github.com/dunnock-server/dunnock/federation/wire"
	"github.com/dunnock-server/dunnock/storage"
)

// Config is what an inbox is made from. All but Log and Parallel must be set.
type Config struct {
	DB       *storage.DB
	Resolver *resolve.Resolver
	Queue    *delivery.Queue // for Accepts
	IDs      wire.IDs
	Reader   wire.Reader
	// Log gets faults of the node. What strangers do wrong is no fault and is not logged. Nil: discarded.
	Log *slog.Logger
	// Parallel is of how many actors activities take effect at once. 0: 64.
	Parallel int
}

// Inbox receives activities: [Inbox.ServeHTTP] takes them in, [Inbox.Run] lets them take effect.
type Inbox struct {
	Config
	owner  string        // URI
	wake   chan struct{} // one signal is enough: the batch looks at everything due
	fresh  fresh
	doubts doubts
	large  *large
}

// New makes an inbox. What it takes in has no effect until [Inbox.Run] or [Inbox.ProcessBatch].
func New(c Config) *Inbox {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Parallel == 0 {
		c.Parallel = 64
	}
	return &Inbox{Config: c, owner: c.IDs.Owner(), wake: make(chan struct{}, 1), large: newLarge()}
}
