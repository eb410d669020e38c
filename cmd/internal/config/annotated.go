package config

import (
	"bytes"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// Annotated is a configuration file that says what c says, with a comment for every key. Load of it gives c again; File
// and Warnings have no place in it, and paths are written as they are in c.
func Annotated(c Config) []byte {
	var b bytes.Buffer
	p := func(format string, values ...any) { fmt.Fprintf(&b, format, values...) }

	p("# The configuration of dunnock. `dunnock check` says what is wrong with it, and what to write instead.\n\n")
	p("# The part of your handle after the @. Other servers know you by it: it cannot be changed later.\n")
	p("domain = %s\n\n", quote(c.Domain))
	p("# Where the node answers, if not at the domain itself. This cannot be changed later either.\n")
	if c.Host != "" && c.Host != c.Domain {
		p("host = %s\n\n", quote(c.Host))
	} else {
		p("# host = \"social.example.org\"\n\n")
	}
	p("# The part of your handle before the second @: 1 to 30 of a-z, 0-9 and _.\n")
	p("username = %s\n\n", quote(c.Username))
	p("# The database, keys and media. Relative paths count from this file.\n")
	p("data = %s\n\n", quote(c.Data))

	if c.Listen.Address != "" {
		p("[listen]\n")
		p("# Where a reverse proxy with TLS passes requests on to, in plain HTTP: an address of this machine and a port, or\n")
		p("# \"unix:/run/dunnock.sock\".\n")
		p("address = %s\n", quote(c.Listen.Address))
		p("# The proxy's address, or \"unix\", if it says who is asking: limits then hold for each visitor, else for all of them.\n")
		if len(c.Listen.TrustedProxies) > 0 {
			p("trusted_proxies = %s\n", quoteAll(c.Listen.TrustedProxies))
		} else {
			p("# trusted_proxies = [\"127.0.0.1\"]\n")
		}
		if c.Listen.Probe != "" {
			p("# By this relay the node looks at itself from outside.\nprobe = %s\n", quote(c.Listen.Probe))
		}
		p("\n")
	}
	for _, w := range c.Ingress {
		if w.Kind == IngressOnion {
			p("# A way in by tor, which brings visitors to this address.\n[[ingress]]\nkind = %s\nrelay = %s\naddress = %s\n\n", quote(w.Kind), quote(w.Relay), quote(w.Address))
			continue
		}
		p("# A way in by a relay, with TLS ending here.\n[[ingress]]\nkind = %s\nrelay = %s\nport = %d\nacme = %s\n", quote(w.Kind), quote(w.Relay), w.Port, quote(w.ACME))
		if w.Probe != "" {
			p("# By this relay the node looks at it from outside.\nprobe = %s\n", quote(w.Probe))
		}
		p("\n")
	}
	if o := c.Owner; o != nil {
		p("# Where your own devices come.\n[owner]\naddress = %s\n", quote(o.Address))
		if len(o.Hosts) > 0 {
			p("# What they call it.\nhosts = %s\n", quoteAll(o.Hosts))
		}
		if o.Onion != "" {
			p("onion = %s\n", quote(o.Onion))
		}
		if o.Public {
			p("public = true\n")
		}
		p("\n")
	}
	p("# A way out: other servers learn its address in place of this machine's. The kinds: \"ssh\" (address, user, identity_file,\n")
	p("# host_key, and resolve = \"relay\" where `dunnock relay serve` runs), \"wireguard\" (config_file), \"socks5\" and \"http\"\n")
	p("# (address, user, password_file; http also tls), \"tor\" (socks, control), and \"direct\", which dials from this machine:\n")
	p("# every server it reaches learns this machine's address, and its resolver the names of those servers. via = \"NAME\"\n")
	p("# reaches a relay, but for one of wireguard, through another.\n")
	if len(c.Relays) == 0 {
		p("# [[relay]]\n# name = \"tor\"\n# kind = \"tor\"\n# socks = \"127.0.0.1:9050\"\n# control = \"127.0.0.1:9051\"\n\n")
	}
	for _, r := range c.Relays {
		p("[[relay]]\n")
		for v, i := reflect.ValueOf(r), 0; i < v.NumField(); i++ {
			name := v.Type().Field(i).Tag.Get("toml")
			switch value := v.Field(i).Interface().(type) {
			case string:
				if value != "" {
					p("%s = %s\n", name, quote(value))
				}
			case bool:
				if value {
					p("%s = true\n", name)
				}
			}
		}
		p("\n")
	}

	p("# The ways out that are used. Without [egress] nothing leaves: posts and answers wait in the queue.\n")
	if c.Egress == nil {
		p("# [egress]\n# relays = [\"tor\"]\n")
	} else {
		p("[egress]\nrelays = %s\n", quoteAll(c.Egress.Relays))
		p("# Who is asked for names through relays that look up none by themselves. They learn the names of the servers that this\n")
		p("# node reaches, from the relay's address.\n")
		if r := c.Egress.Resolver; r != "" && r != DefaultResolver {
			p("resolver = %s\n", quote(r))
		} else {
			p("# resolver = %s\n", quote(DefaultResolver))
		}
		p("# Who tells `dunnock relay test` at what address servers see this node.\n")
		if e := c.Egress.Echo; e != "" && e != DefaultEcho {
			p("echo = %s\n", quote(e))
		} else {
			p("# echo = %s\n", quote(DefaultEcho))
		}
		if len(c.Egress.Route) > 0 {
			p("\n# Some domains by other relays: \"*.\" and a domain is all below it; the longest match counts.\n[egress.route]\n")
			for _, match := range slices.Sorted(maps.Keys(c.Egress.Route)) {
				p("%s = %s\n", quote(match), quoteAll(c.Egress.Route[match]))
			}
		}
	}

	annotatePolicy(&b, c.Policy)
	p("\n# How long things are kept: a number and d (days) or w (weeks). Your own posts stay.\n[retention]\n")
	p("# Posts of others, unless you have answered, quoted, liked, boosted or voted in them, or are named in them.\n")
	age(&b, "posts", c.Retention.Posts, "30d")
	p("# Notifications, and the posts that they are about.\n")
	age(&b, "notifications", c.Retention.Notifications, "90d")
	p("# The record of what was disclosed to whom: the best record of you that there is.\n")
	age(&b, "ledger", c.Retention.Ledger, "30d")

	if c.Unsafe != nil {
		p("\n# For trials and tests. A public domain is refused while this is here.\n[unsafe]\n")
		p("# Federate over plain http.\nhttp = %t\n", c.Unsafe.HTTP)
		p("# Private networks that may be dialled.\naddresses = %s\n", quoteAll(c.Unsafe.Addresses))
	}
	return b.Bytes()
}

// annotatePolicy writes [policy].
func annotatePolicy(b *bytes.Buffer, c Policy) {
	p := func(format string, values ...any) { fmt.Fprintf(b, format, values...) }
	p("\n# What each domain is shown of you and told of your acts. The presets: \"open\", as other servers do; \"careful\", without\n")
	p("# what few readers miss; \"strict\", what a reader needs; \"silent\", nothing. `dunnock policy show DOMAIN` explains.\n[policy]\n")
	presetKey(b, "default", c.Default, DefaultPolicy)
	p("# For visitors without a key. \"stub\": that you exist, and the key that your signatures are checked with.\n")
	presetKey(b, "unsigned", c.Unsigned, DefaultUnsigned)
	p("# Some domains by rules of their own: \"*.\" and a domain is all below it; the longest match counts.\n")
	if len(c.Domains) == 0 {
		p("# [[policy.domain]]\n# match = [\"threads.net\", \"*.threads.net\"]\n# preset = \"strict\"\n")
		p("# acts = [\"Create\", \"Update\", \"Delete\", \"Accept\", \"Reject\", \"Undo\"]\n")
	}
	for _, d := range c.Domains {
		p("[[policy.domain]]\n")
		if d.Match != nil {
			p("match = %s\n", quoteAll(d.Match))
		}
		if d.Include != "" {
			p("# A file: one host a line, or domain blocks as Mastodon exports them.\ninclude = %s\n", quote(d.Include))
		}
		p("preset = %s\n", quote(d.Preset))
		if d.Acts != nil {
			p("acts = %s\n", quoteAll(d.Acts))
		}
		if d.Withhold != "" {
			p("withhold = %s\n", quote(d.Withhold))
		}
		for _, kind := range slices.Sorted(maps.Keys(d.Fields)) {
			p("fields.%s = %s\n", quote(kind), quoteAll(d.Fields[kind]))
		}
	}
}

// presetKey writes a key of [policy], or the default as a comment.
func presetKey(b *bytes.Buffer, key, value, preset string) {
	if value == "" || value == preset {
		fmt.Fprintf(b, "# %s = %q\n", key, preset)
	} else {
		fmt.Fprintf(b, "%s = %s\n", key, quote(value))
	}
}

// age writes a key of [retention], or the default as a comment.
func age(b *bytes.Buffer, key, value, preset string) {
	if value == "" {
		fmt.Fprintf(b, "# %s = %q\n", key, preset)
	} else {
		fmt.Fprintf(b, "%s = %s\n", key, quote(value))
	}
}

// quote writes a TOML string.
func quote(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == '"' || r == '\\' || r > '~' }) {
		return `"` + s + `"`
	}
	line, err := toml.Marshal(map[string]string{"s": s})
	if err != nil { // only what is not UTF-8, which no TOML file can hold
		return quote(strings.ToValidUTF8(s, "\uFFFD"))
	}
	return strings.TrimSpace(strings.TrimPrefix(string(line), "s ="))
}

func quoteAll(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = quote(s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
