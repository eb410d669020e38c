package federation

import (
	"context"
	"errors"

	"github.com/dunnock-server/dunnock/federation/resolve"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/storage"
)

// Kind says what a caller can do about an [Error].
type Kind string

// The kinds.
const (
	Invalid  Kind = "invalid"   // what was asked for cannot be: ask differently
	NotFound Kind = "not_found" // it is not there, or not to be seen
	Conflict Kind = "conflict"  // it stands against what is there already
	Network  Kind = "network"   // other servers are needed and cannot be reached now: later it may work
	Disk     Kind = "disk"      // the disk is full, read-only, damaged or held by another program: the message has the remedy
	Internal Kind = "internal"  // a fault of the node: the log has it
)

// Error is a failure with a message that is safe to show to the owner. Every other error is internal.
type Error struct {
	Kind    Kind
	Message string
	err     error
}

func (e *Error) Error() string { return e.Message }

// Unwrap gives the cause, for the log.
func (e *Error) Unwrap() error { return e.err }

// ByOwner marks what is done under ctx as asked for by the owner, now: see [hardening.WithOwner].
func ByOwner(ctx context.Context) context.Context { return hardening.WithOwner(ctx) }

func invalid(message string) error  { return &Error{Kind: Invalid, Message: message} }
func notFound(message string) error { return &Error{Kind: NotFound, Message: message} }
func conflict(message string) error { return &Error{Kind: Conflict, Message: message} }

// Explain gives err, which came of looking for what, the words that the owner needs.
func Explain(err error, what string) error {
	var e *Error
	switch {
	case err == nil, errors.As(err, &e):
		return err
	case errors.Is(err, storage.ErrNotFound), errors.Is(err, resolve.ErrGone):
		return &Error{NotFound, what + " is not there", err}
	case errors.Is(err, hardening.ErrWithheld):
		return &Error{Invalid, what + " has to be asked for, and the policy does not let its server be asked (see `dunnock policy show`)", err}
	case errors.Is(err, egress.ErrRelayDown), errors.Is(err, egress.ErrNames):
		return &Error{Network, what + " has to be asked for, and the way to its server is down (see `dunnock relay list`): nothing else is tried", err}
	case errors.Is(err, egress.ErrNoRelay):
		return &Error{Network, what + " has to be asked for, and there is no [egress] relay: nothing leaves this node", err}
	case errors.Is(err, resolve.ErrUnreachable), errors.Is(err, hardening.ErrBudget):
		return &Error{Network, "the server of " + what + " cannot be reached for now", err}
	case errors.Is(err, resolve.ErrRefused):
		return &Error{Invalid, what + " cannot be used: its server does not answer as ActivityPub demands", err}
	}
	return err
}
