// Package control is the owner's way to the node from the same machine: each call is a name with JSON arguments, over the
// 0600 unix socket in the data directory, or in process when the node is not running. Both take the same handler.
//
// It decodes, calls federation.Service and encodes; it decides nothing. Whoever can open the socket is the owner: the
// file system guards it, and it must never be listened on anywhere else.
//
// Calls that need other servers while none can be asked (the node is down) are kept in storage in the order they came,
// and made by [Handler.Replay] once the node runs.
package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/dunnock-server/dunnock/federation"
	"github.com/dunnock-server/dunnock/federation/metrics"
	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/storage"
)

// maxArguments bounds the JSON of a call: a post with all its pictures, in base64.
const maxArguments = federation.MaxAttachments*federation.MaxUpload/3*4 + 1<<20

// Handler answers calls: POST /call/NAME.
type Handler struct {
	db      *storage.DB
	offline bool
	log     *slog.Logger
	calls   map[string]call
	mux     *http.ServeMux
}

// Config is what a handler is made from. Service and DB must be set.
type Config struct {
	Service *federation.Service
	DB      *storage.DB
	Offline bool // the node is down: what needs other servers is kept for later
	// Relays tells what is known of the ways out. Nil: there are none.
	Relays func() []egress.Way
	// Try tests one of them. Nil: none can be.
	Try func(ctx context.Context, name string) ([]egress.Check, error)
	// Ingress tells what is known of the ways in. Nil: there are none.
	Ingress func() Ingress
	// Metrics tells how the node is, for the owner's collector. Nil: as of one that does not run.
	Metrics func(ctx context.Context) (metrics.Snapshot, error)
	// Examine finds out what the owner should know of relays, ways in and certificates. Nil: nobody does.
	Examine func(ctx context.Context) ([]egress.Check, error)
	// Preview says what a domain would get of what is under a URL of the node's. Its errors are those of the owner's calls.
	Preview func(ctx context.Context, domain, url string) (Preview, error)
	// Reread reads the policy of the domains anew. Nil: it is not kept in files.
	Reread func() error
	Log    *slog.Logger
}

// New makes a handler.
func New(c Config) *Handler {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	h := &Handler{db: c.DB, offline: c.Offline, log: c.Log, calls: calls(c), mux: http.NewServeMux()}
	h.mux.HandleFunc("POST /call/{name}", h.serve)
	return h
}

// call is one thing the owner can ask for.
type call struct {
	run func(context.Context, json.RawMessage) (any, error)
	// later says that it still makes sense when other servers can be asked again.
	later bool
}

// on makes a call of a function with arguments of type A.
func on[A, R any](fn func(context.Context, A) (R, error)) call {
	return call{run: func(ctx context.Context, raw json.RawMessage) (any, error) {
		var args A
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&args); err != nil {
			return nil, &federation.Error{Kind: federation.Invalid, Message: "the call's arguments cannot be read"}
		}
		return fn(federation.ByOwner(ctx), args)
	}}
}

// keep marks a call as one that can wait for other servers.
func (c call) keep() call {
	c.later = true
	return c
}

// Failure is the body of an answer that is no success.
type Failure struct {
	Kind    federation.Kind `json:"kind"`
	Message string          `json:"error"`
}

// Kept is the answer to a call that was kept for later.
type Kept struct {
	Queued bool  `json:"queued"`
	ID     int64 `json:"id"`
}

// ServeHTTP implements [http.Handler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mux.ServeHTTP(w, r)
}

func (h *Handler) serve(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	c, ok := h.calls[name]
	if !ok {
		h.fail(w, name, &federation.Error{Kind: federation.NotFound, Message: "the node knows no call of that name"})
		return
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxArguments))
	if err != nil {
		h.fail(w, name, &federation.Error{Kind: federation.Invalid, Message: "the call is too large"})
		return
	}
	result, err := c.run(r.Context(), raw)
	if h.offline && kind(err) == federation.Network {
		if c.later {
			result, err = h.keep(r.Context(), name, raw)
		} else {
			err = &federation.Error{Kind: federation.Network, Message: "this needs other servers, and the node is not running: start it with `dunnock serve`"}
		}
	}
	if err != nil {
		h.fail(w, name, err)
		return
	}
	reply(w, http.StatusOK, result)
}

