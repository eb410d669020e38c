package far

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dunnock-server/dunnock/cmd/internal/config"
	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/egress/proxy"
	"github.com/dunnock-server/dunnock/hardening/egress/sshlink"
	"github.com/dunnock-server/dunnock/hardening/freeport"
)

const size = 100 << 20 // bytes of a transfer

// curl fetches a URL by way of a proxy, as its options have it.
func curl(t *testing.T, url string, options ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "curl", append(options, "--silent", "--show-error", "--fail", "--noproxy", "", "--output", "/dev/null", url)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("curl: %v: %s", err, out)
	}
}

// fetch does the same by way of a relay.
func fetch(t *testing.T, url string, by egress.Relay) {
	t.Helper()
	c := &http.Client{Transport: &http.Transport{DialContext: by.DialContext, DisableKeepAlives: true}}
	res, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if n, err := io.Copy(io.Discard, res.Body); err != nil || n != size {
		t.Fatal(n, err)
	}
}

// socksBySSH has OpenSSH's client offer SOCKS, and returns its address.
func socksBySSH(t *testing.T, dir string, to config.Relay) string {
	t.Helper()
	host, port, _ := net.SplitHostPort(to.Address)
	known := filepath.Join(dir, "known_hosts")
	if err := os.WriteFile(known, fmt.Appendf(nil, "[%s]:%s %s\n", host, port, to.HostKey), 0o600); err != nil {
		t.Fatal(err)
	}
	address := "127.0.0.1:" + freeport.Text(t)
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "ssh", "-F", "none", "-N", "-D", address, "-i", to.IdentityFile, "-o", "UserKnownHostsFile="+known, "-o", "BatchMode=yes",
		"-p", port, to.User+"@"+host)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(); _ = cmd.Wait() })
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for limit := time.After(20 * time.Second); ; {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			return address
		}
		select {
		case <-limit:
			t.Fatal("ssh takes no connections")
		case <-tick.C:
		}
	}
}

// A transfer by a relay is as fast as curl's by the same software, or nearly so: at least nine tenths, of the best of several that
// take turns. By ssh, curl's is what OpenSSH's client carries. Whatever else the machine does makes some slower and none
// faster, so on a busy one more are taken.
func TestThroughput(t *testing.T) {
	const rounds, most = 3, 12
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(size))
		chunk := make([]byte, 64<<10)
		for left := size; left > 0; left -= len(chunk) {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}))
	defer server.Close()
	rules := egress.Rules{HTTP: true, Exact: []netip.AddrPort{netip.MustParseAddrPort(strings.TrimPrefix(server.URL, "http://"))}}
	for _, e := range Ends {
		t.Run(e.Name, func(t *testing.T) {
			for program, install := range map[string]string{e.Program: e.Package, "curl": "curl", "ssh": "openssh-client"} {
				if _, err := exec.LookPath(program); err == nil {
					continue
				}
				missing := program + " is missing: apt-get install " + install
				if os.Getenv("DUNNOCK_REQUIRE_PEERS") == "1" {
					t.Fatal(missing)
				}
				t.Skip(missing)
			}
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			dir := t.TempDir()
			c, err := e.Run(ctx, dir)
			if err != nil {
				t.Fatal(err)
			}
			var relay egress.Relay
			var options []string
			settings := proxy.Config{Name: c.Name, Address: c.Address, Rules: rules, Dial: egress.Home()}
			switch e.Kind {
			case config.KindSSH:
				relay, err = bySSH(c, rules)
				options = []string{"--socks5", socksBySSH(t, dir, c)}
			case config.KindSocks:
				relay, err = proxy.Socks(settings)
				options = []string{"--socks5", c.Address}
			case config.KindHTTP:
				relay, err = proxy.HTTP(settings)
				options = []string{"--proxytunnel", "--proxy", "http://" + c.Address}
			}
			if err != nil {
				t.Fatal(err)
			}
			defer relay.Close()
			var ours, theirs []time.Duration
			ratio := 0.0
			for len(ours) < rounds || ratio < 0.9 && len(ours) < most {
				begun := time.Now()
				curl(t, server.URL, options...)
				theirs = append(theirs, time.Since(begun))
				begun = time.Now()
				fetch(t, server.URL, relay)
				ours = append(ours, time.Since(begun))
				ratio = float64(slices.Min(theirs)) / float64(slices.Min(ours))
			}
			t.Logf("relay %v, curl %v: %.2f of it", ours, theirs, ratio)
			if ratio < 0.9 {
				t.Errorf("%.2f of curl's throughput", ratio)
			}
		})
	}
}

func bySSH(c config.Relay, rules egress.Rules) (egress.Relay, error) {
	file, err := os.ReadFile(c.IdentityFile)
	if err != nil {
		return nil, err
	}
	identity, err := sshlink.ParseIdentity(file)
	if err != nil {
		return nil, err
	}
	host, err := sshlink.ParseHostKey(c.HostKey)
	if err != nil {
		return nil, err
	}
	return sshlink.New(sshlink.Config{Name: c.Name, Address: c.Address, User: c.User, Identity: identity, HostKey: host, Rules: rules, Dial: egress.Home()})
}
