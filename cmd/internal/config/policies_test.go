package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/dunnock-server/dunnock/hardening"
)

// write makes a configuration with files beside it, and loads it.
func write(t *testing.T, text string, files map[string]string) (string, *Config, error) {
	t.Helper()
	dir := t.TempDir()
	files["dunnock.toml"] = text
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := Load(filepath.Join(dir, "dunnock.toml"))
	return dir, c, err
}

const blocks = "#domain,#severity,#reject_media\nbad.example,suspend,true\nB\u00fccher.example,silence,false\nthreads.net,suspend,true\n"

func TestPolicyReachesTheNode(t *testing.T) {
	dir, c, err := write(t, valid+"[policy]\ndefault = \"open\"\n"+threads+"withhold = \"everywhere\"\n[[policy.domain]]\ninclude = \"blocks.csv\"\npreset = \"silent\"\n"+
		"[[policy.domain]]\ninclude = \"hosts\"\npreset = \"strict\"\n",
		map[string]string{"blocks.csv": blocks, "hosts": "# mine\n\na.example\n*.b.example\n", "data/policies.toml": "[[domain]]\nmatch = \"a.example\"\npreset = \"open\"\n"})
	if err != nil {
		t.Fatal(err)
	}
	policy, err := c.policy()
	if err != nil {
		t.Fatal(err)
	}
	as := func(preset string) hardening.Rules {
		rules, err := hardening.Preset(preset)
		if err != nil {
			t.Fatal(err)
		}
		return rules
	}
	own := as("strict")
	own.Acts, own.Everywhere = []string{"Create", "Delete"}, true
	own.Fields["Person"] = []string{"@context", "id", "type", "preferredUsername", "inbox", "outbox", "followers", "publicKey", "endpoints", "url"}
	for domain, want := range map[string]hardening.Rules{
		"elsewhere.example": as("open"), "": as("stub"), "threads.net": own, "x.threads.net": own, "bad.example": as("silent"), "x.bad.example": as("silent"),
		"xn--bcher-kva.example": as("silent"), "a.example": as("open"), "x.b.example": as("strict"), "b.example": as("open"),
	} {
		if got := policy.For(domain); !reflect.DeepEqual(*got, want) {
			t.Errorf("%q: %+v\nwant %+v", domain, *got, want)
		}
	}
	if policy.For("threads.net") != policy.For("x.threads.net") || policy.For("bad.example") != policy.For("x.bad.example") {
		t.Error("domains under one rule have two")
	}

	if err := c.SetPolicy("c.example", "silent"); err != nil {
		t.Fatal(err)
	}
	if err := c.SetPolicy("a.example", ""); err != nil {
		t.Fatal(err)
	}
	if err := c.SetPolicy("threads.net", "open"); err != nil {
		t.Fatal(err)
	}
	again, err := Load(filepath.Join(dir, "dunnock.toml"))
	if err != nil {
		t.Fatal(err)
	}
	policy, err = again.policy()
	if err != nil {
		t.Fatal(err)
	}
	for domain, preset := range map[string]string{"c.example": "silent", "a.example": "strict", "threads.net": "open"} {
		if got := policy.For(domain); !reflect.DeepEqual(*got, as(preset)) {
			t.Errorf("%s is not %s", domain, preset)
		}
	}
	if !reflect.DeepEqual(*policy.For("x.threads.net"), own) {
		t.Error("what was set for threads.net reaches below it")
	}
	set := filepath.Join(dir, "data", PoliciesName)
	var got []string
	for _, r := range again.Rules() {
		got = append(got, r.Match+" "+r.Preset+" "+filepath.Base(r.File))
	}
	if info, err := os.Stat(set); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if !reflect.DeepEqual(got, rulesWant) {
		t.Errorf("got  %q\nwant %q", got, rulesWant)
	}
}

// rulesWant has *.threads.net by the configuration itself, which counts for more than a file of hosts.
var rulesWant = []string{"*.b.example strict hosts", "*.bad.example silent blocks.csv", "*.threads.net strict dunnock.toml", "*.xn--bcher-kva.example silent blocks.csv",
	"a.example strict hosts", "bad.example silent blocks.csv", "c.example silent policies.toml", "threads.net open policies.toml", "xn--bcher-kva.example silent blocks.csv"}

func TestPolicyFiles(t *testing.T) {
	include := valid + "[[policy.domain]]\ninclude = \"hosts\"\npreset = \"silent\"\n"
	for name, c := range map[string]struct {
		file  string
		files map[string]string
		want  string
	}{
		"no such file":   {include, map[string]string{}, "there is no such file"},
		"no host":        {include, map[string]string{"hosts": "a.example\nb c\n"}, `hosts:2: "b c" is no domain`},
		"no TOML":        {valid, map[string]string{"data/policies.toml": "x"}, "policies.toml:1: not as"},
		"unknown key":    {valid, map[string]string{"data/policies.toml": "[[domain]]\nmatch = \"a.example\"\nacts = []\n"}, "policies.toml:3: not as"},
		"unknown preset": {valid, map[string]string{"data/policies.toml": "[[domain]]\nmatch = \"a.example\"\npreset = \"stub\"\n"}, `"a.example" cannot be "stub"`},
		"twice": {valid, map[string]string{"data/policies.toml": "[[domain]]\nmatch = \"a.example\"\npreset = \"open\"\n[[domain]]\nmatch = \"a.example\"\npreset = \"open\"\n"},
			`"a.example" cannot be`},
	} {
		_, _, err := write(t, c.file, c.files)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestSetPolicyLeavesAFaultyFile: what cannot be read is not overwritten.
func TestSetPolicyLeavesAFaultyFile(t *testing.T) {
	dir, c, err := write(t, valid, map[string]string{"data/x": ""})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "data", PoliciesName)
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.SetPolicy("a.example", "open"); err == nil {
		t.Error("it was overwritten")
	}
	if data, _ := os.ReadFile(path); string(data) != "x" {
		t.Errorf("it holds %q", data)
	}
}
