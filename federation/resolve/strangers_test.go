package resolve

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// A flood of keys that nobody knows is not passed on: neither to the server that they are said to be of, nor to all of them.
// Whom the node knows is verified all the same, and what was asked already takes no room.
func TestStrangers(t *testing.T) {
	w := newWorld(t)
	v := w.net.site("v.example")
	alice := v.person("alice")
	v.serve("/users/alice", doc(alice.document("alice")))
	if _, err := w.deliver(alice, alice.uri); err != nil {
		t.Fatal(err)
	}
	w.net.counted(t, "v.example /users/alice", finger("v.example", "alice"))

	nobody := *alice
	crowded := 0
	for i := range 3 * strangerHostBurst {
		nobody.uri = v.url(fmt.Sprintf("/users/nobody%d", i))
		nobody.keyID = nobody.uri + "#main-key"
		_, err := w.deliver(&nobody, nobody.uri)
		if errors.Is(err, errCrowd) {
			crowded++
		}
		if err == nil || errors.Is(err, errCrowd) && !errors.Is(err, ErrUnreachable) {
			t.Fatal(err)
		}
		w.quiet(err)
	}
	asked := w.net.requests()
	if n := len(asked); n < strangerHostBurst-1 || n > 2*strangerHostBurst || crowded != 3*strangerHostBurst-n {
		t.Errorf("%d requests for %d strangers, %d of them in the crowd", n, 3*strangerHostBurst, crowded)
	}
	for range 2 * strangerHostBurst { // whoever asks for something, and so does not say who they are, is in the same crowd
		nobody.keyID = v.url(fmt.Sprintf("/keys/%d", crowded))
		crowded++
		if _, err := w.visit(&nobody); err == nil {
			t.Fatal("nobody is somebody")
		}
	}
	if n := len(w.net.requests()); n > strangerHostBurst {
		t.Errorf("%d requests for more keys of the same", n)
	}
	if _, err := w.deliver(alice, alice.uri); err != nil {
		t.Errorf("somebody known: %v", err)
	}
	nobody.uri = v.url("/users/nobody0")
	nobody.keyID = nobody.uri + "#main-key"
	if _, err := w.deliver(&nobody, nobody.uri); errors.Is(err, errCrowd) {
		t.Errorf("somebody of whom it is known that they are not there: %v", err)
	}
	// Another server's people have room.
	bob := w.net.site("b.example").person("bob")
	w.net.sites["b.example"].serve("/users/bob", doc(bob.document("bob")))
	if _, err := w.deliver(bob, bob.uri); err != nil {
		t.Errorf("a stranger from another server: %v", err)
	}
}

func TestStrangersRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStrangers()
		room := func(n int, host func(i int) string) (admitted int) {
			for i := range n {
				if s.admit("http://"+host(i)+"/users/alice") == nil {
					admitted++
				}
			}
			return admitted
		}
		one := func(int) string { return "one.example" }
		many := func(i int) string { return fmt.Sprintf("s%d.example", i) }
		if n := room(1000, one); n != strangerHostBurst {
			t.Errorf("of one server: %d at once", n)
		}
		if n := room(1000, many); n != strangerBurst-strangerHostBurst {
			t.Errorf("of all servers: %d at once", n)
		}
		time.Sleep(5 * time.Second)
		if n := room(1000, one); n != 5*strangerHostRate {
			t.Errorf("of one server: %d in 5 s", n)
		}
		if n := room(1000, many); n != 5*(strangerRate-strangerHostRate) {
			t.Errorf("of all servers: %d in 5 s", n)
		}
		if room(3*maxStrangerHosts, many); len(s.hosts) > maxStrangerHosts {
			t.Errorf("%d servers are kept", len(s.hosts))
		}
		if err := s.admit("not a URI"); err != nil {
			t.Error(err)
		}
	})
}
