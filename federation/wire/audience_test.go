package wire

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/storage"
)

var visibilities = []storage.Visibility{storage.Public, storage.Unlisted, storage.Followers, storage.Direct}

func TestVisibility(t *testing.T) {
	const public, followers, bob = vocab.PublicIRI, "https://a.example/followers", "https://b.example/bob"
	for _, c := range []struct {
		name      string
		to, cc    []string
		followers string
		want      storage.Visibility
	}{
		{"public", []string{bob, public}, []string{followers}, followers, storage.Public},
		{"compacted", []string{"as:Public"}, nil, followers, storage.Public},
		{"short", nil, []string{"Public"}, followers, storage.Unlisted},
		{"both", []string{public}, []string{public}, followers, storage.Public},
		{"unlisted", []string{followers}, []string{public}, followers, storage.Unlisted},
		{"followers", []string{followers, bob}, nil, followers, storage.Followers},
		{"followers in cc", []string{bob}, []string{followers}, followers, storage.Followers},
		{"somebody's followers", []string{"https://b.example/followers"}, nil, followers, storage.Direct},
		{"followers unknown", []string{followers}, nil, "", storage.Direct},
		{"an empty address is no unknown collection", []string{""}, nil, "", storage.Direct},
		{"direct", []string{bob}, nil, followers, storage.Direct},
		{"nobody", nil, nil, followers, storage.Direct},
		{"nearly public", []string{"https://www.w3.org/ns/activitystreams#public", public + "/"}, nil, followers, storage.Direct},
	} {
		if got := Visibility(c.to, c.cc, c.followers); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestMaySee(t *testing.T) {
	const author, named, stranger = "https://a.example/a", "https://b.example/b", "https://c.example/c"
	recipients := storage.Recipients{To: []string{"https://a.example/followers"}, CC: []string{named}}
	type viewer struct {
		uri     string
		follows bool
	}
	viewers := []viewer{{"", false}, {"", true}, {stranger, false}, {stranger, true}, {named, false}, {author, false}}
	for _, c := range []struct {
		visibility storage.Visibility
		want       []bool // nobody, nobody who claims to follow, stranger, follower, named, author
	}{
		{storage.Public, []bool{true, true, true, true, true, true}},
		{storage.Unlisted, []bool{true, true, true, true, true, true}},
		{storage.Followers, []bool{false, false, false, true, true, true}},
		{storage.Direct, []bool{false, false, false, false, true, true}},
		{"", []bool{false, false, false, false, true, true}},
		{"everyone", []bool{false, false, false, false, true, true}},
	} {
		p := &storage.Post{Author: author, Visibility: c.visibility, Recipients: recipients}
		for n, v := range viewers {
			if got := MaySee(p, v.uri, v.follows); got != c.want[n] {
				t.Errorf("%q seen by %+v: %v", c.visibility, v, got)
			}
		}
	}
	unaddressed := &storage.Post{Visibility: storage.Direct, Recipients: storage.Recipients{To: []string{""}}}
	if MaySee(unaddressed, "", true) {
		t.Error("nobody sees what is addressed to nobody")
	}
}

// How an own post is addressed is how others read it, whoever is mentioned.
func TestAddressesReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.SampledFrom(append(visibilities, "", "nonsense")).Draw(t, "visibility")
		mentioned := rapid.SliceOf(rapid.SampledFrom([]string{"https://b.example/b", "https://c.example/c"})).Draw(t, "mentioned")
		a := ours.Addresses(v, mentioned)
		want := v
		if !slices.Contains(visibilities, v) {
			want = storage.Direct
		}
		if got := Visibility(a.To, a.CC, ours.Followers()); got != want {
			t.Fatalf("%s read as %s", v, got)
		}
		for _, m := range mentioned {
			if !slices.Contains(a.To, m) && !slices.Contains(a.CC, m) {
				t.Fatalf("%s is not addressed", m)
			}
		}
	})
}
