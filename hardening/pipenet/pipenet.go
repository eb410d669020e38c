// Package pipenet is a wire in memory, for tests: what is dialled arrives at a listener of the same process, by a net.Pipe.
// Such a connection blocks durably in a testing/synctest bubble, so time there passes only when both ends wait.
//
// It opens no socket, and knows neither names nor addresses: which listener a name leads to is for the tests to say.
package pipenet

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
)

// Listener is where connections arrive that are made with its Dial.
type Listener struct {
	name   addr
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// Listen makes a listener. Its name is its address, and means nothing.
func Listen(name string) *Listener {
	return &Listener{name: addr(name), conns: make(chan net.Conn), closed: make(chan struct{})}
}

// Serve makes a listener for a server, an [http.Server] mostly, that serves until the test ends.
func Serve(t testing.TB, server interface {
	Serve(net.Listener) error
	Close() error
}) *Listener {
	l := Listen("memory")
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(l) })
	t.Cleanup(func() {
		_ = server.Close()
		serving.Wait()
	})
	return l
}

// Dial makes a connection. It waits until that is accepted; the error is ctx's, or [net.ErrClosed].
func (l *Listener) Dial(ctx context.Context) (net.Conn, error) {
	near, far := net.Pipe()
	if err := l.Hand(ctx, far); err != nil {
		return nil, errors.Join(err, near.Close(), far.Close())
	}
	return near, nil
}

// Hand gives the listener a connection that was made elsewhere, as Dial does.
func (l *Listener) Hand(ctx context.Context, far net.Conn) error {
	select {
	case l.conns <- far:
		return nil
	case <-l.closed:
		return net.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Accept implements [net.Listener].
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements [net.Listener].
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr implements [net.Listener].
func (l *Listener) Addr() net.Addr { return l.name }

type addr string

func (addr) Network() string  { return "memory" }
func (a addr) String() string { return string(a) }
