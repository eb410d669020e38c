package sshlink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/dunnock-server/dunnock/hardening/egress"
)

const (
	// every is how often the relay is asked for a sign of life. One that has given none for two of them is lost.
	every = 15 * time.Second
	// maxOpening is how many targets the relay may be reaching for us at a time, those that nobody waits for any more included:
	// an SSH client cannot take such a wish back.
	maxOpening = 256
)

// session is one SSH connection.
type session struct {
	conn     ssh.Conn
	wire     *wire
	visitors <-chan ssh.NewChannel
	requests <-chan *ssh.Request
	slots    chan struct{} // one for each target that is being reached
	done     chan struct{} // closed when the session is over and the relay knows

	mu        sync.Mutex
	reason    string // why it ended; empty: it has not
	listeners map[uint16]*listener
}

// wire is the connection below SSH. It notes that it was cut, which the channels do not tell from the ends of streams.
type wire struct {
	net.Conn
	cut atomic.Bool
}

func (w *wire) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	if err != nil {
		w.cut.Store(true)
	}
	return n, err
}

// connect makes a session. Whatever fails is the relay's fault, or that of the way to it.
func (c Config) connect(ctx context.Context) (*session, error) {
	raw, err := c.Dial(ctx, "tcp", c.Address)
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, err
	}
	w := &wire{Conn: raw}
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	conn, visitors, requests, err := ssh.NewClientConn(w, c.Address, &ssh.ClientConfig{
		User:              c.User,
		Auth:              []ssh.AuthMethod{ssh.PublicKeys(c.Identity)},
		HostKeyAlgorithms: algorithms(c.HostKey),
		HostKeyCallback: func(_ string, _ net.Addr, key ssh.PublicKey) error {
			if !bytes.Equal(key.Marshal(), c.HostKey.Marshal()) {
				return errHostKey
			}
			return nil
		},
		BannerCallback: func(string) error { return nil }, // nobody reads it
	})
	if err != nil {
		raw.Close()
		if !stop() {
			err = context.Cause(ctx)
		}
		return nil, err
	}
	s := &session{
		conn: conn, wire: w, visitors: visitors, requests: requests, slots: make(chan struct{}, maxOpening),
		done: make(chan struct{}), listeners: make(map[uint16]*listener),
	}
	switch {
	case !stop():
		err = context.Cause(ctx)
	case c.FarNames && !s.ours():
		err = errNotOurs
	}
	if err != nil {
		s.drop()
		return nil, err
	}
	return s, nil
}

// ours says whether the far end is `dunnock relay serve`: the key exchange signs its version.
func (s *session) ours() bool { return strings.HasPrefix(string(s.conn.ServerVersion()), farVersion) }

// farVersion is how the version of a server begins that resolves names and refuses private addresses by itself.
const farVersion = "SSH-2.0-dunnock"

// algorithms are the signatures that a host key can make.
func algorithms(key ssh.PublicKey) []string {
	if key.Type() == ssh.KeyAlgoRSA {
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
	}
	return []string{key.Type()}
}

// run serves the session until it ends. lost is told before anybody else is.
func (s *session) run(lost func(*session, string)) {
	var working sync.WaitGroup
	ctx, over := context.WithCancel(context.Background())
	working.Go(func() { ssh.DiscardRequests(s.requests) })
	working.Go(func() { s.receive(s.visitors) })
	working.Go(func() { s.keep(ctx) })
	_ = s.conn.Wait()
	s.lose("hangs up")
	over()
	lost(s, s.why())
	close(s.done)
	working.Wait()
}

// drop ends a session that nobody has seen.
func (s *session) drop() {
	s.lose("dropped")
	s.run(func(*session, string) {})
}

// lose ends the session. The first reason counts.
func (s *session) lose(reason string) {
	s.mu.Lock()
	if s.reason == "" {
		s.reason = reason
	}
	s.mu.Unlock()
	s.wire.cut.Store(true)
	s.wire.Close()
}

func (s *session) why() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reason
}

// ended waits until the relay knows of the end, and is the error for what can be done no more.
func (s *session) ended() error {
	<-s.done
	return egress.Down(s.why())
}

func (s *session) keep(ctx context.Context) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		asked, cancel := context.WithTimeout(ctx, 2*every)
		if err := s.ask(asked); errors.Is(err, context.DeadlineExceeded) {
			s.lose(egress.ReasonSilent)
		}
		cancel()
	}
}

// ask sees whether the relay gives a sign of life.
func (s *session) ask(ctx context.Context) error {
	_, err := s.request(ctx, "keepalive@openssh.com", nil)
	return err
}

// request is a global request (RFC 4254 section 4) and its answer.
func (s *session) request(ctx context.Context, name string, payload []byte) (ok bool, err error) {
	type answer struct {
		ok  bool
		err error
	}
	got := make(chan answer, 1)
	go func() {
		ok, _, err := s.conn.SendRequest(name, true, payload)
		got <- answer{ok, err}
	}()
	select {
	case a := <-got:
		if a.err != nil {
			s.lose("hangs up")
			return false, s.ended()
		}
		return a.ok, nil
	case <-ctx.Done():
		return false, context.Cause(ctx)
	case <-s.done:
		return false, s.ended()
	}
}

// target is what the relay is asked to reach.
type target struct {
	host string
	port uint16
}

// dial asks the relay for a target (RFC 4254 section 7.2). That the target cannot be reached is no fault of the relay.
func (s *session) dial(ctx context.Context, t target) (net.Conn, error) {
	select {
	case s.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-s.done:
		return nil, s.ended()
	}
	type result struct {
		conn *conn
		err  error
	}
	got := make(chan result)
	waiting, left := context.WithCancel(ctx)
	defer left()
	go func() {
		defer func() { <-s.slots }()
		var r result
		ch, requests, err := s.conn.OpenChannel("direct-tcpip", ssh.Marshal(struct {
			Host   string
			Port   uint32
			Origin string
			From   uint32
		}{t.host, uint32(t.port), "127.0.0.1", 0})) // where it comes from says nothing
		if r.err = err; err == nil {
			r.conn = newConn(s, ch, requests, addr("home"), addr(net.JoinHostPort(t.host, fmt.Sprint(t.port))))
		}
		select {
		case got <- r:
		case <-waiting.Done():
			if r.conn != nil {
				r.conn.Close()
			}
		}
	}()
	select {
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-s.done:
		return nil, s.ended()
	case r := <-got:
		var refused *ssh.OpenChannelError
		switch {
		case errors.As(r.err, &refused) && refused.Reason == ssh.Prohibited && s.ours():
			return nil, fmt.Errorf("%w: by the relay", egress.ErrRefused)
		case errors.As(r.err, &refused):
			return nil, errTarget
		case r.err != nil:
			s.lose("hangs up")
			return nil, s.ended()
		case ctx.Err() != nil:
			r.conn.Close()
			return nil, context.Cause(ctx)
		}
		return r.conn, nil
	}
}
