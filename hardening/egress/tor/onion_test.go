package tor_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/egress/tor"
)

// zero is the name of the key of 32 zero bytes, as a tor daemon gives it too.
const zero = "hnvcppgow2sc2yvdvdicu3ynonsteflxdxrehjr2ybekdc2z3iu63yid.onion"

// The service is held while the connection lives, and added again when it was lost.
func TestOnionIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answers := map[string]string{"AUTHENTICATE": "250 OK\r\n", "ADD_ONION": "250-ServiceID=" + strings.TrimSuffix(zero, ".onion") + "\r\n250 OK\r\n"}
		c, said := played(t, answers)
		c.Password = "a"
		o, err := tor.NewOnion(tor.OnionConfig{Control: c, Key: make([]byte, 32), Ports: map[uint16]string{443: "127.0.0.1:8443", 80: "unix:/run/x"}})
		if err != nil {
			t.Fatal(err)
		}
		if o.Host() != zero {
			t.Fatal(o.Host())
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- o.Run(ctx) }()
		time.Sleep(time.Hour)
		if s := o.State(); s.Down || s.Since.IsZero() {
			t.Error(s)
		}
		lines := said()
		if len(lines) != 2 || !strings.HasPrefix(lines[1], "ADD_ONION ED25519-V3:") || !strings.HasSuffix(lines[1], " Port=80,unix:/run/x Port=443,127.0.0.1:8443") {
			t.Errorf("%q", lines)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// What is not the daemon, or gives another name, leaves it down, with longer and longer pauses.
func TestOnionIsDown(t *testing.T) {
	for reason, answer := range map[string]string{
		"the daemon refuses the onion service": "550 Onion address collision\r\n",
		"not a control port":                   "250-ServiceID=abc\r\n250 OK\r\n",
		"the control port does not answer":     "",
		"the control port cannot be reached":   "hang up",
		"the control port refuses to sign in":  "",
	} {
		synctest.Test(t, func(t *testing.T) {
			answers := map[string]string{"AUTHENTICATE": "250 OK\r\n", "ADD_ONION": answer}
			if strings.HasSuffix(reason, "sign in") {
				answers["AUTHENTICATE"] = "515 no\r\n"
			}
			c, said := played(t, answers)
			c.Password = "a"
			o, err := tor.NewOnion(tor.OnionConfig{Control: c, Key: make([]byte, 32), Ports: map[uint16]string{80: "127.0.0.1:80"}})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error)
			go func() { done <- o.Run(ctx) }()
			time.Sleep(10 * time.Minute)
			s := o.State()
			if !s.Down || s.Reason != reason {
				t.Errorf("%q, not %q", s.Reason, reason)
			}
			if n := len(said()); n > 30 {
				t.Errorf("it was told %d lines in ten minutes", n)
			}
			cancel()
			<-done
		})
	}
}

func TestOnionConfig(t *testing.T) {
	c := tor.Control{Address: "127.0.0.1:1", Dial: egress.Home()}
	for _, target := range []string{"192.0.2.1:80", "unix:run/x", "unix:/a Port=22,127.0.0.1:22", "localhost:80", "127.0.0.1:0", "unix:/a\r\nQUIT", "[fe80::1]:80", ""} {
		if _, err := tor.NewOnion(tor.OnionConfig{Control: c, Key: tor.NewKey(), Ports: map[uint16]string{80: target}}); err == nil {
			t.Errorf("%q", target)
		}
	}
	for _, bad := range []tor.OnionConfig{{Control: c, Key: tor.NewKey()}, {Control: c, Key: tor.NewKey()[1:], Ports: map[uint16]string{80: "127.0.0.1:80"}},
		{Key: tor.NewKey(), Ports: map[uint16]string{80: "127.0.0.1:80"}}, {Control: c, Key: tor.NewKey(), Ports: map[uint16]string{0: "127.0.0.1:80"}}} {
		if _, err := tor.NewOnion(bad); err == nil {
			t.Errorf("%+v", bad)
		}
	}
}
