package node_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dunnock-server/dunnock/federation/control"
	"github.com/dunnock-server/dunnock/federation/node"
	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/redact"
	"github.com/dunnock-server/dunnock/storage"
)

// TestViews: domains under rules of their own are told every kind of act, and ask for all that there is. In what each of them
// got there is what its rules show, and nothing else; and the ledger says so. A tenth of a thousand rules is drawn, or all with
// DUNNOCK_FULL=1; DUNNOCK_SEED draws the same again.
func TestViews(t *testing.T) {
	seed := rand.Uint64()
	if text := os.Getenv("DUNNOCK_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("DUNNOCK_SEED=%d", seed)
	draw := rand.New(rand.NewPCG(seed, 0))
	presets := func() (all []*hardening.Rules) {
		for _, name := range hardening.Presets() {
			rules, err := hardening.Preset(name)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, &rules)
		}
		return all
	}
	const domains = 10
	for round := range max(scaled(1000)/domains, 1) {
		var rules []*hardening.Rules
		if round == 0 {
			rules = presets()
		}
		for len(rules) < domains {
			rules = append(rules, drawnRules(draw))
		}
		t.Run(strconv.Itoa(round), func(t *testing.T) { newAudience(t, rules, drawnRules(draw)).play() })
		if t.Failed() {
			return
		}
	}
}

// drawnRules draws rules that are not below any floor.
func drawnRules(draw *rand.Rand) *hardening.Rules {
	open, _ := hardening.Preset(hardening.PresetOpen)
	rules := &hardening.Rules{Fields: redact.Fields{}, Media: draw.IntN(2) == 0, Everywhere: draw.IntN(4) == 0, Asks: []egress.Purpose{egress.Federation, egress.Lookup}}
	for _, act := range open.Acts {
		if draw.IntN(2) == 0 {
			rules.Acts = append(rules.Acts, act)
		}
	}
	for _, kind := range redact.Kinds() {
		for _, f := range redact.Known(kind) {
			entry := f.Name
			if f.How != "" && draw.IntN(2) == 0 {
				entry += ":" + f.How
			}
			if f.Breaks != "" || draw.IntN(2) == 0 {
				rules.Fields[kind] = append(rules.Fields[kind], entry)
			}
		}
	}
	return rules
}

// audience is a node and people on domains under rules of their own; the last is nobody, a visitor without a key.
type audience struct {
	*siege
	seats []*seat
}

// seat is somebody who listens, and asks.
type seat struct {
	*account
	rules  *hardening.Rules
	pushed []vocab.Object
	pulled []vocab.Object
}

func newAudience(t *testing.T, rules []*hardening.Rules, unsigned *hardening.Rules) *audience {
	policy := hardening.Policy{Unsigned: *unsigned, Domains: map[string]*hardening.Rules{}}
	host := func(i int) string { return fmt.Sprintf("d%d.example", i) }
	for i, r := range rules {
		policy.Domains[host(i)] = r
	}
	a := &audience{siege: newSiege(t, func(c *node.Config) { c.Policy = policy })}
	for i, r := range rules {
		a.seats = append(a.seats, &seat{account: a.site(host(i)).person("p"), rules: r})
	}
	a.seats = append(a.seats, &seat{rules: unsigned})
	return a
}

// hear takes what has arrived.
func (a *audience) hear() {
	a.settle()
	for _, s := range a.seats {
		if s.account != nil {
			s.pushed = append(s.pushed, s.received()...)
		}
	}
}

