// Package fleet is many remote servers in one process: each an address of loopback (127.16.0.0/12) with one actor, no shared
// inbox, and nothing behind it. It serves what a node asks them for, takes what a node delivers to them, and keeps count
// of both.
//
// It listens on loopback alone. It verifies nothing that it is sent and forgets nothing: it is for measuring a node, and
// everything it costs itself is kept low.
package fleet

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// maxHosts is how many addresses there are: the last octet is 1 to 250.
const maxHosts = 16 * 256 * 250

// distinctKeys is how many keys the actors share between them: making one takes as long as a hundred signatures, and a node
// knows keys by their ids, of which each actor has its own.
const distinctKeys = 4

// Fleet is the servers.
type Fleet struct {
	Actors []*Actor // one of each server

	server *http.Server
	byHost map[string]*Actor
	life   atomic.Int64 // of the node
	delay  atomic.Int64 // before a delivery is answered, nanoseconds

	asked    atomic.Int64 // requests
	met      atomic.Int64 // connections
	arrivals arrivals
}

// New makes a fleet of n servers and lets them listen.
func New(n int) (*Fleet, error) {
	if n > maxHosts {
		return nil, fmt.Errorf("a fleet has %d servers at most", maxHosts)
	}
	f := &Fleet{byHost: map[string]*Actor{}}
	f.server = &http.Server{Handler: http.HandlerFunc(f.serve), ConnContext: f.connected,
		ErrorLog: log.New(io.Discard, "", 0)}
	keys, err := makeKeys(min(n, distinctKeys))
	if err != nil {
		return nil, err
	}
	var listeners []net.Listener
	for i := range n {
		ip := net.IPv4(127, byte(16+i/(250*256)), byte(i/250), byte(1+i%250))
		ln, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: ip})
		if err != nil {
			for _, ln := range listeners {
				ln.Close()
			}
			return nil, fmt.Errorf("listening on an address of loopback (all of 127.0.0.0/8 is one on Linux): %w", err)
		}
		listeners = append(listeners, ln)
		a := newActor(ln.Addr().String(), fmt.Sprintf("u%d", i), keys[i%len(keys)])
		f.Actors = append(f.Actors, a)
		f.byHost[a.Host] = a
	}
	for _, ln := range listeners {
		go f.server.Serve(ln)
	}
	return f, nil
}

func makeKeys(n int) ([]*rsa.PrivateKey, error) {
	keys, faults := make([]*rsa.PrivateKey, n), make([]error, n)
	var making sync.WaitGroup
	for i := range keys {
		making.Go(func() { keys[i], faults[i] = rsa.GenerateKey(rand.Reader, 2048) })
	}
	making.Wait()
	return keys, errors.Join(faults...)
}

// Close ends all servers.
func (f *Fleet) Close() error { return f.server.Close() }

// SetAnswer has each delivery answered after d.
func (f *Fleet) SetAnswer(d time.Duration) { f.delay.Store(int64(d)) }
