// Package node puts a whole node together, so that a program can run one: storage, the gate, the queues, what is served
// and the owner's calls.
//
// [Init] makes a data directory, [Open] takes it (one process at a time), [Node.Run] listens and works until its context
// ends, [Node.Drain] does what is due now and returns, [Node.Close] lets go. Between Open and Run a node can be used
// without any network traffic but what its Service is asked for; with [Config.Offline] not even that.
//
// The package is wiring: it decides nothing that a package below could decide.
package node

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dunnock-server/dunnock/federation"
	"github.com/dunnock-server/dunnock/federation/control"
	"github.com/dunnock-server/dunnock/federation/delivery"
	"github.com/dunnock-server/dunnock/federation/inbox"
	"github.com/dunnock-server/dunnock/federation/metrics"
	"github.com/dunnock-server/dunnock/federation/resolve"
	"github.com/dunnock-server/dunnock/federation/retention"
	"github.com/dunnock-server/dunnock/federation/wire"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/exposure"
	"github.com/dunnock-server/dunnock/hardening/ingress"
	"github.com/dunnock-server/dunnock/hardening/ingress/certs"
	"github.com/dunnock-server/dunnock/hardening/sanitize"
	"github.com/dunnock-server/dunnock/hardening/timing"
	"github.com/dunnock-server/dunnock/storage"
)

// Names within the data directory.
const (
	databaseName = "dunnock.db"
	mediaName    = "media"
	lockName     = "lock"
	// SocketName is the control socket, by which commands reach a node that runs.
	SocketName = "control.sock"
)

var (
	// ErrLocked says that another process has the data directory.
	ErrLocked = errors.New("another process uses the data directory")
	// ErrNone says that there is no node in the data directory.
	ErrNone = errors.New("there is no node in the data directory: make one with `dunnock init`")
	// ErrExists says that there is a node in the data directory already.
	ErrExists = errors.New("there is a node in the data directory already")
	// ErrIdentity says that the data directory belongs to a node of another name.
	ErrIdentity = errors.New("the data directory belongs to a node of another domain, host or username: these cannot be changed later")
)

// Config is what a node is made from. The zero value of whatever can be left out lets nothing leave and nothing in.
type Config struct {
	Domain   string // the handle's, canonical
	Host     string // where the node answers, canonical
	Username string
	DataDir  string

	// Listen is the address to serve on, for a reverse proxy or a relay in front. Listener, if set, is used instead.
	Listen   ingress.Config
	Listener net.Listener
	// Ingress are further ways in. With any of these, Listen may be left out.
	Ingress []Ingress
	// LookBy names the relay by which the node looks at Listen from outside: see the field of that name of [Ingress].
	LookBy string
	// ACME is the directory of the certificate authority. Empty: that of Let's Encrypt.
	ACME string
	// Owner is the owner's own way in.
	Owner Owner

	// Relays are what everything leaves by. Empty: nothing leaves. The node closes them.
	Relays []egress.Relay
	// Pool and Routes say which of them carry what, as egress.Config has it.
	Pool   []string
	Routes []egress.Route
	// Resolver is asked for names through relays that look up none by themselves. Nil: these reach literal addresses only.
	Resolver *hardening.Resolver
	// Echo is asked, when the owner tests a relay, at what address it sees the node. Nil: no relay can be tested.
	Echo  *url.URL
	Rules egress.Rules
	// Offline opens the node without a way out, whatever Relays says: for commands while the node does not run.
	Offline bool
	// Socketless runs the node without the control socket, for a program that calls its Service itself.
	Socketless bool
	// Ready is called by Run with the node's URL, once the world and the owner's commands are answered. Nil: nobody is told.
	Ready func(url string)
	// VFS is the file system that SQLite uses. Empty: the system's. For tests, whose disks fail.
	VFS string
	// UnsafeHTTP federates over plain http, for trials and tests.
	UnsafeHTTP bool

	// Timing draws releases. The zero Mode holds every act for ever.
	Timing timing.Mode
	Policy hardening.Policy
	// Reread returns the policy as it is now where it is kept, for the owner who has changed it. Nil: it stays.
	Reread func() (hardening.Policy, error)
	// Keep says how long what others sent is kept. What is zero in it is the default.
	Keep retention.Keep

	Log *slog.Logger // nil: discarded
}