// keep stores a call until other servers can be asked. A post gets its name now: a crash between its being made and the
// call's being dropped must not double it.
func (h *Handler) keep(ctx context.Context, name string, raw []byte) (any, error) {
	if name == "post" {
		var post NewPost
		if err := json.Unmarshal(raw, &post); err != nil {
			return nil, err
		}
		post.Token = federation.NewToken()
		var err error
		if raw, err = json.Marshal(post); err != nil {
			return nil, err
		}
	}
	now := storage.Now()
	row := &storage.Call{Name: name, Args: string(raw), CreatedAt: now, DueAt: now}
	err := h.db.Write(ctx, func(ctx context.Context, tx storage.Tx) error { return tx.InsertCall(ctx, row) })
	return Kept{Queued: true, ID: row.ID}, err
}

func (h *Handler) fail(w http.ResponseWriter, name string, err error) {
	f := Failure{Kind: kind(err), Message: "internal error: the log says more"}
	switch f.Kind {
	default:
		f.Message = err.Error()
	case federation.Disk:
		f.Message = storage.Trouble(err).Error()
		fallthrough
	case federation.Internal:
		h.log.Error("a call failed", "call", name, "err", err)
	}
	status := map[federation.Kind]int{
		federation.Invalid: http.StatusUnprocessableEntity, federation.NotFound: http.StatusNotFound,
		federation.Conflict: http.StatusConflict, federation.Network: http.StatusBadGateway,
		federation.Disk: http.StatusServiceUnavailable, federation.Internal: http.StatusInternalServerError,
	}[f.Kind]
	reply(w, status, f)
}

// kind is what an error is to the caller.
func kind(err error) federation.Kind {
	var e *federation.Error
	if errors.As(err, &e) {
		return e.Kind
	}
	if storage.Trouble(err) != nil {
		return federation.Disk
	}
	return federation.Internal
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(body) // the caller has gone
}

// How a kept call is tried again.
const (
	callBackoff    = time.Minute
	maxCallBackoff = 6 * time.Hour
	callGiveUp     = 7 * 24 * time.Hour
	callTries      = 18 // at least, whatever the clock says: half of what fits into callGiveUp
)

// Replay makes the kept calls that are due, oldest first, and returns how many are done. One that fails for good is
// dropped, and the owner is told.
func (h *Handler) Replay(ctx context.Context) (int, error) {
	kept, err := h.db.Calls(ctx)
	if err != nil {
		return 0, fmt.Errorf("read kept calls: %w", err)
	}
	done := 0
	for _, row := range kept {
		if row.DueAt.After(time.Now()) {
			continue
		}
		if err := h.replay(ctx, row); err != nil {
			return done, err
		}
		done++
	}
	return done, nil
}

func (h *Handler) replay(ctx context.Context, row storage.Call) error {
	c, ok := h.calls[row.Name]
	var err error = &federation.Error{Kind: federation.Invalid, Message: "the node no longer knows this call"}
	if ok {
		_, err = c.run(ctx, json.RawMessage(row.Args))
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return h.db.Write(ctx, func(ctx context.Context, tx storage.Tx) error {
		young := time.Since(row.CreatedAt.Time) < callGiveUp || row.Attempts < callTries
		switch {
		case err == nil:
			return tx.DeleteCall(ctx, row.ID)
		case (kind(err) == federation.Network || kind(err) == federation.Disk) && young:
			row.Attempts++
			row.Error = err.Error()
			row.DueAt = storage.At(time.Now().Add(min(maxCallBackoff, callBackoff<<min(row.Attempts, 10))))
			return tx.UpdateCall(ctx, &row)
		}
		if err := tx.DeleteCall(ctx, row.ID); err != nil {
			return err
		}
		message := "internal error"
		if kind(err) != federation.Internal {
			message = err.Error()
		}
		return tx.Notify(ctx, &storage.Notification{Kind: "call_failed", Object: row.Name + " " + strconv.FormatInt(row.ID, 10),
			Detail: message, CreatedAt: storage.Now()})
	})
}
