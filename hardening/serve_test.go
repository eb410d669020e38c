package hardening_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/exposure"
	"github.com/dunnock-server/dunnock/hardening/redact"
)

var long = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func TestServeHidesWhatIsNotThere(t *testing.T) {
	signed, unsigned := hardening.Viewer{Domain: "r.example"}, hardening.Viewer{}
	for name, c := range map[string]struct {
		viewer hardening.Viewer
		doc    hardening.Document
		want   error
	}{
		"not yet":         {signed, hardening.Document{Release: time.Now().Add(time.Minute), Body: note()}, hardening.ErrUnreleased},
		"never":           {signed, hardening.Document{Body: note()}, hardening.ErrUnreleased},
		"without a key":   {unsigned, hardening.Document{Release: long, Body: note()}, hardening.ErrHidden},
		"unknown type":    {signed, hardening.Document{Release: long, Body: map[string]any{"type": "Dance"}}, hardening.ErrHidden},
		"unknown kind":    {signed, hardening.Document{Release: long, Kind: "dance", Body: note()}, hardening.ErrHidden},
		"no type":         {signed, hardening.Document{Release: long, Body: map[string]any{}}, hardening.ErrHidden},
		"below the floor": {signed, hardening.Document{Release: long, Body: map[string]any{"type": "Note"}}, hardening.ErrHidden},
	} {
		w := newWorld(t, hardening.Open(), ok)
		if body, err := w.Serve(t.Context(), c.viewer, c.doc); !errors.Is(err, c.want) || body != nil {
			t.Errorf("%s: %q, %v", name, body, err)
		}
		w.silent("", "r.example")
	}
}

// person is an actor with everything in it.
func person() map[string]any {
	me := "https://own.example/users/alice"
	return map[string]any{"@context": "https://www.w3.org/ns/activitystreams", "id": me, "type": "Person",
		"preferredUsername": "alice", "name": "CANARY-name", "summary": "CANARY-summary", "inbox": me + "/inbox",
		"outbox": me + "/outbox", "followers": me + "/followers", "following": me + "/following", "featured": "CANARY-featured",
		"endpoints":    map[string]any{"sharedInbox": "https://own.example/inbox", "proxyUrl": "CANARY-proxy"},
		"publicKey":    map[string]any{"id": me + "#main-key", "owner": me, "publicKeyPem": "PEM"},
		"icon":         map[string]any{"type": "Image", "url": "https://own.example/CANARY.png", "mediaType": "image/png"},
		"attachment":   []any{map[string]any{"type": "PropertyValue", "name": "CANARY", "value": "CANARY"}},
		"discoverable": true, "published": "CANARY-published", "secret": "CANARY-unknown"}
}

func TestStubIsTheFloorAndNothingElse(t *testing.T) {
	w := newWorld(t, hardening.Open(), ok)
	body, err := w.Serve(t.Context(), hardening.Viewer{}, hardening.Document{Object: "o", Release: long, Body: person()})
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	floor := redact.Floor("Person")
	slices.Sort(floor)
	floor = slices.DeleteFunc(floor, func(f string) bool { return person()[f] == nil })
	if keys := slices.Sorted(maps.Keys(got)); !slices.Equal(keys, floor) || bytes.Contains(body, []byte("CANARY")) {
		t.Errorf("fields %q, the floor is %q\n%s", keys, floor, body)
	}
	rows := w.rows("")
	if len(rows) != 1 || rows[0].Direction != exposure.Pulled || rows[0].Purpose != "serve" || rows[0].Act != "Person" ||
		rows[0].Object != "o" || rows[0].Status != http.StatusOK || rows[0].Bytes != int64(len(body)) || rows[0].SettledAt.IsZero() {
		t.Fatalf("%+v", rows)
	}
	tops := []string{}
	for _, f := range rows[0].Fields {
		if top, _, _ := strings.Cut(f, "."); !slices.Contains(tops, top) {
			tops = append(tops, top)
		}
	}
	if !reflect.DeepEqual(tops, floor) {
		t.Errorf("the ledger says %q", rows[0].Fields)
	}
}

func TestEqualViewsAreEqualBytes(t *testing.T) {
	w := newWorld(t, hardening.Open(), ok)
	var first []byte
	for range 50 {
		doc := map[string]any{} // its own order of iteration
		for _, k := range slices.Collect(maps.Keys(person())) {
			doc[k] = person()[k]
		}
		got, err := w.Serve(t.Context(), hardening.Viewer{Domain: "r.example"}, hardening.Document{Release: long, Body: doc})
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = got
		}
		if !bytes.Equal(got, first) {
			t.Fatalf("%s\n%s", first, got)
		}
	}
	if bytes.HasSuffix(first, []byte("\n")) || bytes.Contains(first, []byte("CANARY-unknown")) {
		t.Errorf("%s", first)
	}
}

func TestServeMedia(t *testing.T) {
	w := newWorld(t, hardening.Open(), ok)
	ctx := t.Context()
	for _, release := range []time.Time{{}, time.Now().Add(time.Hour)} {
		if err := w.ServeMedia(ctx, hardening.Viewer{}, "a.png", release, 7); !errors.Is(err, hardening.ErrUnreleased) {
			t.Errorf("%v: %v", release, err)
		}
	}
	w.silent("")
	if err := w.ServeMedia(ctx, hardening.Viewer{}, "a.png", long, 7); err != nil {
		t.Error(err)
	}
	if rows := w.rows(""); len(rows) != 1 || rows[0].Act != "media" || rows[0].Object != "a.png" || rows[0].Bytes != 7 {
		t.Errorf("%+v", rows)
	}
}

// What is kept of a document is each viewer's own view, and every serving has its place in the ledger.
func TestKeptViewsAreEachViewersOwn(t *testing.T) {
	w := newWorld(t, hardening.Open(), ok)
	d := hardening.Document{Object: "o", Release: long, Body: person(), Views: new(hardening.Views)}
	fresh := d
	fresh.Views = nil
	for range 3 {
		for _, domain := range []string{"", "r.example", "s.example"} {
			v := hardening.Viewer{Domain: domain}
			want, err := w.Serve(t.Context(), v, fresh)
			got, kept := w.Serve(t.Context(), v, d)
			if err != nil || kept != nil || !bytes.Equal(got, want) {
				t.Errorf("%q sees %s, %v; want %s, %v", domain, got, kept, want, err)
			}
		}
	}
	for _, domain := range []string{"", "r.example", "s.example"} {
		rows, err := w.ledger.Domain(t.Context(), domain, long, 10)
		if times := 0; err == nil {
			for _, r := range rows {
				times += r.Times
			}
			if times != 6 {
				t.Errorf("%q has %d rows that say %d times", domain, len(rows), times)
			}
		}
	}
	later := d
	later.Release = time.Now().Add(time.Hour)
	if body, err := w.Serve(t.Context(), hardening.Viewer{Domain: "r.example"}, later); !errors.Is(err, hardening.ErrUnreleased) || body != nil {
		t.Errorf("before its release: %s, %v", body, err)
	}
}