// play has the owner do everything, and everybody ask for everything.
func (a *audience) play() {
	said := func(text string) *string { return &text }
	var notes []string
	for i, s := range a.seats[:len(a.seats)-1] {
		a.known(s.account)
		s.take(s.act("Follow", a.owner))
		note := s.publish(s.note("1", fmt.Sprintf("by %d", i)))
		s.publish(s.note("poll", "?", obj{"type": "Question", "oneOf": []any{obj{"type": "Note", "name": "yes"}, obj{"type": "Note", "name": "no"}},
			"endTime": time.Now().Add(time.Hour).UTC().Format(time.RFC3339)}))
		notes = append(notes, note["id"].(string))
	}
	a.must("profile_set", control.NewProfile{Name: said("canary-name"), Summary: said("canary-summary"),
		Fields: &[]storage.Field{{Name: "canary-label", Value: "canary-value"}}, Avatar: pointer(drawn(a.T, "png"))}, nil)
	a.must("password_set", control.Password{Password: "canary-password"}, nil)
	first := a.posted(control.NewPost{Text: "canary-text #tag @p@d3.example", Warning: "canary-warning", Language: "en",
		Media: []control.Picture{{Data: drawn(a.T, "png"), Alt: "canary-alt"}}})
	a.posted(control.NewPost{Text: "canary-question", Poll: &control.Question{Options: []string{"canary-option", "b"}, ClosesIn: 7200}})
	a.posted(control.NewPost{Text: "canary-answer", ReplyTo: first.URI, Quote: notes[0]})
	gone := a.posted(control.NewPost{Text: "canary-deleted"})
	for i := range a.seats[:len(a.seats)-1] {
		a.posted(control.NewPost{Text: fmt.Sprintf("canary-direct%d @p@d%d.example", i, i), Visibility: storage.Direct})
	}
	for i, uri := range notes { // some domains may not be asked, and are left alone
		a.call([]string{"like", "boost"}[i%2], control.ID{ID: uri}, nil)
		a.call("follow", control.Who{Who: a.seats[i].uri}, nil)
		a.call("vote", control.Ballot{ID: a.seats[i].url("/notes/poll"), Choices: []string{"yes"}}, nil)
	}
	second := a.posted(control.NewPost{Text: "canary-pinned"})
	a.must("pin", control.ID{ID: second.ID}, nil)
	for name, args := range map[string]any{"boost": control.ID{ID: first.ID}, "pin": control.ID{ID: first.ID}, "edit": control.EditedPost{ID: first.ID, Text: said("canary-edited @p@d3.example")}} {
		a.must(name, args, nil)
	}
	a.hear()
	a.must("delete", control.ID{ID: gone.ID}, nil)
	a.must("unpin", control.ID{ID: first.ID}, nil)
	for i, uri := range notes {
		a.call("undo", control.Undoing{ID: uri, Kind: []string{"like", "boost"}[i%2]}, nil)
		a.call("unfollow", control.Who{Who: a.seats[i].uri}, nil)
		a.call("block", control.Who{Who: a.seats[i].uri}, nil)
		a.call("unblock", control.Who{Who: a.seats[i].uri}, nil)
	}
	a.hear()
	a.pull()
	for i, s := range a.seats {
		name := "nobody"
		if s.account != nil {
			name = fmt.Sprintf("d%d.example", i)
			a.toldOnlyWhatItMay(name, s)
			a.ledgerSays(name, s)
		}
		a.shownOnlyWhatItMay(name, i, s)
	}
}

func pointer(data []byte) *[]byte { return &data }

// pull has everybody ask for every address that the node holds, and all that these lead to.
func (a *audience) pull() {
	var known []string
	for _, line := range a.stored() {
		known = append(known, ours.FindAllString(line, -1)...)
	}
	for _, s := range a.seats {
		ask := a.get
		if s.account != nil {
			ask = s.account.get
		}
		a.crawl(known, ask, func(_ string, got answer) {
			if doc, err := vocab.Parse([]byte(got.body)); err == nil {
				s.pulled = append(s.pulled, doc)
			}
		})
	}
}

