package node_test

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// headers are all that a request carries.
var headers = []string{
	"host", "user-agent", "accept", "accept-encoding", "content-type", "content-length",
	"date", "digest", "content-digest", "signature", "signature-input",
}

// ids are what the node names things by: 128 bits of chance and nothing else.
var ids = regexp.MustCompile(`^/(users/alice(#(main-key|ed25519-key|key-[a-z2-7]{26}))?|users/alice/(followers|following|featured|inbox|outbox)|` +
	`users/alice/(posts|activities)/([a-z2-7]{26})(/replies)?|inbox|media/[a-z2-7]{26}\.(png|jpg)|tags/.+)$`)

// whatItTells looks over everything that the peer has from the node.
func whatItTells(t *testing.T, alice *process, bob *peer) {
	agent := ""
	var asked []string
	for _, r := range bob.requests(0) {
		sentBy, _ := r.Headers["user-agent"].(string)
		if strings.HasPrefix(sentBy, "Fedify/") {
			continue // another peer
		}
		if agent == "" {
			agent = sentBy
		}
		if r.Method != http.MethodPost {
			asked = append(asked, r.Path)
		}
		for name := range r.Headers {
			if !slices.Contains(headers, name) {
				t.Errorf("%s %s carries %s: %v", r.Method, r.Path, name, r.Headers[name])
			}
		}
		if sentBy != agent || strings.ContainsAny(agent, "0123456789") {
			t.Errorf("%s %s has the User-Agent %q, another %q", r.Method, r.Path, sentBy, agent)
		}
	}
	if name := "/.well-known/webfinger?resource=acct%3A" + url.QueryEscape(bob.Handle[1:]); !slices.Equal(asked, []string{"/users/bob", name}) {
		t.Errorf("in all of this the peer was asked for %v", asked)
	}
	var log struct{ Activities []entry }
	bob.ask("log", nil, &log)
	var tokens []string
	for _, e := range log.Activities {
		walk("", map[string]any(e.Document), func(field, value string) {
			switch at, found := strings.CutPrefix(value, alice.origin()); {
			case field == "content" || field == "summary" || field == "value" || field == "publicKeyPem":
			case found && !ids.MatchString(at):
				t.Errorf("%s names %s", e.Type, value)
			case found && field == "id":
				if m := ids.FindStringSubmatch(at); m[6] != "" && !slices.Contains(tokens, m[6]) {
					tokens = append(tokens, m[6])
				}
			case field == "published" || field == "endTime":
				if when, err := time.Parse(time.RFC3339, value); err != nil || when != when.Truncate(10*time.Minute) {
					t.Errorf("%s of %s says %s %s", e.Type, e.Object, field, value)
				}
			}
		})
	}
	// What is counted or timed is greater the later it arrives; of what is drawn, half is.
	pairs, rising := 0, 0
	for later := range tokens {
		for earlier := range later {
			pairs++
			if tokens[earlier] < tokens[later] {
				rising++
			}
		}
	}
	if len(tokens) < 50 || rising < pairs*3/10 || rising > pairs*7/10 {
		t.Errorf("of %d ids, in %d of %d pairs the later one is greater", len(tokens), rising, pairs)
	}
}

// walk calls visit with every text in a value from JSON, and the field it is in.
func walk(field string, value any, visit func(field, value string)) {
	switch value := value.(type) {
	case string:
		visit(field, value)
	case []any:
		for _, v := range value {
			walk(field, v, visit)
		}
	case map[string]any:
		for name, v := range value {
			walk(name, v, visit)
		}
	}
}
