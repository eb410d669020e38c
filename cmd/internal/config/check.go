package config

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/dunnock-server/dunnock/hardening/hostname"
)

var (
	usernames  = regexp.MustCompile(`^[a-z0-9_]{1,30}$`)
	relayNames = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)
)

// checker holds a decoded file against everything TOML cannot say.
type checker struct {
	*Config
	*document
	refused Faults // by the decoder
	faults  Faults
}

func (k *checker) all() {
	k.identity()
	k.listen()
	k.relays()
	k.egress()
	k.ingress()
	k.owner()
	k.policy()
	k.retention()
	k.unsafe()
}

// fault notes a problem with the key at a numbered path. What the decoder already refused is left at that: the value is
// not what the owner wrote.
func (k *checker) fault(path, problem, remedy string) {
	f := Fault{File: k.File, Line: k.line(path), Key: plain(path), Problem: problem, Remedy: remedy}
	if !slices.ContainsFunc(k.refused, func(r Fault) bool { return k.span(r.Line) == k.span(f.Line) && k.span(f.Line) >= 0 }) {
		k.faults = append(k.faults, f)
	}
}

func (k *checker) warn(path, problem, remedy string) {
	k.Warnings = append(k.Warnings, Fault{k.File, k.line(path), plain(path), problem, remedy})
}

// plain takes the numbers out of a path.
func plain(path string) string {
	names := slices.DeleteFunc(strings.Split(path, "."), func(name string) bool {
		_, err := strconv.Atoi(name)
		return err == nil
	})
	return strings.Join(names, ".")
}

func (k *checker) identity() {
	k.host("domain", &k.Domain, `domain = "example.org"`)
	if k.has("host") {
		k.host("host", &k.Host, `host = "social.example.org", or nothing where it is the domain`)
	} else {
		k.Host = k.Domain
	}
	if !usernames.MatchString(k.Username) {
		k.fault("username", missingOr(k.Username, "not a username"), `write 1 to 30 of a-z, 0-9 and _: username = "alice"`)
	}
	switch {
	case k.Data == "":
		k.fault("data", "missing", `write the directory of the database: data = "./data"`)
	case strings.HasPrefix(k.Data, "~"):
		k.fault("data", "~ is not expanded here", "write the path out, or relative to this file")
	case strings.ContainsRune(k.Data, 0):
		k.fault("data", "a path holds no NUL", `write data = "./data"`)
	}
}

// host brings a host to its canonical form. Outside of trials it is a name and has no port.
func (k *checker) host(key string, host *string, example string) {
	canonical, err := hostname.Canonical(*host, k.Unsafe != nil)
	if err == nil {
		*host = canonical
		if _, err := netip.ParseAddr(strings.Trim(canonical, "[]")); err == nil && k.Unsafe == nil {
			k.fault(key, "an address, not a name", "write a domain name; an address works in trials only, with [unsafe]")
		}
		return
	}
	if _, portErr := hostname.Canonical(*host, true); *host != "" && portErr == nil {
		k.fault(key, "a port is for trials", "leave the port out; it is only possible with [unsafe]")
		return
	}
	k.fault(key, missingOr(*host, "not a domain name"), "write "+example)
}

func missingOr(value, problem string) string {
	if value == "" {
		return "missing"
	}
	return problem
}

// unsafe keeps the trial switches away from any node that others could take for a real one.
func (k *checker) unsafe() {
	if k.Unsafe == nil {
		return
	}
	for _, host := range []string{k.Domain, k.Host} {
		if host != "" && !trial(host) {
			k.fault("unsafe", fmt.Sprintf("not with a public domain (%s)", host),
				"remove [unsafe], or use a domain of trials: localhost, a private address, or a name under .test or .localhost")
			break
		}
	}
	for i, text := range k.Unsafe.Addresses {
		prefix, err := netip.ParsePrefix(text)
		switch {
		case err != nil:
			k.fault("unsafe.addresses", fmt.Sprintf("%q is not a network", text), `write an address and a length: "127.0.0.0/8"`)
		case !private(prefix):
			k.fault("unsafe.addresses", fmt.Sprintf("%q is not a private network", text),
				"name only loopback, private or link-local networks; public addresses may be dialled without this")
		default:
			k.Unsafe.Addresses[i] = prefix.Masked().String()
		}
	}
	k.warn("unsafe", "for trials and tests only", "remove it before other people rely on this node")
}
