// Package resolve finds out who and what is behind a URI, a handle or a signature: it fetches actors and objects of other
// servers, keeps what it found, and checks that each document is what its own origin says.
//
// What it guards: a document counts only under the URL it was fetched from (attack: a server answers with somebody else's
// id); a key counts only for the actor that lists it (attack: a key document that names a victim as owner); a handle
// counts only when its domain and the actor name each other (attack: WebFinger subjects of another domain).
//
// Every request goes through the gate, signed by the server's own actor, so that it does not say for whom it was made;
// look-ups of handles are not signed at all. The signature of a stranger costs their server two requests, three if the key
// has a document of its own and five at most; that of somebody known none. Nothing is looked up around what was asked
// for: no lists, no pictures, no answers. What failed is remembered for a while and not asked again, and of strangers there is
// only room for so many at once.
//
// It may read and write storage and ask the gate. It does not decide what a document does to the node's state: that is
// packages inbox and federation.
package resolve

import (
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/federation/wire"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/storage"
)

var (
	// ErrGone says that the origin has no such thing, or no longer.
	ErrGone = errors.New("gone")
	// ErrUnreachable says that the origin gave no usable answer for now; the same may work later.
	ErrUnreachable = errors.New("unreachable")
	// ErrRefused says that an answer, or the request for it, breaks a rule: trying again is of no use.
	ErrRefused = errors.New("refused")
	// ErrUnverified says that a request is not signed by whom it claims.
	ErrUnverified = errors.New("not verified")
)

const (
	// fresh is how long an actor is not fetched again.
	fresh = 7 * 24 * time.Hour
	// rekey is how long after a fetch a signature that does not verify is not taken for a new key: bad signatures in the
	// name of an actor cost its server one request in this time, however many arrive.
	rekey = 10 * time.Minute
)

// Config is what a resolver is made from. All but Log must be set.
type Config struct {
	DB     *storage.DB
	Gate   *hardening.Gate
	IDs    wire.IDs
	Reader wire.Reader
	Keys   *Keyring
	Log    *slog.Logger
}

// Resolver answers who and what. Its methods may be called from any goroutine.
type Resolver struct {
	db     *storage.DB
	gate   *hardening.Gate
	ids    wire.IDs
	reader wire.Reader
	keys   *Keyring

	looking   sync.WaitGroup
	documents *lookups[vocab.Object] // by URI
	actors    *lookups[struct{}]     // by URI
	owners    *lookups[struct{}]     // by the URL of a key
	handles   *lookups[descriptor]   // by URL
	strangers *strangers
}

// within says that t is less than d ago. What was fetched in the future, by a clock that was ahead, was long ago.
func within(t storage.Time, d time.Duration) bool {
	age := time.Since(t.Time)
	return age >= 0 && age < d
}

// New makes a resolver.
func New(c Config) *Resolver {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	r := &Resolver{db: c.DB, gate: c.Gate, ids: c.IDs, reader: c.Reader, keys: c.Keys, strangers: newStrangers()}
	r.documents = newLookups[vocab.Object](&r.looking, c.Log)
	r.actors = newLookups[struct{}](&r.looking, c.Log)
	r.owners = newLookups[struct{}](&r.looking, c.Log)
	r.handles = newLookups[descriptor](&r.looking, c.Log)
	return r
}

// Close waits for look-ups that nobody waits for any more: some seconds, or no time once the gate's egress is closed.
// Nothing may be asked of the resolver then.
func (r *Resolver) Close() { r.looking.Wait() }
