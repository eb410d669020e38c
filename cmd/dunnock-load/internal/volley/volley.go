// Package volley sends requests that were rendered and signed beforehand over plain connections that are kept open, so that
// a load costs as little as it can: a write, and a look at the status line.
//
// It dials what it is told to, in TCP on this machine. It follows nothing and repeats nothing by itself.
package volley

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// Target is where requests go, and from which address.
type Target struct {
	Address string // "host:port"
	From    string // an address of this machine; empty: the system's choice
}

// Dial connects.
func (t Target) Dial(ctx context.Context) (*Conn, error) {
	d := net.Dialer{Timeout: 5 * time.Second}
	if t.From != "" {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(t.From)}
	}
	c, err := d.DialContext(ctx, "tcp", t.Address)
	if err != nil {
		return nil, fmt.Errorf("connecting to the node: %w", err)
	}
	return newConn(c), nil
}

// Send sends requests over a number of connections, each request after the answer to the one before it on its connection:
// the i-th goes over connection i modulo connections. The answers are in the order of the requests, zero for those that got
// none; a connection that breaks is not opened again. The error is the trouble there was.
func (t Target) Send(ctx context.Context, connections int, requests [][]byte) ([]Answer, error) {
	answers, faults := make([]Answer, len(requests)), make([]error, connections)
	conns := make([]*Conn, connections)
	for i := range conns {
		var err error
		if conns[i], err = t.Dial(ctx); err != nil {
			return answers, err
		}
		defer conns[i].Close()
	}
	stop := context.AfterFunc(ctx, func() {
		for _, c := range conns {
			c.Close()
		}
	})
	defer stop()
	var sending sync.WaitGroup
	for i, c := range conns {
		sending.Go(func() {
			for j := i; j < len(requests); j += connections {
				if answers[j], faults[i] = c.Exchange(requests[j]); faults[i] != nil {
					return
				}
			}
		})
	}
	sending.Wait()
	return answers, errors.Join(faults...)
}