// toldOnlyWhatItMay: the acts are those that the rules name, or that are owed; and nothing is taken back or changed that was not
// told.
func (a *audience) toldOnlyWhatItMay(name string, s *seat) {
	known := map[string]bool{a.owner: true}
	for _, doc := range s.pushed {
		object, embedded := doc.Object("object")
		id := doc.IRI("object")
		if embedded {
			id = object.ID()
		}
		switch kind := doc.Type(); kind {
		case "Undo", "Delete":
			if !known[id] {
				a.Errorf("%s was told of the %s of %s, which it was never told of", name, kind, id)
			}
		case "Accept", "Reject":
			if len(s.rules.Acts) == 0 {
				a.Errorf("%s, which is told nothing, was answered", name)
			}
		case "Update":
			if !known[id] {
				a.Errorf("%s was told of an Update of %s, which it was never told of", name, id)
			}
			fallthrough
		default:
			if !slices.Contains(s.rules.Acts, kind) {
				a.Errorf("%s was told of a %s", name, kind)
			}
			if a.keptEverywhere(kind, id) {
				a.Errorf("%s was told of the %s of %s, which is withheld everywhere", name, kind, id)
			}
		}
		known[doc.ID()], known[id] = true, true
	}
	for _, kind := range []string{"Create", "Add", "Remove"} {
		if told := slices.ContainsFunc(s.pushed, func(doc vocab.Object) bool { return doc.Type() == kind }); !told && slices.Contains(s.rules.Acts, kind) {
			a.Errorf("%s was told of no %s", name, kind)
		}
	}
}

// keptEverywhere says whether the rules of the domain that an act is about keep it from all.
func (a *audience) keptEverywhere(act, object string) bool {
	return slices.ContainsFunc(a.seats[:len(a.seats)-1], func(s *seat) bool {
		return strings.HasPrefix(object, s.url("/")) && s.rules.Everywhere && !slices.Contains(s.rules.Acts, act)
	})
}

// shownOnlyWhatItMay: every field of every document is one that the rules name, in the form that they name; and each canary is
// there if its fields are shown, and only then.
func (a *audience) shownOnlyWhatItMay(name string, number int, s *seat) {
	owed := redact.Least()
	for _, doc := range slices.Concat(s.pushed, s.pulled) {
		fields := s.rules.Fields
		if fields[doc.Type()] == nil && slices.Contains([]string{"Undo", "Delete"}, doc.Type()) {
			fields = owed
		}
		a.shows(name, fields, kindOf(doc, ""), doc)
	}
	for _, doc := range s.pulled {
		a.readOnlyWhatItMay(name, s, doc)
	}
	all := marshalled(a.T, slices.Concat(s.pushed, s.pulled))
	pulled := marshalled(a.T, s.pulled)
	shows := func(kind, field string) bool {
		return slices.ContainsFunc(s.rules.Fields[kind], func(entry string) bool { plain, _, _ := strings.Cut(entry, ":"); return plain == field })
	}
	signed := s.account != nil && slices.Contains(s.rules.Acts, "Create")
	for canary, want := range map[string]bool{
		"canary-name": shows("Person", "name"), "canary-summary": shows("Person", "summary"), "canary-label": shows("Person", "attachment"), "canary-value": shows("Person", "attachment"),
		"canary-alt": signed && shows("Note", "attachment") && shows("Image", "name"), "canary-edited": signed, "canary-warning": signed, "canary-option": signed,
		"canary-answer": signed, "canary-text": false,
	} {
		if strings.Contains(pulled, canary) != want {
			a.Errorf("%s could read %s: %t", name, canary, !want)
		}
	}
	for _, canary := range []string{"canary-password", `"source"`, `"bto"`, `"bcc"`} {
		if strings.Contains(all, canary) {
			a.Errorf("%s got %s", name, canary)
		}
	}
	for i := range a.seats {
		direct := fmt.Sprintf("canary-direct%d ", i)
		if strings.Contains(all, direct) && i != number {
			a.Errorf("%s got what was for d%d.example alone", name, i)
		}
	}
}

