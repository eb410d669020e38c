package main

import (
	"context"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/dunnock-server/dunnock/cmd/internal/config"
	"github.com/dunnock-server/dunnock/cmd/internal/relayconfig"
	"github.com/dunnock-server/dunnock/federation/node"
	"github.com/dunnock-server/dunnock/hardening/freeport"
)

// block is a fenced one of a guide: what is behind the fence, and the text.
var block = regexp.MustCompile("(?ms)^```([a-z ]+)\n(.*?)^```$")

// TestGuides: each guide has at least one complete configuration, all of them are without a fault, a node runs with each, and each
// says what it does not give.
func TestGuides(t *testing.T) {
	names, err := fs.Glob(guides, "guide/*.md")
	if err != nil || len(names) != 4 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		text, err := guides.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), "\n## What it does not give\n") {
			t.Errorf("%s does not say what it does not give", name)
		}
		for line := range strings.Lines(string(text)) {
			if len(line) > 100 {
				t.Errorf("%s: a line of %d bytes: %s", name, len(line), line)
			}
		}
		blocks := block.FindAllStringSubmatch(string(text), -1)
		complete := 0
		for _, b := range blocks {
			switch b[1] {
			case "toml":
				complete++
				t.Run(path.Base(name), func(t *testing.T) { starts(t, b[2], blocks) })
			case "nft", "torrc", "sshd", "systemd":
				t.Run(path.Base(name)+" "+b[1], func(t *testing.T) { isTaken(t, checks[b[1]], b[2]) })
			case "toml relay":
				if _, faults := relayconfig.Parse([]byte(b[2]), "relay.toml"); faults != nil {
					t.Errorf("%s: %v", name, faults)
				}
			}
		}
		if complete == 0 {
			t.Errorf("%s has no configuration", name)
		}
	}
}

// check is how a program reads a file without doing what it says.
type check struct {
	program, install, file string
	// args are those behind which the file is named, which is in dir.
	args func(t *testing.T, dir string) []string
	// root says that the program may be asked by root alone.
	root bool
}

// checks are those of the files in the guides that are for programs of others.
var checks = map[string]check{
	"nft": {"nft", "nftables", "nftables.conf", func(*testing.T, string) []string { return []string{"--check", "--file"} }, true},
	"torrc": {"tor", "tor", "torrc", func(_ *testing.T, dir string) []string {
		return []string{"--verify-config", "--defaults-torrc", os.DevNull, "--DataDirectory", dir, "-f"}
	}, false},
	"sshd": {"/usr/sbin/sshd", "openssh-server", "sshd_config", func(t *testing.T, dir string) []string {
		if _, err := relayconfig.WriteKey(filepath.Join(dir, "host")); err != nil {
			t.Fatal(err)
		}
		if os.Geteuid() == 0 {
			if err := os.MkdirAll("/run/sshd", 0o755); err != nil { // what it calls its privilege separation directory
				t.Fatal(err)
			}
		}
		return []string{"-t", "-h", filepath.Join(dir, "host"), "-f"}
	}, false},
	"systemd": {"systemd-analyze", "systemd", "dunnock.service", func(*testing.T, string) []string { return []string{"verify", "--man=no"} }, false},
}

// isTaken has the program that a file is for read it, and say that all is well and nothing else.
func isTaken(t *testing.T, c check, file string) {
	program, err := exec.LookPath(c.program)
	switch {
	case err != nil && os.Getenv("DUNNOCK_REQUIRE_PEERS") == "1":
		t.Fatalf("%s is missing: apt-get install %s", c.program, c.install)
	case err != nil || c.root && os.Geteuid() != 0:
		t.Skipf("%s is missing, or may not be asked: apt-get install %s, and be root", c.program, c.install)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	named := filepath.Join(dir, c.file)
	if err := os.WriteFile(named, []byte(strings.ReplaceAll(file, "/usr/local/bin/dunnock", self)), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(program, append(c.args(t, dir), named)...).CombinedOutput()
	if err != nil || complaint.Match(out) {
		t.Errorf("%v: %s", err, out)
	}
}

// complaint is what a program says of lines that it does not understand and passes over: systemd-analyze ends well in spite of them.
var complaint = regexp.MustCompile(`(?i)unknown|ignoring`)

// starts runs a node with a configuration of a guide. Its relays are moved to ports of this machine where nobody answers.
func starts(t *testing.T, file string, blocks [][]string) {
	dir := t.TempDir()
	nobody := "127.0.0.1:" + freeport.Text(t)
	elsewhere := strings.NewReplacer("192.0.2.10:2222", nobody, "192.0.2.10:22", nobody, "192.0.2.20:51820", nobody, "127.0.0.1:9050", nobody, "127.0.0.1:9051", nobody)
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(elsewhere.Replace(text)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("dunnock.toml", file)
	for _, b := range blocks {
		if b[1] == "ini" {
			write("wg.conf", b[2])
		}
	}
	if code := (&Main{Stdout: io.Discard, Stderr: os.Stderr}).Run(t.Context(), []string{"relay", "keygen", "--out", filepath.Join(dir, "relay_ed25519")}); code != 0 {
		t.Fatal("no key")
	}
	c, err := config.Load(filepath.Join(dir, "dunnock.toml"))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Warnings) > 0 {
		t.Errorf("a guide that is warned of: %v", c.Warnings)
	}
	settings, err := c.Node(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if settings.Listen.Address != "" {
		settings.Listen.Address = "127.0.0.1:" + freeport.Text(t)
	}
	for i := range settings.Ingress {
		if settings.Ingress[i].Limits.Address != "" {
			settings.Ingress[i].Limits.Address = "127.0.0.1:" + freeport.Text(t)
		}
	}
	if err := node.Init(t.Context(), settings); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ready := ""
	settings.Ready = func(url string) { ready = url; stop() }
	n, err := node.Open(ctx, settings)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	if err := n.Run(ctx); err != nil || ready != "https://example.org" {
		t.Errorf("%q, %v", ready, err)
	}
}
