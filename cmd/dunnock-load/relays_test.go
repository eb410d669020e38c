package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/dunnock-server/dunnock/cmd/dunnock-load/internal/far"
)

// TestRelays: everything arrives by each kind of relay and each program, over one connection to each server.
func TestRelays(t *testing.T) {
	for _, e := range far.Ends {
		if _, err := exec.LookPath(e.Program); err == nil {
			continue
		}
		missing := fmt.Sprintf("%s is missing: apt-get install %s", e.Program, e.Package)
		if os.Getenv("DUNNOCK_REQUIRE_PEERS") == "1" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	f, code := load(t, nil, "relays", "--servers", fmt.Sprint(scaled(50)), "--posts", fmt.Sprint(scaled(20)), "--turns", "2", "--answer", "20ms")
	for _, end := range []string{"direct", "sshd", "dante", "microsocks", "squid", "tinyproxy"} {
		if met := f["relays: "+end+reuse]; met > limits["relays: "+end+reuse].value {
			t.Errorf("%s: %v connections to a server", end, met)
		}
	}
	for name := range limits {
		if _, measured := f[name]; !measured && strings.HasPrefix(name, "relays: ") {
			t.Errorf("%s has a limit and is not measured", name)
		}
	}
	if code != 0 || f["relays: sshd, "+unhurried+", over direct"] <= 0 {
		t.Errorf("exit %d", code)
	}
}
