// Package federation is what the owner can do: publish, edit, delete, react, follow, block, and read what came. It is
// the one place where an act begins.
//
// Each act is one transaction: the records that change, the act with its release from package timing (drawn once, for all
// who are told), and a row per inbox in the outgoing queue. Whatever needs other servers is found out before that
// transaction, so an act happens whole or not at all. When it leaves, and what of it each domain sees, is up to packages
// delivery and hardening.
//
// Reading asks nobody: timeline, thread and notifications come from storage alone. [Service.Lookup], and acts that name
// somebody who is not known yet, ask other servers, and their comments say so.
//
// The package decodes no requests and renders no pages: control, clientapi and console call it. What comes in from other
// servers is package inbox.
package federation

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/dunnock-server/dunnock/federation/delivery"
	"github.com/dunnock-server/dunnock/federation/resolve"
	"github.com/dunnock-server/dunnock/federation/wire"
	"github.com/dunnock-server/dunnock/hardening/timing"
	"github.com/dunnock-server/dunnock/storage"
)

// Config is what a service is made from. All but Log must be set; the zero Timing releases nothing.
type Config struct {
	DB       *storage.DB
	Resolver *resolve.Resolver
	Queue    *delivery.Queue
	Keys     *resolve.Keyring
	IDs      wire.IDs
	Blobs    Blobs
	Timing   timing.Mode
	Log      *slog.Logger
}

// Blobs keeps the bytes of the owner's pictures by name. Deleting what is not there is no error.
type Blobs interface {
	Put(name string, data []byte) error
	Open(name string) (io.ReadSeekCloser, error)
	Delete(name string) error
}

// Service is the owner's hand. Its methods may be called from any goroutine.
type Service struct {
	Config
	started  time.Time
	cleaning sync.Mutex // held while a picture is cleaned
}

// New makes a service.
func New(c Config) *Service {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Service{Config: c, started: time.Now()}
}

// act is an activity of the owner in the making.
type act struct {
	wire.Activity
	about   string   // URI of what it is about
	inboxes []string // who is told
}

// tell writes an act and queues it. now is when the owner acted; the release is drawn from it unless release is set.
func (s *Service) tell(ctx context.Context, tx storage.Tx, now, release time.Time, a act) (*storage.Act, error) {
	if a.ID == "" {
		a.ID = s.IDs.Activity(wire.NewToken())
	}
	if a.Actor == "" {
		a.Actor = s.IDs.Owner()
	}
	if release.IsZero() {
		release, _ = s.Timing.Release(now)
	}
	document, err := a.Document().Marshal()
	if err != nil {
		return nil, err
	}
	row := &storage.Act{URI: a.ID, Type: a.Type, Actor: a.Actor, Object: a.about, Document: string(document),
		CreatedAt: storage.At(now), ReleaseAt: storage.At(release)}
	return row, s.Queue.Enqueue(ctx, tx, row, a.inboxes)
}

// write runs fn in a transaction and wakes the queue.
func (s *Service) write(ctx context.Context, fn func(ctx context.Context, tx storage.Tx) error) error {
	err := s.DB.Write(ctx, fn)
	if err == nil {
		s.Queue.Wake()
	}
	return err
}
