package tor

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/dunnock-server/dunnock/hardening/egress"
)

// NewKey makes the key of an onion service: 32 random bytes, to be kept as secret as any key. Whoever has it is the service.
func NewKey() []byte {
	key := make([]byte, ed25519.SeedSize)
	rand.Read(key)
	return key
}

// OnionConfig describes an onion service.
type OnionConfig struct {
	Control Control
	// Key is what NewKey gave.
	Key []byte
	// Ports maps each port of the service, at least one, to where the daemon brings its visitors: "unix:" and an absolute
	// path, or a loopback address "127.0.0.1:8080".
	Ports map[uint16]string
}

// Onion is a version 3 onion service of ours. The daemon holds it, and its key, in memory, for as long as it is connected
// with us.
type Onion struct {
	control Control
	host    string
	command string
	link    egress.Link
}

// NewOnion checks c and asks nobody.
func NewOnion(c OnionConfig) (*Onion, error) {
	if err := c.Control.Validate(); err != nil {
		return nil, err
	}
	if len(c.Key) != ed25519.SeedSize {
		return nil, fmt.Errorf("tor: an onion service's key is %d bytes", ed25519.SeedSize)
	}
	if len(c.Ports) == 0 {
		return nil, errors.New("tor: an onion service needs a port")
	}
	o := &Onion{control: c.Control, host: hostOf(c.Key), command: "ADD_ONION ED25519-V3:" + expanded(c.Key)}
	for _, port := range slices.Sorted(maps.Keys(c.Ports)) {
		if port == 0 || !isOurs(c.Ports[port]) {
			return nil, errors.New("tor: an onion service's port leads to a unix socket or a loopback address only")
		}
		o.command += fmt.Sprintf(" Port=%d,%s", port, c.Ports[port])
	}
	return o, nil
}

// isOurs says whether visitors may be brought to a target. One on another machine would be a relay that nobody named.
func isOurs(target string) bool {
	if path, ok := strings.CutPrefix(target, "unix:"); ok {
		return strings.HasPrefix(path, "/") && !strings.ContainsAny(path, " \"\\\t\r\n\x00")
	}
	a, err := netip.ParseAddrPort(target)
	return err == nil && a.Addr().IsLoopback() && a.Addr().Zone() == "" && a.Port() != 0
}

// Host is the service's name, with ".onion".
func (o *Onion) Host() string { return o.host }

// State says whether the daemon has the service. That visitors can reach it takes some more seconds, and is not known here.
func (o *Onion) State() egress.State { return o.link.State() }

// Run keeps the service up until ctx ends: whenever the connection to the daemon is lost, it is made again, and the service
// with it. It returns nil.
func (o *Onion) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		reason := reasonOf(o.hold(ctx))
		if ctx.Err() != nil {
			break
		}
		o.link.Down(reason)
		wait := time.NewTimer(time.Until(o.State().Next))
		select {
		case <-ctx.Done():
		case <-wait.C:
		}
		wait.Stop()
	}
	return nil
}

// patience is how long the daemon may take to answer.
const patience = 30 * time.Second

var errSilent = errors.New("tor: the control port does not answer")

// hold adds the service and returns when it is gone.
func (o *Onion) hold(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	slow := time.AfterFunc(patience, func() { cancel(errSilent) })
	defer slow.Stop()
	s, err := o.control.open(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	err = s.call(o.command, func(lines []string) error {
		if id, _ := value(lines[0], "ServiceID"); id+".onion" != o.host {
			return errForm
		}
		return nil
	})
	if err != nil {
		return err
	}
	if slow.Stop() {
		o.link.Up()
	}
	for err == nil { // nothing was subscribed to, so nothing comes but the end
		_, err = readReply(s.r)
	}
	return err
}

func reasonOf(err error) string {
	var r refusal
	switch {
	case errors.Is(err, ErrSignIn):
		return "the control port refuses to sign in"
	case errors.As(err, &r):
		return "the daemon refuses the onion service"
	case errors.Is(err, errForm):
		return "not a control port"
	case errors.Is(err, errSilent):
		return "the control port does not answer"
	}
	return "the control port cannot be reached"
}

// hostOf is rend-spec-v3, section 6: the public key, a checksum and the version.
func hostOf(key []byte) string {
	public := ed25519.NewKeyFromSeed(key).Public().(ed25519.PublicKey)
	sum := sha3.Sum256(slices.Concat([]byte(".onion checksum"), public, []byte{3}))
	name := base32.StdEncoding.EncodeToString(slices.Concat(public, sum[:2], []byte{3}))
	return strings.ToLower(name) + ".onion"
}

// expanded is the form of a key that the daemon takes: the hash of the seed with the scalar's fixed bits set (RFC 8032 section
// 5.1.5).
func expanded(key []byte) string {
	h := sha512.Sum512(key)
	h[0] &= 248
	h[31] = h[31]&63 | 64
	return base64.StdEncoding.EncodeToString(h[:])
}
