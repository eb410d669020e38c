package hardening_test

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/redact"
)

func preset(t *testing.T, name string) *hardening.Rules {
	t.Helper()
	rules, err := hardening.Preset(name)
	if err != nil {
		t.Fatal(err)
	}
	return &rules
}

// plainNames drops the transforms of a list of fields.
func plainNames(fields []string) (names []string) {
	for _, f := range fields {
		name, _, _ := strings.Cut(f, ":")
		names = append(names, name)
	}
	return names
}

// TestPresetsNarrow: each preset tells no act, shows no field and asks for nothing that the one before it does not.
func TestPresetsNarrow(t *testing.T) {
	within := func(what string, narrow, wide []string) {
		t.Helper()
		for _, name := range narrow {
			if !slices.Contains(wide, name) {
				t.Errorf("%s: %s, which the preset before does not have", what, name)
			}
		}
	}
	var wide *hardening.Rules
	for _, name := range hardening.Presets() {
		narrow := preset(t, name)
		if name != hardening.PresetSilent {
			if faults := redact.Check(narrow.Fields); len(faults) > 0 {
				t.Errorf("%s: %v", name, faults)
			}
		}
		if wide != nil {
			within(name+" acts", narrow.Acts, wide.Acts)
			for kind, fields := range narrow.Fields {
				within(name+" "+kind, plainNames(fields), plainNames(wide.Fields[kind]))
			}
			for _, p := range narrow.Asks {
				if !slices.Contains(wide.Asks, p) {
					t.Errorf("%s asks for %v", name, p)
				}
			}
			if narrow.Media && !wide.Media {
				t.Errorf("%s serves pictures", name)
			}
			if len(narrow.Acts) == len(wide.Acts) {
				t.Errorf("%s tells as much as the preset before", name)
			}
		}
		wide = narrow
	}
	if silent := preset(t, hardening.PresetSilent); len(silent.Acts)+len(silent.Fields) != 0 || silent.Media {
		t.Errorf("silent: %+v", silent)
	}
	if _, err := hardening.Preset("loud"); err == nil {
		t.Error("an unknown preset is taken")
	}
}

// TestEachDomainHasItsOwnRules goes all ways for domains under different rules, and for a domain below a longer match.
func TestEachDomainHasItsOwnRules(t *testing.T) {
	policy := hardening.Policy{Signed: *preset(t, hardening.PresetOpen), Domains: map[string]*hardening.Rules{
		"*.example": preset(t, hardening.PresetSilent), "s.example": preset(t, hardening.PresetStrict), "c.example": preset(t, hardening.PresetCareful),
	}}
	var told string
	w := newWorld(t, policy, func(rw http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		told = string(b)
		rw.WriteHeader(http.StatusAccepted)
	})
	document := create()
	document["object"].(map[string]any)["published"] = "2026-03-01T12:20:00Z"
	document["object"].(map[string]any)["contentMap"] = map[string]any{"en": "canary-language"}
	for domain, want := range map[string]struct {
		told, served, media bool
		asked               []egress.Purpose // beside what the node needs for itself
		byOwner             []egress.Purpose
		language, minute    bool
	}{
		"open.net":    {true, true, true, []egress.Purpose{egress.Federation, egress.Lookup, egress.Media}, nil, true, true},
		"c.example":   {true, true, true, []egress.Purpose{egress.Federation, egress.Lookup, egress.Media}, nil, false, true},
		"s.example":   {true, true, true, []egress.Purpose{egress.Federation, egress.Lookup}, nil, false, false},
		"q.example":   {byOwner: []egress.Purpose{egress.Federation, egress.Lookup}},
		"x.s.example": {byOwner: []egress.Purpose{egress.Federation, egress.Lookup}},
	} {
		d := delivery("http://" + domain + "/inbox")
		d.Document, told = document, ""
		if _, err := w.Deliver(t.Context(), d); (err == nil) != want.told || err != nil && !errors.Is(err, hardening.ErrWithheld) || (told != "") != want.told {
			t.Errorf("%s was told %q, %v", domain, told, err)
		}
		body, err := w.Serve(t.Context(), hardening.Viewer{Domain: domain}, hardening.Document{Release: long, Body: document})
		if (err == nil) != want.served || err != nil && !errors.Is(err, hardening.ErrHidden) {
			t.Errorf("%s is served %v", domain, err)
		}
		if string(body) != told {
			t.Errorf("%s was told\n%s and is served\n%s", domain, told, body)
		}
		if strings.Contains(told, "canary-language") != want.language || strings.Contains(told, "12:20") != want.minute {
			t.Errorf("%s was told %s", domain, told)
		}
		if err := w.ServeMedia(t.Context(), hardening.Viewer{Domain: domain}, "a.png", long, 1); (err == nil) != want.media {
			t.Errorf("media for %s: %v", domain, err)
		}
		for _, p := range []egress.Purpose{egress.Federation, egress.Lookup, egress.Media, egress.Preview} {
			_, err := w.Fetch(t.Context(), hardening.Fetch{URL: "http://" + domain + "/", Purpose: p})
			if (err == nil) != slices.Contains(want.asked, p) || err != nil && !errors.Is(err, hardening.ErrWithheld) {
				t.Errorf("asking %s for %v: %v", domain, p, err)
			}
			_, err = w.Fetch(hardening.WithOwner(t.Context()), hardening.Fetch{URL: "http://" + domain + "/", Purpose: p})
			if (err == nil) != slices.Contains(append(want.asked, want.byOwner...), p) {
				t.Errorf("the owner asks %s for %v: %v", domain, p, err)
			}
		}
	}
	t.Run("none", func(t *testing.T) {
		p := hardening.Policy{Signed: *preset(t, hardening.PresetOpen), Domains: map[string]*hardening.Rules{"a.example": nil}}
		if rules := p.For("a.example"); rules.Tells("Create") || rules.Fields != nil || rules.Media || rules.Asks != nil {
			t.Errorf("rules that are not there show %+v", rules)
		}
	})
	t.Run("until there is another policy", func(t *testing.T) {
		w.SetPolicy(hardening.Policy{})
		if _, err := w.Deliver(t.Context(), delivery("http://open.net/inbox")); !errors.Is(err, hardening.ErrWithheld) {
			t.Error(err)
		}
	})
}

