package vocab

import "testing"

func TestTypes(t *testing.T) {
	for _, tc := range []struct {
		t                                           string
		actor, postable, activity, collection, link bool
	}{
		{t: "Person", actor: true}, {t: "Service", actor: true}, {t: "Application", actor: true}, {t: "Group", actor: true}, {t: "Organization", actor: true},
		{t: "Note", postable: true}, {t: "Question", postable: true}, {t: "Article", postable: true}, {t: "Page", postable: true}, {t: "Video", postable: true},
		{t: "Audio", postable: true}, {t: "Event", postable: true}, {t: "Image", postable: true}, {t: "Document", postable: true},
		{t: "Create", activity: true}, {t: "Undo", activity: true}, {t: "EmojiReact", activity: true}, {t: "QuoteRequest", activity: true},
		{t: "Collection", collection: true}, {t: "OrderedCollectionPage", collection: true},
		{t: "Link", link: true}, {t: "Mention", link: true}, {t: "Hashtag", link: true},
		{t: ""}, {t: "person"}, {t: "note"}, {t: "CREATE"}, {t: "as:Note"}, {t: "Tombstone"}, {t: "Listen"}, {t: "Profile"}, {t: "Emoji"},
	} {
		if IsActor(tc.t) != tc.actor || IsPostable(tc.t) != tc.postable || IsActivity(tc.t) != tc.activity ||
			IsCollection(tc.t) != tc.collection || IsLink(tc.t) != tc.link {
			t.Errorf("%q is taken for something else", tc.t)
		}
	}
}

func TestIsPublic(t *testing.T) {
	for iri, want := range map[string]bool{
		PublicIRI: true, "as:Public": true, "Public": true,
		"": false, "public": false, "as:public": false, PublicIRI + "/": false, "http://www.w3.org/ns/activitystreams#Public": false,
		"https://www.w3.org/ns/activitystreams#public": false,
	} {
		if IsPublic(iri) != want {
			t.Errorf("IsPublic(%q) = %v", iri, !want)
		}
	}
}

// Each caller owns the context it gets, and what we write we also accept.
func TestContexts(t *testing.T) {
	for _, context := range []func() []any{ObjectContext, ActorContext} {
		c := context()
		data, err := Object{"@context": c}.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		checkAccessors(t, parse(t, string(data)))
		c[len(c)-1].(map[string]any)["toot"] = "changed"
		c[0] = "changed"
		if again, _ := (Object{"@context": context()}).Marshal(); string(again) != string(data) {
			t.Errorf("changed for everybody: %s", again)
		}
	}
}
