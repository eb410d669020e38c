package wireguard

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.zx2c4.com/wireguard/device"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

const (
	// greeting is how long a handshake may take.
	greeting = 10 * time.Second
	// quiet is how long what has to be answered may go unanswered. A far end that has nothing to say gives a sign of life after
	// ten seconds (device.KeepaliveTimeout), and a handshake is tried again five seconds later (device.RekeyTimeout).
	quiet = 20 * time.Second
	// look is how often the answers are looked at, while there is something to be answered.
	look = time.Second
	// poll is how often a handshake is looked at.
	poll = 10 * time.Millisecond
)

// errSilent is also a net.Error that is a timeout.
var errSilent = fmt.Errorf("no answer: %w", os.ErrDeadlineExceeded)

// tunnel is one life of the link.
type tunnel struct {
	conf  *Conf
	bind  *bind
	stack *stack.Stack
	dev   *device.Device

	ctx    context.Context // ends with the tunnel
	cancel context.CancelFunc
	once   sync.Once
	gone   chan struct{} // closed when nothing of it is left
}

// newTunnel makes a tunnel and its sockets. Nothing but look-ups of the endpoints' names has left when it returns, unless the
// file asks for keepalives.
func newTunnel(ctx context.Context, c Config) (*tunnel, error) {
	t := &tunnel{conf: c.Conf, gone: make(chan struct{})}
	var err error
	if t.bind, err = newBind(ctx, c.Dial, c.Conf.Peers); err != nil {
		return nil, err
	}
	var w *wire
	if t.stack, w, err = newStack(c.Conf); err != nil {
		t.bind.end()
		return nil, err
	}
	// The library's messages name peers and addresses: only their form is kept.
	logger := &device.Logger{Verbosef: device.DiscardLogf, Errorf: func(form string, _ ...any) { c.Log.Debug("wireguard", "relay", c.Name, "message", form) }}
	t.dev = device.NewDevice(w, t.bind, logger)
	t.ctx, t.cancel = context.WithCancel(context.Background())
	if err = t.dev.IpcSet(settings(c.Conf)); err == nil {
		err = t.dev.Up()
	}
	if err != nil {
		t.close()
		return nil, errors.New("wireguard: the keys are not taken") // the error's text could hold them
	}
	return t, nil
}

// settings is a file as the library reads it.
func settings(c *Conf) string {
	var b strings.Builder
	fmt.Fprintf(&b, "private_key=%s\n", c.PrivateKey.hex())
	for i, p := range c.Peers {
		fmt.Fprintf(&b, "public_key=%s\npreshared_key=%s\nendpoint=%d\npersistent_keepalive_interval=%d\n",
			p.PublicKey.hex(), p.PresharedKey.hex(), i, p.Keepalive/time.Second)
		for _, a := range p.AllowedIPs {
			fmt.Fprintf(&b, "allowed_ip=%s\n", a)
		}
	}
	return b.String()
}

func (k Key) hex() string { return hex.EncodeToString(k[:]) }

// alive makes the peers ask for a handshake and waits for something that only the holder of a peer's key can send.
func (t *tunnel) alive(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, greeting, errSilent)
	defer cancel()
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for before := t.received(); ; {
		for _, p := range t.conf.Peers {
			if peer := t.dev.LookupPeer(device.NoisePublicKey(p.PublicKey)); peer != nil {
				_ = peer.SendHandshakeInitiation(false) // it sends one in five seconds, and does not say so
			}
		}
		if t.received() != before {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-t.ctx.Done():
			return net.ErrClosed
		case <-tick.C:
		}
	}
}

// received counts the bytes of packets that a peer's key was needed for.
func (t *tunnel) received() (n uint64) {
	text, err := t.dev.IpcGet()
	if err != nil {
		return 0
	}
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), "rx_bytes="); ok {
			bytes, _ := strconv.ParseUint(value, 10, 64)
			n += bytes
		}
	}
	return n
}

// watch returns true when something that has to be answered has not been for so long, and false when the tunnel ends.
func (t *tunnel) watch(quiet time.Duration) bool {
	tick := time.NewTicker(look)
	defer tick.Stop()
	var heard, answered uint64
	var since time.Time
	for {
		select {
		case <-t.ctx.Done():
			return false
		case now := <-tick.C:
			asked := t.bind.asked.Load()
			if asked == answered {
				continue
			}
			if n := t.received(); n != heard {
				heard, answered, since = n, asked, time.Time{}
			} else if since.IsZero() {
				since = now
			} else if now.Sub(since) >= quiet {
				return true
			}
		}
	}
}

// close ends everything of the tunnel, and returns when nothing of it runs.
func (t *tunnel) close() {
	t.once.Do(func() {
		defer close(t.gone)
		t.cancel()
		t.stack.Close() // connections are reset, while that can still leave, and listeners end
		t.dev.Close()
		t.bind.end()
		t.stack.Wait()
	})
	<-t.gone
}