// TestWhatIsOwed: what takes back what was told goes to whoever was told, whatever the rules have become, and to nobody else;
// who is told anything is answered.
func TestWhatIsOwed(t *testing.T) {
	few := preset(t, hardening.PresetStrict)
	few.Acts = []string{"Create"}
	policy := hardening.Policy{Signed: *preset(t, hardening.PresetOpen), Domains: map[string]*hardening.Rules{
		"few.net": few, "silent.net": preset(t, hardening.PresetSilent)}}
	w := newWorld(t, policy, ok)
	follow := map[string]any{"type": "Follow", "id": "https://r.example/f", "actor": "https://r.example/a", "object": "https://own.example/a"}
	objects := map[string]any{"Undo": map[string]any{"type": "Like", "id": "https://own.example/l", "actor": "https://own.example/a", "object": "https://r.example/1"},
		"Delete": map[string]any{"type": "Tombstone", "id": "https://own.example/1"}, "Accept": follow, "Reject": follow,
		"Update": create()["object"]}
	for _, c := range []struct {
		domain, act string
		known, want bool
	}{
		{"open.net", "Delete", true, true}, {"open.net", "Delete", false, false}, {"open.net", "Update", true, true}, {"open.net", "Update", false, false},
		{"open.net", "Undo", false, false}, {"open.net", "Accept", false, true},
		{"few.net", "Delete", true, true}, {"few.net", "Undo", true, true}, {"few.net", "Undo", false, false}, {"few.net", "Update", true, false},
		{"few.net", "Accept", false, true}, {"few.net", "Reject", false, true},
		{"silent.net", "Delete", true, true}, {"silent.net", "Undo", true, true}, {"silent.net", "Delete", false, false},
		{"silent.net", "Accept", false, false}, {"silent.net", "Reject", false, false}, {"silent.net", "Update", true, false},
	} {
		d := delivery("http://" + c.domain + "/inbox")
		d.Document["type"], d.Document["object"], d.Known = c.act, objects[c.act], c.known
		if _, err := w.Deliver(t.Context(), d); (err == nil) != c.want || err != nil && !errors.Is(err, hardening.ErrWithheld) {
			t.Errorf("%s to %s, known %t: %v", c.act, c.domain, c.known, err)
		}
	}
}

// TestWithheldEverywhere: what a domain is not told of what is its own, others are not told either, if the rules say so.
func TestWithheldEverywhere(t *testing.T) {
	quiet, kept := preset(t, hardening.PresetOpen), preset(t, hardening.PresetOpen)
	quiet.Acts, kept.Acts = []string{"Create"}, []string{"Create"}
	kept.Everywhere = true
	w := newWorld(t, hardening.Policy{Signed: *preset(t, hardening.PresetOpen),
		Domains: map[string]*hardening.Rules{"quiet.net": quiet, "kept.net": kept}}, ok)
	for object, want := range map[string]bool{"https://other.net/1": true, "https://quiet.net/1": true, "https://kept.net/1": false, "urn:x": true} {
		for _, act := range []string{"Announce", "Create"} {
			d := delivery("http://r.example/inbox")
			d.Document["type"], d.Object = act, object
			if act == "Announce" {
				d.Document["object"] = object
			}
			if _, err := w.Deliver(t.Context(), d); (err == nil) != (want || act == "Create") {
				t.Errorf("%s of %s: %v", act, object, err)
			}
		}
	}
}
