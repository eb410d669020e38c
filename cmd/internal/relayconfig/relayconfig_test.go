package relayconfig

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dunnock-server/dunnock/cmd/internal/config"
	"github.com/dunnock-server/dunnock/hardening/relay"
)

// whole is the example with a key that is one.
func whole(t *testing.T) string {
	t.Helper()
	k, err := WriteKey(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Replace(Example, "ssh-ed25519 AAAA…", Line(k.PublicKey()), 1)
}

func TestParse(t *testing.T) {
	c, faults := Parse([]byte(whole(t)), "/etc/relay.toml")
	if faults != nil {
		t.Fatal(faults)
	}
	if c.Listen.String() != "0.0.0.0:22" || c.HostKey != "/etc/relay_host_ed25519" || c.Quantise != 50*time.Millisecond ||
		len(c.Keys) != 1 || c.Keys[0].Name != "home" || !slices.Equal(c.Keys[0].Ports, []uint16{443}) {
		t.Errorf("%+v", c)
	}
	r := c.Relay()
	if !slices.Equal(r.Rules.Ports, []uint16{80}) || r.Rules.HTTP || r.Rules.Addresses != nil || r.Rules.Exact != nil || r.Dial != nil || r.Listen != nil {
		t.Errorf("%+v", r)
	}
	if c, _ := Parse([]byte(strings.Replace(whole(t), "quantise", "# ", 1)), "relay.toml"); c == nil || c.Quantise != DefaultQuantise {
		t.Error("without quantise nothing hides how far home is")
	}
	k, err := WriteKey(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	if c, faults := Parse([]byte(whole(t)+strings.Replace(Entry(k.PublicKey(), 8443), `"home"`, `"other"`, 1)), "relay.toml"); faults != nil || c.Keys[1].Ports[0] != 8443 {
		t.Error(faults)
	}
}

// Every fault is told with its line, its key and what to write, and what is told is enough: the example has it.
func TestFaults(t *testing.T) {
	fine := whole(t)
	public := fine[strings.Index(fine, "ssh-"):strings.Index(fine, `"      # as`)]
	other := func(name, public string, ports string) string {
		return fmt.Sprintf("[[key]]\nname = %q\npublic = %q\nports = %s\n", name, public, ports)
	}
	for _, test := range []struct {
		old, new string
		line     int
		key      string
		says     string
	}{
		{`listen = "0.0.0.0:22"`, `listen = "example.org:22"`, 2, "listen", "not an address and a port"},
		{`listen = "0.0.0.0:22"`, `listen = "0.0.0.0:0"`, 2, "listen", "not an address and a port"},
		{`listen = "0.0.0.0:22"`, ``, 1, "listen", "missing"},
		{`listen = "0.0.0.0:22"`, `listen = 22`, 2, "listen", "wrong kind"},
		{`host_key = "relay_host_ed25519"`, ``, 1, "host_key", "missing"},
		{`"50ms"`, `"50"`, 4, "quantise", "not a time"},
		{`"50ms"`, `"-1ms"`, 4, "quantise", "not a time"},
		{`"50ms"`, `"1m"`, 4, "quantise", "not a time"},
		{`"50ms"`, `""`, 4, "quantise", "not a time"},
		{`quantise`, `quantize`, 4, "quantize", "no such key"},
		{`quantise`, `Quantise`, 4, "Quantise", "lower case"},
		{`quantise = "50ms"`, `quantise = 50ms`, 4, "", "not TOML"},
		{`name = "home"`, ``, 6, "key.name", "missing"},
		{`name = "home"`, `name = "my home"`, 7, "key.name", "not a name"},
		{public, `ssh-ed25519 AAAA`, 8, "key.public", "not a public key"},
		{public, `restrict ` + public, 8, "key.public", "not a public key"},
		{`[443]`, `[0]`, 9, "key.ports", "no visitor"},
		{`[443]`, `[22]`, 9, "key.ports", "no visitor"},
		{`[443]`, `[443, 443]`, 9, "key.ports", "listed twice"},
		{`[443]`, `[70000]`, 9, "key.ports", "wrong kind"},
		{`[443]`, `443`, 9, "key.ports", "wrong kind"},
		{`[[key]]`, `[key]`, 6, "key", "wrong kind"},
		{`ports = [443]`, "shell = true", 9, "key.shell", "no such key"},
		{"ports = [443]", "ports = [443]\n" + other("home", public, "[443]") + "#", 11, "key.name", "a second key"},
		{"ports = [443]", "ports = [443]\n" + other("too", public, "[443]") + "#", 12, "key.public", `the key of "home" too`},
		{"ports = [443]", "ports = [443]\n" + other("too", public, "[443]") + "#", 13, "key.ports", "listed twice"},
		{fine[strings.Index(fine, "[[key]]"):], "", 1, "key", "nobody may use"},
	} {
		c, faults := Parse([]byte(strings.Replace(fine, test.old, test.new, 1)), "relay.toml")
		if c != nil || !slices.ContainsFunc(faults, func(f config.Fault) bool {
			return f.File == "relay.toml" && f.Line == test.line && f.Key == test.key && strings.Contains(f.Problem, test.says) && f.Remedy != ""
		}) {
			t.Errorf("%s:\n%v", test.new, faults)
		}
	}
	if _, faults := Parse(make([]byte, config.MaxSize+1), "relay.toml"); len(faults) != 1 {
		t.Error(faults)
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, FileName)
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Error(err)
	}
	if err := os.WriteFile(path, []byte(whole(t)), 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	made, err := c.HostKeySigner()
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(dir, "relay_host_ed25519")); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info, err)
	}
	if read, err := c.HostKeySigner(); err != nil || Line(read.PublicKey()) != Line(made.PublicKey()) {
		t.Error("another host key the second time", err)
	}
	if _, err := WriteKey(c.HostKey); !errors.Is(err, fs.ErrExist) {
		t.Errorf("it was overwritten: %v", err)
	}
	for _, f := range []struct {
		path string
		load func() error
	}{{c.HostKey, func() error { _, err := c.HostKeySigner(); return err }}, {path, func() error { _, err := Load(path); return err }}} {
		if err := os.Chmod(f.path, 0o666); err != nil {
			t.Fatal(err)
		}
		if err := f.load(); err == nil || !strings.Contains(err.Error(), "chmod 600 "+f.path) {
			t.Error(err)
		}
	}
	if err := os.Chmod(c.HostKey, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(c.HostKey, []byte("half a key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := c.HostKeySigner(); err == nil {
		t.Error("half a key is one")
	}
	if _, err := relay.New(c.Relay()); err == nil {
		t.Error("a relay without a host key")
	}
}
