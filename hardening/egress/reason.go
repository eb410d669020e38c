package egress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
)

// What several kinds of relay say of a link.
const (
	ReasonSilent  = "does not answer"
	ReasonHangsUp = "hangs up"
)

// Down is ErrRelayDown with why, in words of our own that can be logged.
func Down(reason string) error { return fmt.Errorf("%w: %s", ErrRelayDown, reason) }

// Reason says in such words why a relay could not be reached, as far as that has nothing to do with what it speaks.
func Reason(err error) string {
	var (
		dns *net.DNSError
		tcp *net.OpError
	)
	switch {
	case errors.Is(err, ErrNoRelay):
		return "the relay before it is down"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return ReasonSilent
	case errors.As(err, &dns):
		return "its name is not found"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refuses connections"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.ErrClosedPipe), errors.As(err, &tcp) && tcp.Op == "read":
		return ReasonHangsUp
	}
	return "cannot be reached"
}