// readOnlyWhatItMay: what is kept from a domain is not there for it to fetch either, be it in a list.
func (a *audience) readOnlyWhatItMay(name string, s *seat, doc map[string]any) {
	kind, _ := doc["type"].(string)
	act := kind
	if slices.Contains([]string{"Note", "Question", "Tombstone"}, kind) {
		act = "Create"
	}
	if open, _ := hardening.Preset(hardening.PresetOpen); slices.Contains(open.Acts, act) && !slices.Contains(s.rules.Acts, act) {
		a.Errorf("%s, which is not told of a %s, could read a %s: %v", name, act, kind, doc["id"])
	}
	if object, ok := doc["object"].(string); ok && a.keptEverywhere(act, object) {
		a.Errorf("%s could read the %s of %s, which is withheld everywhere", name, act, object)
	}
	for _, field := range []string{"object", "orderedItems", "items"} {
		for _, part := range parts(doc[field]) {
			a.readOnlyWhatItMay(name, s, part)
		}
	}
	if items, _ := doc["orderedItems"].([]any); doc["id"] == a.owner+"/featured" && len(items) > 0 && !slices.Contains(s.rules.Acts, "Add") {
		a.Errorf("%s, which is told of no pins, could read %v", name, items)
	}
}

func marshalled(t *testing.T, docs []vocab.Object) string {
	text, err := json.Marshal(docs)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// kindOf is the kind of an object that stands in a field.
func kindOf(doc map[string]any, field string) string {
	switch field {
	case "oneOf", "anyOf":
		return "option"
	case "publicKey", "endpoints":
		return field
	}
	kind, _ := doc["type"].(string)
	return kind
}

// shows wants every field of an object to be listed.
func (a *audience) shows(name string, fields redact.Fields, kind string, doc map[string]any) {
	for field, value := range doc {
		i := slices.IndexFunc(fields[kind], func(entry string) bool { plain, _, _ := strings.Cut(entry, ":"); return plain == field })
		if i < 0 {
			a.Errorf("%s got %s.%s = %v, which its rules do not show", name, kind, field, value)
			continue
		}
		_, how, _ := strings.Cut(fields[kind][i], ":")
		switch text := fmt.Sprint(value); {
		case how == redact.Hour && !strings.HasSuffix(text, ":00:00Z"), how == redact.Zero && text != "0", how == redact.ID && text != doc["id"]:
			a.Errorf("%s got %s.%s = %s under %q", name, kind, field, text, fields[kind][i])
		}
		for _, part := range parts(value) {
			if strings.HasSuffix(field, "Map") || field == "@context" {
				continue
			}
			inner := kindOf(part, field)
			if kind == "option" && field == "replies" {
				inner = "votes"
			}
			a.shows(name, fields, inner, part)
		}
	}
}

// parts are the objects in a value.
func parts(value any) (objects []map[string]any) {
	switch value := value.(type) {
	case map[string]any:
		objects = append(objects, value)
	case []any:
		for _, item := range value {
			objects = append(objects, parts(item)...)
		}
	}
	return objects
}

// ledgerSays: for what a domain was sent there is a row each, with what was in it.
func (a *audience) ledgerSays(name string, s *seat) {
	var want []string
	for _, doc := range s.pushed {
		paths := map[string]bool{}
		pathsOf(doc, "", paths)
		want = append(want, fmt.Sprintf(" act=%s fields=%s", doc.Type(), strings.Join(slices.Sorted(maps.Keys(paths)), ",")))
	}
	got := a.query("SELECT act, fields FROM disclosures WHERE direction = 'pushed' AND domain = ?", name)
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		a.Errorf("%s got\n%s\nand the ledger says\n%s", name, strings.Join(want, "\n"), strings.Join(got, "\n"))
	}
}

func pathsOf(doc map[string]any, path string, paths map[string]bool) {
	for field, value := range doc {
		paths[path+field] = true
		if field == "@context" || strings.HasSuffix(field, "Map") {
			continue
		}
		for _, part := range parts(value) {
			pathsOf(part, path+field+".", paths)
		}
	}
}
