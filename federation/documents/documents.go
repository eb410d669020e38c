// Package documents serves what the node has under its own URIs: the two actors, the owner's posts, acts, collections
// and pictures, for GET and HEAD.
//
// Who may see what is asked in this order, and each question has one place: who asks (package resolve), whether the owner
// blocks them, whether the post is for them (wire.MaySee), and, in the gate, whether it has been released, what their
// domain is shown of it, and that it is written down. Whatever is not shown is answered like what never was: the same
// status, body and headers. That is 401 without a valid signature, whatever is asked for, and 404 with one. An observer
// who guesses or keeps URIs learns from neither whether something exists.
//
// The actors alone are shown to visitors without a key, as a stub, because nobody could verify a signature of ours
// otherwise. For the server's actor no key is asked for, since theirs may wait for ours: see resolve.Resolver.Known.
// Pictures are fetched without a signature by everybody's media proxies; their names cannot be guessed and are told only
// with the post.
//
// Lists tell nothing about what they leave out: followers and following are bare, nothing is counted, and the cursor of a
// page is the random token of the act that the page begins after.
//
// The package reads storage; all it writes is which server was shown a post, which then hears more of it. It renders no
// HTML (pages does), takes nothing in (inbox does), and does not answer look-ups by name (discovery does).
package documents

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/dunnock-server/dunnock/federation/resolve"
	"github.com/dunnock-server/dunnock/federation/wire"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/storage"
)

// Config is what the handler is made from. All but Log must be set.
type Config struct {
	DB       *storage.DB
	Gate     *hardening.Gate
	IDs      wire.IDs
	Resolver *resolve.Resolver
	// Open opens the file of a [storage.Blob].
	Open func(name string) (io.ReadSeekCloser, error)
	// Log gets faults of the node, without what was asked for or by whom. Nil: discarded.
	Log *slog.Logger
}

type handler struct{ Config }

// finder finds what a viewer asks for. [storage.ErrNotFound] means that it is not there, or not for them.
type finder func(ctx context.Context, v viewer, r *http.Request) (hardening.Document, error)

// New returns the handler of everything below /users/, of /actor and below /media/.
func New(c Config) http.Handler {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	h := handler{c}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+h.ownerPath(), h.actor(h.keep(h.owner), h.visitor))
	mux.HandleFunc("GET "+actorPath, h.actor(h.keep(h.server), h.acquaintance))
	for pattern, find := range h.finders() {
		mux.HandleFunc("GET "+pattern, h.document(find))
	}
	mux.HandleFunc("GET /users/{rest...}", h.document(nothing)) // other people too look like what is only not shown
	mux.HandleFunc("GET /media/{name}", h.media)
	return mux
}

const actorPath = "/actor"

func (h handler) ownerPath() string { return "/users/" + h.IDs.Username }

// finders find what takes a signature, by pattern of its path.
func (h handler) finders() map[string]finder {
	owner := h.ownerPath()
	return map[string]finder{
		owner + "/outbox":                h.outbox,
		owner + "/featured":              h.featured,
		owner + "/followers":             h.bare(h.IDs.Followers()),
		owner + "/following":             h.bare(h.IDs.Following()),
		owner + "/posts/{token}":         h.post,
		owner + "/activities/{token}":    h.activity,
		owner + "/posts/{token}/replies": h.replies,
		actorPath + "/outbox":            h.bare(h.IDs.ServerOutbox()),
	}
}

// always is the release of what exists as long as the node does.
var always = time.Unix(1, 0)

// nothing is what is not there.
func nothing(context.Context, viewer, *http.Request) (hardening.Document, error) {
	return hardening.Document{}, storage.ErrNotFound
}
