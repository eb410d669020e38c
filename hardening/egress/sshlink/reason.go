package sshlink

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/dunnock-server/dunnock/hardening/egress"
)

// fault is what is wrong with a relay, in words that can be logged.
type fault string

func (f fault) Error() string { return "ssh relay " + string(f) }

const (
	errHostKey fault = "has another host key than the configured one: refused"
	errNotOurs fault = "is not `dunnock relay serve`, so names are not left to it"
	errCut     fault = "was lost, and the connection with it"
)

var (
	// errSilent is also a net.Error that is a timeout.
	errSilent = fmt.Errorf("no answer: %w", os.ErrDeadlineExceeded)
	// errTarget holds nothing of what the relay says about it.
	errTarget = errors.New("ssh relay could not reach the target")
)

// reasonOf says in our own words why a link could not be made.
func reasonOf(err error) string {
	var (
		f      fault
		agreed *ssh.AlgorithmNegotiationError
	)
	switch {
	case errors.As(err, &f):
		return string(f)
	case errors.As(err, &agreed):
		return "has no host key of the configured one's kind, or no cipher that is ours: refused"
	case strings.Contains(err.Error(), "unable to authenticate"): // the library has no type for it
		return "does not know our key, or not for this user"
	}
	return egress.Reason(err)
}
