package relay_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/egress/sshlink"
	"github.com/dunnock-server/dunnock/hardening/freeport"
	"github.com/dunnock-server/dunnock/hardening/relay"
)

// key is a new key, and its file.
func key(t *testing.T) (ssh.Signer, []byte) {
	t.Helper()
	_, secret, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(secret, "")
	if err != nil {
		t.Fatal(err)
	}
	file := pem.EncodeToMemory(block)
	signer, err := ssh.ParsePrivateKey(file)
	if err != nil {
		t.Fatal(err)
	}
	return signer, file
}

// rented is a relay at work on a loopback address, with two keys.
type rented struct {
	t        *testing.T
	address  string
	host     ssh.PublicKey
	one, two ssh.Signer
	oneFile  []byte
	port     uint16 // of the first key
	log      *bytes.Buffer
	end      func()
}

// loopback is where the visitors of a relay come to.
var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

func rent(t *testing.T, c relay.Config) *rented {
	t.Helper()
	return rentAt(t, c, freeport.Take(t), nil)
}

// rentAt has it take clients on a listener, and visitors on a port. No listener: on a port of its own.
func rentAt(t *testing.T, c relay.Config, port uint16, at net.Listener) *rented {
	t.Helper()
	r := &rented{t: t, port: port, log: &bytes.Buffer{}}
	host, _ := key(t)
	r.one, r.oneFile = key(t)
	r.two, _ = key(t)
	r.host = host.PublicKey()
	c.HostKey, c.Bind = host, loopback
	c.Keys = []relay.Key{{Name: "one", Public: r.one.PublicKey(), Ports: []uint16{r.port}}, {Name: "two", Public: r.two.PublicKey()}}
	c.Log = slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s, err := relay.New(c)
	if err != nil {
		t.Fatal(err)
	}
	l := at
	if l == nil {
		if l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
	}
	r.address = l.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := s.Serve(ctx, l); err != nil {
			t.Error(err)
		}
	}()
	r.end = func() { cancel(); <-ended }
	t.Cleanup(r.end)
	return r
}

// home is a relay as the node has it.
func (r *rented) home(rules egress.Rules, change ...func(*sshlink.Config)) *sshlink.Relay {
	r.t.Helper()
	c := sshlink.Config{Name: "own", Address: r.address, User: "dunnock", Identity: r.one, HostKey: r.host, Rules: rules, Dial: egress.Home(), FarNames: true}
	for _, f := range change {
		f(&c)
	}
	l, err := sshlink.New(c)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = l.Close() })
	return l
}

// world is a server that says back what it is told, the only one of its address that may be reached.
func world(t *testing.T) (netip.AddrPort, egress.Rules) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	t.Cleanup(func() { l.Close(); serving.Wait() })
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				_, _ = io.Copy(c, c)
				c.Close()
			})
		}
	})
	at := l.Addr().(*net.TCPAddr).AddrPort()
	return at, egress.Rules{Exact: []netip.AddrPort{at}}
}

// says sees that what is said comes back.
func says(t *testing.T, c net.Conn, what []byte) {
	t.Helper()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	go func() { _, _ = c.Write(what) }()
	got := make([]byte, len(what))
	if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, what) {
		t.Errorf("%d bytes came back otherwise: %v", len(what), err)
	}
	_ = c.SetDeadline(time.Time{})
}

// await looks until it is so.
func await(t *testing.T, not string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(20 * time.Second)
	for !so() {
		select {
		case <-limit:
			t.Fatal(not)
		case <-tick.C:
		}
	}
}
