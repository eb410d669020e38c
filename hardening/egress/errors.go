package egress

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"syscall"
)

var (
	// ErrNoRelay says that no relay may carry the request. Nothing was sent. The request can be tried again once the
	// configuration has one.
	ErrNoRelay = errors.New("egress: no relay")

	// ErrRelayDown says that the relay that has to carry the request cannot be reached. Nothing was sent. It wraps ErrNoRelay.
	ErrRelayDown = fmt.Errorf("%w that is up", ErrNoRelay)

	// ErrNames says that the name of the target cannot be looked up on the way to it, whatever the answer would be: nothing can
	// be asked, or nothing answers. The target was sent nothing. It wraps ErrNoRelay.
	ErrNames = fmt.Errorf("%w by which names can be looked up", ErrNoRelay)

	// ErrRefused says that a rule forbids the request or the address it leads to. Trying again is of no use.
	ErrRefused = errors.New("egress: refused by rule")

	// ErrTooLarge says that the response's head or its decoded body was beyond the cap.
	ErrTooLarge = errors.New("egress: response too large")

	// ErrClosed says that the client has been closed.
	ErrClosed = errors.New("egress: client closed")
)

// refuse wraps ErrRefused with a reason. The reason is always one of our own constants: never a name or an address.
func refuse(reason string) error { return fmt.Errorf("%w: %s", ErrRefused, reason) }

// Stage is how far a failed exchange came.
type Stage string

// The stages, in order. A failure at StageDial has told the relay the target's name or address; at StageTLS also the
// target our exit; from StageResponse on the request, or part of it, may have arrived.
const (
	StageDial     Stage = "dial"
	StageTLS      Stage = "tls"
	StageResponse Stage = "response"
	StageBody     Stage = "body"
)

// Error is an exchange that failed after a relay was chosen. Its text is made of our own constants, so that it can be
// logged at Info; the cause, which can hold names, addresses and remote text, is behind Unwrap.
type Error struct {
	Stage Stage
	Exit  string // the relay's name

	// Bytes on the wire, TLS included: the ledger's, for a failed row.
	SentBytes, ReceivedBytes int64

	cause error
}

func (e *Error) Error() string { return "egress: " + string(e.Stage) + ": " + reason(e.cause) }

// Unwrap gives the cause, for errors.Is and errors.As only.
func (e *Error) Unwrap() error { return e.cause }

// reason names the cause in fixed words.
func reason(err error) string {
	var (
		dns  *net.DNSError
		cert *tls.CertificateVerificationError
		net  net.Error
	)
	switch {
	case errors.Is(err, ErrTooLarge):
		return "response too large"
	case errors.Is(err, ErrRefused):
		return "refused by rule"
	case errors.Is(err, ErrRelayDown):
		return "relay down"
	case errors.Is(err, ErrNames):
		return "names cannot be looked up"
	case errors.Is(err, ErrClosed):
		return "client closed"
	case errors.Is(err, context.DeadlineExceeded):
		return "deadline exceeded"
	case errors.Is(err, context.Canceled):
		return "cancelled"
	case errors.Is(err, errEncoding):
		return "content encoding not asked for"
	case errors.As(err, &cert):
		return "certificate not valid"
	case errors.As(err, &dns) && dns.IsNotFound:
		return "name not found"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.As(err, &net) && net.Timeout():
		return "timed out"
	}
	return "failed"
}
