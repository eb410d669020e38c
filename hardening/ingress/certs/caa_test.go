package certs

import (
	"testing"

	"github.com/dunnock-server/dunnock/hardening/dns"
)

func TestBinding(t *testing.T) {
	const account = "https://acme-v02.api.letsencrypt.org/acme/acct/7"
	const good = "letsencrypt.org; accounturi=" + account + "; validationmethods=tls-alpn-01"
	issue := func(values ...string) (records []dns.CAA) {
		for _, v := range values {
			records = append(records, dns.CAA{Tag: "issue", Value: v})
		}
		return records
	}
	m := &Manager{c: Config{Directory: DefaultDirectory}, account: account}
	for name, tt := range map[string]struct {
		records []dns.CAA
		bound   bool
	}{
		"ours":                       {issue(good), true},
		"spaced otherwise":           {issue(" LetsEncrypt.org.;validationmethods=tls-alpn-01 ;  accounturi=" + account), true},
		"ours, and nobody's":         {issue(good, ";"), true},
		"ours, and a contact":        {append(issue(good), dns.CAA{Tag: "iodef", Value: "mailto:a@example.org"}), true},
		"ours, and no wildcards":     {append(issue(good), dns.CAA{Tag: "issuewild", Value: ";"}), true},
		"none":                       {nil, false},
		"nobody's":                   {issue(";"), false},
		"any account":                {issue("letsencrypt.org"), false},
		"another account":            {issue("letsencrypt.org; accounturi=https://acme-v02.api.letsencrypt.org/acme/acct/8; validationmethods=tls-alpn-01"), false},
		"any method":                 {issue("letsencrypt.org; accounturi=" + account), false},
		"another method as well":     {issue("letsencrypt.org; accounturi=" + account + "; validationmethods=tls-alpn-01,http-01"), false},
		"another authority as well":  {issue(good, "ca.example"), false},
		"any account as well":        {issue(good, "letsencrypt.org"), false},
		"wildcards by another":       {append(issue(good), dns.CAA{Tag: "issuewild", Value: "ca.example"}), false},
		"an account named twice":     {issue(good + "; accounturi=x"), false},
		"an account of another case": {issue("letsencrypt.org; accounturi=HTTPS://acme-v02.api.letsencrypt.org/acme/acct/7; validationmethods=tls-alpn-01"), false},
	} {
		bound, why := m.Binding(tt.records)
		if bound != tt.bound || bound == (why != "") {
			t.Errorf("%s: %v, %q", name, bound, why)
		}
	}
	if bound, why := (&Manager{}).Binding(issue(good)); bound || why == "" {
		t.Error("bound to no account")
	}
}