func (c Config) ids() wire.IDs {
	scheme := "https"
	if c.UnsafeHTTP {
		scheme = "http"
	}
	return wire.IDs{Scheme: scheme, Host: c.Host, Domain: c.Domain, Username: c.Username}
}

// Identity is what must not change in the life of a data directory: others know the node by it.
func (c Config) Identity() string { return c.ids().Owner() + " " + c.ids().Handle() }

const identitySetting = "identity"

// Init makes a new node in c.DataDir: database and keys. It returns [ErrExists] if there is one.
func Init(ctx context.Context, c Config) (err error) {
	path := filepath.Join(c.DataDir, databaseName)
	if _, err := os.Lstat(path); err == nil {
		return ErrExists
	}
	lock, err := takeLock(c.DataDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	db, err := storage.Open(ctx, storage.Config{Path: path, Log: c.Log})
	if err != nil {
		return err
	}
	err = federation.Init(ctx, db, c.ids())
	if err == nil {
		err = db.Write(ctx, func(ctx context.Context, tx storage.Tx) error {
			return tx.SetSetting(ctx, identitySetting, c.Identity())
		})
	}
	if err = errors.Join(err, db.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// Node is an open node.
type Node struct {
	config Config
	opened time.Time
	clock  clock // of tidy

	trusted atomic.Bool // what the clock says goes for old records too; see clock.go

	lock   *os.File
	db     *storage.DB
	files  *storage.Files
	egress *egress.Client
	ledger *exposure.Ledger

	resolver *resolve.Resolver
	queue    *delivery.Queue
	inbox    *inbox.Inbox
	keeper   *retention.Keeper
	service  *federation.Service
	control  *control.Handler
	certs    *certs.Manager // nil: TLS ends elsewhere
	world    []route        // what is asked of us by anybody
	owners   []route        // and by the owner alone
	public   http.Handler   // for everybody
	own      http.Handler   // for the owner
	doors    []*door

	counting sync.Mutex // held while counts are made
	counts   metrics.Counts
}

// Open opens the node in c.DataDir. Errors: [ErrNone], [ErrLocked], [ErrIdentity], storage.ErrNewerSchema, or why something could
// not be opened. Nothing listens and nothing leaves yet.
func Open(ctx context.Context, c Config) (n *Node, err error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	n = &Node{config: c, opened: time.Now()}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.Close())
			n = nil
		}
	}()
	if c.Offline {
		closeAll(c.Relays)
		c.Relays, c.Pool, c.Routes = nil, nil, nil
	}
	defer func() {
		if err != nil && n.egress == nil {
			closeAll(c.Relays)
		}
	}()
	if n.lock, err = takeLock(c.DataDir); err != nil {
		return n, err
	}
	if err := os.RemoveAll(filepath.Join(c.DataDir, partialName)); err != nil {
		return n, fmt.Errorf("remove what was not restored: %w", err)
	}
	path := filepath.Join(c.DataDir, databaseName)
	if missing(path) {
		return n, ErrNone
	}
	if n.db, err = storage.Open(ctx, storage.Config{Path: path, VFS: c.VFS, Log: c.Log}); err != nil {
		return n, err
	}
	switch identity, err := n.db.Setting(ctx, identitySetting); {
	case errors.Is(err, storage.ErrNotFound):
		return n, ErrNone
	case err != nil:
		return n, err
	case identity != c.Identity():
		return n, ErrIdentity
	}
	if n.files, err = storage.OpenFiles(filepath.Join(c.DataDir, mediaName)); err != nil {
		return n, err
	}
	if err := n.files.Sweep(func(name string) (bool, error) { return known(ctx, n.db, name) }); err != nil {
		return n, err
	}
	key, err := exitKey(ctx, n.db)
	if err != nil {
		return n, err
	}
	n.egress, err = egress.New(egress.Config{Relays: c.Relays, Pool: c.Pool, Routes: c.Routes, Ingress: c.enters(), Rules: c.Rules, Key: key})
	if err != nil {
		return n, err
	}
	n.config.Ingress = slices.Clone(c.Ingress)
	for i := range n.config.Ingress {
		if err := n.keyed(ctx, &n.config.Ingress[i]); err != nil {
			return n, err
		}
	}
	if err := n.keyed(ctx, &n.config.Owner.Ingress); err != nil {
		return n, err
	}
	return n, n.wire()
}

const exitKeySetting = "exit_key"

