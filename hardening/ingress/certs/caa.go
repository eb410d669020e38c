package certs

import (
	"strings"

	"github.com/dunnock-server/dunnock/hardening/dns"
)

// Binding says whether CAA records of the domain have nobody but this node's account be issued a certificate. If not, why not,
// in words of our own.
func (m *Manager) Binding(records []dns.CAA) (bound bool, why string) {
	m.mu.Lock()
	account := m.account
	m.mu.Unlock()
	if account == "" {
		return false, "there is no account with the certificate authority yet"
	}
	issuer := issuerOf(m.c.Directory)
	found := false
	for _, r := range records {
		switch {
		case r.Tag == "issuewild" && permits(r.Value):
			return false, "another record permits certificates for all names below it"
		case r.Tag != "issue":
		case binds(r.Value, issuer, account):
			found = true
		case permits(r.Value):
			return false, "another record permits certificates for others"
		}
	}
	if !found {
		return false, "no record of the domain says that only this node's account may be issued one"
	}
	return true, ""
}

// permits says whether the value of a record names any authority.
func permits(value string) bool {
	authority, _, _ := strings.Cut(value, ";")
	return strings.TrimSpace(authority) != ""
}

// binds says whether the value of an "issue" names the authority, the account and TLS-ALPN-01 alone (RFC 8659 section 4.2, RFC
// 8657 sections 3 and 4).
func binds(value, issuer, account string) bool {
	parts := strings.Split(value, ";")
	if !strings.EqualFold(strings.TrimSuffix(strings.TrimSpace(parts[0]), "."), issuer) {
		return false
	}
	parameters := map[string]string{}
	for _, part := range parts[1:] {
		key, text, _ := strings.Cut(part, "=")
		key = strings.ToLower(strings.TrimSpace(key))
		if _, twice := parameters[key]; twice {
			return false // which of them counts is for each authority to say
		}
		parameters[key] = strings.TrimSpace(text)
	}
	return parameters["accounturi"] == account && parameters["validationmethods"] == "tls-alpn-01"
}
