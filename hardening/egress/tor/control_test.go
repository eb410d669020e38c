package tor_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dunnock-server/dunnock/hardening/egress/tor"
	"github.com/dunnock-server/dunnock/hardening/pipenet"
)

// played is a control port that answers each line as told: by its first word. It notes what was said.
func played(t *testing.T, answers map[string]string) (c tor.Control, said func() []string) {
	t.Helper()
	wire := pipenet.Listen("control")
	t.Cleanup(func() { wire.Close() })
	lines := make(chan string, 100)
	go func() {
		for {
			conn, err := wire.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				for in := bufio.NewScanner(conn); in.Scan(); {
					lines <- in.Text()
					word, _, _ := strings.Cut(in.Text(), " ")
					if answer := answers[word]; answer == "hang up" {
						return
					} else if _, err := fmt.Fprint(conn, answer); err != nil {
						return
					}
				}
			}()
		}
	}()
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) { return wire.Dial(ctx) }
	return tor.Control{Address: "127.0.0.1:9051", Dial: dial}, func() (all []string) {
		for len(lines) > 0 {
			all = append(all, <-lines)
		}
		return all
	}
}

const (
	open  = "250-PROTOCOLINFO 1\r\n250-AUTH METHODS=NULL\r\n250 OK\r\n"
	phase = "250-status/bootstrap-phase=NOTICE BOOTSTRAP PROGRESS=%d TAG=done SUMMARY=\"Done = PROGRESS=3\"\r\n250-network-liveness=%s\r\n250 OK\r\n"
)

func TestStatus(t *testing.T) {
	for _, want := range []tor.Status{{100, true}, {100, false}, {45, true}} {
		live := map[bool]string{true: "up", false: "down"}[want.Live]
		// An event that nobody asked for does not confuse it.
		c, _ := played(t, map[string]string{"PROTOCOLINFO": open, "AUTHENTICATE": "250 OK\r\n", "GETINFO": "650 NOTICE x\r\n" + fmt.Sprintf(phase, want.Bootstrapped, live)})
		if got, err := c.Status(t.Context()); got != want || err != nil {
			t.Error(got, err)
		}
	}
	for name, answers := range map[string]map[string]string{
		"hangs up":       {"PROTOCOLINFO": "hang up"},
		"not a control":  {"PROTOCOLINFO": "HTTP/1.1 400 Bad Request\r\n\r\n"},
		"no end":         {"PROTOCOLINFO": strings.Repeat("250-AUTH METHODS=NULL\r\n", 10000)},
		"a long line":    {"PROTOCOLINFO": strings.Repeat("2", 10000)},
		"refuses":        {"PROTOCOLINFO": open, "AUTHENTICATE": "250 OK\r\n", "GETINFO": "552 no\r\n"},
		"not a number":   {"PROTOCOLINFO": open, "AUTHENTICATE": "250 OK\r\n", "GETINFO": "250 status/bootstrap-phase=NOTICE PROGRESS=x\r\n"},
		"takes no one":   {"PROTOCOLINFO": open, "AUTHENTICATE": "515 no\r\n"},
		"only a cookie":  {"PROTOCOLINFO": "250-AUTH METHODS=COOKIE COOKIEFILE=\"/etc/passwd\"\r\n250 OK\r\n"},
		"only passwords": {"PROTOCOLINFO": "250-AUTH METHODS=HASHEDPASSWORD\r\n250 OK\r\n"},
	} {
		c, _ := played(t, answers)
		if got, err := c.Status(t.Context()); err == nil {
			t.Error(name, got)
		}
	}
}

// What claims to be the daemon learns nothing of a cookie file unless it knows it: neither one that it names, nor the real one.
func TestCookieIsNotGivenAway(t *testing.T) {
	dir := t.TempDir()
	cookie := filepath.Join(dir, `co"okie`)
	short := filepath.Join(dir, "short")
	for path, size := range map[string]int{cookie: 32, short: 31} {
		if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{cookie, short, filepath.Join(dir, "none")} {
		c, said := played(t, map[string]string{
			"PROTOCOLINFO":  `250-AUTH METHODS=COOKIE,SAFECOOKIE COOKIEFILE="` + strings.ReplaceAll(path, `"`, `\"`) + "\"\r\n250 OK\r\n",
			"AUTHCHALLENGE": "250 AUTHCHALLENGE SERVERHASH=" + strings.Repeat("00", 32) + " SERVERNONCE=" + strings.Repeat("00", 32) + "\r\n",
			"AUTHENTICATE":  "250 OK\r\n",
			"GETINFO":       "hang up",
		})
		if _, err := c.Status(t.Context()); !errors.Is(err, tor.ErrSignIn) {
			t.Error(err)
		}
		lines := said()
		for _, line := range lines {
			if strings.HasPrefix(line, "AUTHENTICATE") {
				t.Error("it has signed in to a daemon that does not know the cookie")
			}
		}
		if asked := len(lines) == 2; asked != (path == cookie) {
			t.Errorf("%q", lines)
		}
	}
}

func TestPasswordIsQuoted(t *testing.T) {
	c, said := played(t, map[string]string{"AUTHENTICATE": "515 no\r\n"})
	c.Password = `a "b\`
	if _, err := c.Status(t.Context()); !errors.Is(err, tor.ErrSignIn) {
		t.Error(err)
	}
	if got := said(); len(got) != 1 || got[0] != `AUTHENTICATE "a \"b\\"` {
		t.Errorf("%q", got)
	}
	c.Password = "a\r\nSETCONF SocksPort=0.0.0.0:1"
	if _, err := c.Status(t.Context()); err == nil || len(said()) > 0 {
		t.Error("a second command was sent")
	}
}

func TestSilentControl(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := played(t, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Status(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

func TestControlAddress(t *testing.T) {
	dial := func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no") }
	for address, fine := range map[string]bool{"127.0.0.1:9051": true, "unix:/run/tor/control": true, "unix:control": false, "9051": false, "": false, ":9051": false} {
		if err := (tor.Control{Address: address, Dial: dial}).Validate(); (err == nil) != fine {
			t.Error(address, err)
		}
	}
}