// exitKey is what the choice of exits is made with. It is made once: with another, each domain would learn another exit.
func exitKey(ctx context.Context, db *storage.DB) ([]byte, error) {
	text, err := db.Setting(ctx, exitKeySetting)
	if errors.Is(err, storage.ErrNotFound) {
		text = rand.Text() + rand.Text()
		err = db.Write(ctx, func(ctx context.Context, tx storage.Tx) error { return tx.SetSetting(ctx, exitKeySetting, text) })
	}
	return []byte(text), err
}

// known says whether a file has a record.
func known(ctx context.Context, db *storage.DB, name string) (bool, error) {
	_, err := db.Blob(ctx, name)
	if errors.Is(err, storage.ErrNotFound) {
		return false, nil
	}
	return true, err
}

func closeAll(relays []egress.Relay) {
	for _, r := range relays {
		_ = r.Close() // nothing was sent by it
	}
}

// wire makes the parts and ties them together.
func (n *Node) wire() (err error) {
	c, ids := n.config, n.config.ids()
	n.ledger = exposure.New(n.db)
	gate := hardening.New(hardening.Config{Policy: c.Policy, Egress: n.egress, Ledger: n.ledger, Resolver: c.Resolver, Log: c.Log})
	reader := wire.Reader{Sanitizer: sanitize.New(), IDs: ids, HTTP: c.UnsafeHTTP}
	keys := resolve.NewKeyring(n.db)
	n.resolver = resolve.New(resolve.Config{DB: n.db, Gate: gate, IDs: ids, Reader: reader, Keys: keys, Log: c.Log})
	n.queue = delivery.New(delivery.Config{DB: n.db, Gate: gate, Sign: keys.Signer, SignFormer: keys.Former, GaveUp: federation.NotifyGivenUp, Log: c.Log})
	n.inbox = inbox.New(inbox.Config{DB: n.db, Resolver: n.resolver, Queue: n.queue, IDs: ids, Reader: reader, Log: c.Log})
	n.keeper = retention.New(retention.Config{DB: n.db, Ledger: n.ledger, Owner: ids.Owner(), Keep: c.Keep, Trusted: n.trusted.Load, Log: c.Log})
	n.service = federation.New(federation.Config{DB: n.db, Resolver: n.resolver, Queue: n.queue, Keys: keys, IDs: ids,
		Blobs: n.files, Timing: c.Timing, Log: c.Log})
	var try func(context.Context, string) ([]egress.Check, error)
	if c.Echo != nil && !c.Offline {
		try = func(ctx context.Context, relay string) ([]egress.Check, error) { return gate.Try(ctx, relay, c.Echo) }
	}
	n.control = control.New(control.Config{Service: n.service, DB: n.db, Offline: c.Offline, Relays: n.egress.Ways, Try: try,
		Ingress: n.entrances, Metrics: n.metrics, Preview: n.preview(gate, ids), Reread: reread(gate, c.Reread), Examine: func(ctx context.Context) ([]egress.Check, error) { return n.examine(ctx, gate), nil }, Log: c.Log})
	n.world, n.owners = n.routes(gate, ids), n.surfaces()
	n.public, n.own = mux(n.world), mux(n.world, n.owners)
	if c.Owner.UnsafePublic {
		n.public = n.own
	}
	if n.certs, err = n.certificates(gate); err != nil {
		return err
	}
	n.doors, err = n.makeDoors(gate)
	return err
}

// Service is what the owner can do.
func (n *Node) Service() *federation.Service { return n.service }

// Control answers the owner's calls. Whoever can reach it is the owner.
func (n *Node) Control() http.Handler { return n.control }

// Handler is what the node shows to the world: for a program that brings its own listener and limits.
func (n *Node) Handler() http.Handler { return n.handler() }

// URL is where the node answers.
func (n *Node) URL() string { return n.config.ids().Scheme + "://" + n.config.Host }

// Close lets go of the data directory and of every connection. Run must have returned.
func (n *Node) Close() error {
	var errs []error
	if n.egress != nil {
		errs = append(errs, n.egress.Close())
	}
	if n.resolver != nil {
		n.resolver.Close()
	}
	if n.files != nil {
		errs = append(errs, n.files.Close())
	}
	if n.ledger != nil { // last, since what has just ended writes into it
		errs = append(errs, n.ledger.Flush(context.Background()))
	}
	if n.db != nil {
		errs = append(errs, n.db.Close())
	}
	if n.lock != nil {
		errs = append(errs, n.lock.Close())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close the node: %w", err)
	}
	return nil
}
