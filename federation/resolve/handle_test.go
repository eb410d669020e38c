package resolve

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/storage"
)

func TestHandlesAreReadInOneWay(t *testing.T) {
	for text, want := range map[string]string{
		"bob@v.example": "bob@v.example", "@bob@v.example": "bob@v.example", "acct:bob@v.example": "bob@v.example",
		"@Bob@V.Example": "bob@v.example", "bob@v.example.": "bob@v.example", "b.o_b-1@v.example": "b.o_b-1@v.example",
		"bob@xn--bcher-kva.example": "bob@xn--bcher-kva.example", "bob@bücher.example": "bob@xn--bcher-kva.example", "bob@BÜCHER.example": "bob@xn--bcher-kva.example",
		"Жук@v.example": "жук@v.example", "bob@v.example:443": "", "bob@v.example:8080": "", "bob@v.example:80": "",
		"": "", "@": "", "@@": "", "bob": "", "@bob": "", "bob@": "", "@v.example": "", "@@v.example": "", "@@bob@v.example": "", "bob@@v.example": "",
		"bob@v.example@w.example": "", "bob@w@v.example": "", "@acct:bob@v.example": "", "acct:acct:bob@v.example": "", "mailto:bob@v.example": "",
		"bob@exa/mple.org": "", `bob@exa\mple.org`: "", "bob@exa%2fmple.org": "", "bob@exa:mple.org": "", "bob@exa mple.org": "", "bob@exa\tmple.org": "",
		"bob@v.example/path": "", "bob@v.example?x": "", "bob@v.example#x": "", "bob@exa\u00admple.org": "", "bob@v..example": "",
		"b/ob@v.example": "", `b\ob@v.example`: "", "b%6fb@v.example": "", "b:ob@v.example": "", "b ob@v.example": "", "b?ob@v.example": "", "b#ob@v.example": "",
		"b\x1b[2Job@v.example": "", "b\u202eob@v.example": "", "b\x00ob@v.example": "", "b\nob@v.example": "", "b\"ob@v.example": "",
		strings.Repeat("b", 129) + "@v.example": "", "bob@" + strings.Repeat("v", 300) + ".example": "",
	} {
		h, err := parseHandle(text, false)
		switch {
		case want == "" && (!errors.Is(err, ErrRefused) || h != handle{}):
			t.Errorf("%q is read as %q, %v", text, h, err)
		case want != "" && (err != nil || h.String() != want):
			t.Errorf("%q is read as %q, %v; want %q", text, h, err, want)
		}
	}
	if h, err := parseHandle("bob@v.example:8080", true); err != nil || h.String() != "bob@v.example:8080" {
		t.Errorf("in trials: %q, %v", h, err)
	}
}

func TestHandleFindsAnActorOnce(t *testing.T) {
	w := newWorld(t)
	v := w.net.site("v.example")
	bob := v.person("bob")
	v.handles["Bob"] = bob.uri
	for i, text := range []string{"bob@v.example", "@bob@v.example", "acct:bob@V.example", "Bob@v.example"} {
		a, err := w.Handle(t.Context(), text)
		if err != nil || a.URI != bob.uri || a.Handle != "bob@v.example" {
			t.Fatalf("%q: %+v, %v", text, a, err)
		}
		if i == 0 {
			w.net.counted(t, finger("v.example", "bob"), "v.example /users/bob", finger("v.example", "bob"))
		}
	}
	w.net.counted(t) // the others cost nothing
}

// What WebFinger says of bob@v.example, and whether his actor is found by it.
func TestWhatWebFingerMaySay(t *testing.T) {
	const bob = "http://v.example/users/bob"
	link := func(rel, kind, href string) string {
		return fmt.Sprintf(`{"rel":%q,"type":%q,"href":%q}`, rel, kind, href)
	}
	self := link("self", "application/activity+json", bob)
	says := func(subject string, links ...string) http.HandlerFunc {
		return page("application/jrd+json", fmt.Sprintf(`{"subject":%q,"links":[%s]}`, subject, strings.Join(links, ",")))
	}
	good := says("acct:bob@v.example", self)
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		want   error
	}{
		"all that is needed":         {good, nil},
		"the subject in capitals":    {says("acct:BOB@V.EXAMPLE", self), nil},
		"the subject without scheme": {says("bob@v.example", self), nil},
		"other links first": {says("acct:bob@v.example", link("http://webfinger.net/rel/profile-page", "text/html", "http://v.example/@bob"),
			link("self", "text/html", "http://e.example/users/eve"), self), nil},
		"ld+json":    {says("acct:bob@v.example", `{"rel":"self","type":"application/ld+json; profile=\"https://www.w3.org/ns/activitystreams\"","href":"`+bob+`"}`), nil},
		"two actors": {says("acct:bob@v.example", self, link("self", "application/activity+json", "http://v.example/c/bob")), nil},
		"plain JSON": {page("application/json", `{"subject":"acct:bob@v.example","links":[`+self+`]}`), nil},
		"a redirect": {moved("http://v.example/finger"), nil},

		"no links":                                 {says("acct:bob@v.example"), ErrRefused},
		"links that are none":                      {page("application/jrd+json", `{"subject":"acct:bob@v.example","links":"x"}`), ErrRefused},
		"links of other types":                     {page("application/jrd+json", `{"subject":"acct:bob@v.example","links":[1,null,[],"`+bob+`",{"rel":["self"],"href":1}]}`), ErrRefused},
		"no self link":                             {says("acct:bob@v.example", link("profile", "application/activity+json", bob)), ErrRefused},
		"a self link of no type":                   {says("acct:bob@v.example", link("self", "", bob)), ErrRefused},
		"a self link of HTML":                      {says("acct:bob@v.example", link("self", "text/html", bob)), ErrRefused},
		"a self link to JSON":                      {says("acct:bob@v.example", link("self", "application/json", bob)), ErrRefused},
		"a self link to us":                        {says("acct:bob@v.example", link("self", "application/activity+json", "http://"+own+"/users/owner")), ErrRefused},
		"a self link home":                         {says("acct:bob@v.example", link("self", "application/activity+json", "http://127.0.0.1/users/bob")), ErrRefused},
		"a self link to a note":                    {says("acct:bob@v.example", link("self", "application/activity+json", "http://v.example/note")), ErrRefused},
		"another's actor":                          {says("acct:bob@v.example", link("self", "application/activity+json", "http://e.example/users/eve")), ErrRefused},
		"another's actor and handle of its server": {says("acct:bob@e.example", link("self", "application/activity+json", "http://e.example/users/eve")), ErrRefused},
		"another's subject":                        {says("acct:eve@e.example", self), ErrRefused},
		"our subject":                              {says("acct:owner@"+own, self), ErrRefused},
		"another user's subject":                   {says("acct:admin@v.example", self), ErrRefused},
		"a URL as subject":                         {says(bob, self), ErrRefused},
		"no subject":                               {page("application/jrd+json", `{"links":[`+self+`]}`), ErrRefused},
		"a list of subjects":                       {page("application/jrd+json", `{"subject":["acct:bob@v.example"],"links":[`+self+`]}`), ErrRefused},
		"two subjects":                             {page("application/jrd+json", `{"subject":"acct:bob@v.example","subject":"acct:bob@v.example","links":[`+self+`]}`), ErrRefused},
		"a subject in two cases":                   {page("application/jrd+json", `{"Subject":"acct:bob@v.example","links":[`+self+`]}`), ErrRefused},
		"HTML":                                     {page("text/html", "<html>"), ErrRefused},
		"nothing":                                  {page("application/jrd+json", ""), ErrRefused},
		"2 MiB":                                    {says("acct:bob@v.example", self, link("x", "y", strings.Repeat("z", 2<<20))), ErrRefused},
		"64 KiB":                                   {says("acct:bob@v.example", self, link("x", "y", strings.Repeat("z", maxDescriptor))), ErrRefused},
		"a redirect to us":                         {moved("http://" + own + "/.well-known/webfinger?resource=acct:bob@v.example"), ErrRefused},
		"a redirect home":                          {moved("http://127.0.0.1/.well-known/webfinger"), ErrRefused},
		"not found":                                {code(404), ErrGone},
		"forbidden":                                {code(403), ErrRefused},
		"broken":                                   {code(502), ErrUnreachable},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			v, e := w.net.site("v.example"), w.net.site("e.example")
			w.net.site(own)
			eve, p := e.person("eve"), v.person("bob")
			v.serve("/note", doc(p.note("/note")))
			v.serve("/finger", good)
			v.serve("/.well-known/webfinger", tt.answer)
			for range 2 {
				a, err := w.Handle(t.Context(), "bob@v.example")
				w.quiet(err)
				if !errors.Is(err, tt.want) || err == nil && (a.URI != bob || a.Handle != "bob@v.example") {
					t.Errorf("%+v, %v; want %v", a, err, tt.want)
				}
			}
			if n := len(w.net.requests()); n > 6 {
				t.Errorf("%d requests", n)
			}
			for _, uri := range []string{bob, eve.uri} { // nobody is called what is not theirs
				if a, err := w.db.Actor(t.Context(), uri); err == nil && a.Handle != "" {
					if user := uri[strings.LastIndex(uri, "/")+1:]; a.Handle != user+"@"+a.Host || uri == bob && tt.want != nil {
						t.Errorf("%s is called %q", uri, a.Handle)
					}
				}
			}
		})
	}
}

// A domain whose actors live on another host (FEP-4adb's "split domains"): confirmed both ways or refused.
func TestHandlesOfAnotherDomainThanTheActors(t *testing.T) {
	for name, tt := range map[string]struct {
		domain, host func(uri string) http.HandlerFunc // what brand.example and social.brand.example say
		want         string
	}{
		"both": {func(uri string) http.HandlerFunc { return named("acct:bob@brand.example", uri) },
			func(uri string) http.HandlerFunc { return named("acct:bob@brand.example", uri) }, "bob@brand.example"},
		"the domain sends on to the host": {func(string) http.HandlerFunc {
			return moved("http://social.brand.example/.well-known/webfinger?resource=acct:bob@brand.example")
		},
			func(uri string) http.HandlerFunc { return named("acct:bob@brand.example", uri) }, "bob@brand.example"},
		"the host alone": {func(string) http.HandlerFunc { return code(404) },
			func(uri string) http.HandlerFunc { return named("acct:bob@brand.example", uri) }, ""},
		"the domain names somebody else": {func(string) http.HandlerFunc {
			return named("acct:bob@brand.example", "http://brand.example/users/bob")
		},
			func(uri string) http.HandlerFunc { return named("acct:bob@brand.example", uri) }, ""},
		"the domain is called something else": {func(uri string) http.HandlerFunc { return named("acct:bob@third.example", uri) },
			func(uri string) http.HandlerFunc { return named("acct:bob@brand.example", uri) }, ""},
		"the domain gives another name": {func(uri string) http.HandlerFunc { return named("acct:bobby@brand.example", uri) },
			func(uri string) http.HandlerFunc { return named("acct:bob@brand.example", uri) }, ""},
		"the domain alone": {func(uri string) http.HandlerFunc { return named("acct:bob@brand.example", uri) },
			func(uri string) http.HandlerFunc { return named("acct:bob@social.brand.example", uri) }, "bob@social.brand.example"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			brand, social := w.net.site("brand.example"), w.net.site("social.brand.example")
			bob := social.person("bob")
			brand.serve("/.well-known/webfinger", tt.domain(bob.uri))
			social.serve("/.well-known/webfinger", tt.host(bob.uri))
			a, err := w.Actor(t.Context(), bob.uri)
			if err != nil || a.Handle != tt.want {
				t.Fatalf("%+v, %v; want %q", a, err, tt.want)
			}
			if n := len(w.net.requests()); n > 4 {
				t.Errorf("%d requests", n)
			}
			a, err = w.Handle(t.Context(), "bob@brand.example")
			if found := tt.want == "bob@brand.example"; found != (err == nil) {
				t.Errorf("by handle: %+v, %v", a, err)
			}
		})
	}
}

// A handle that could not be confirmed when its actor came is confirmed when the owner asks for it.
func TestAHandleIsConfirmedLater(t *testing.T) {
	for name, fetch := range map[string]func(w *world, bob *person) error{
		"its server was silent": func(w *world, bob *person) error {
			bob.serve("/.well-known/webfinger", code(503))
			_, err := w.Actor(w.t.Context(), bob.uri)
			return err
		},
		"the budget was used up": func(w *world, bob *person) error {
			_, err := w.Actor(hardening.WithBudget(w.t.Context(), 1), bob.uri)
			return err
		},
		"its server did not know": func(w *world, bob *person) error {
			bob.serve("/.well-known/webfinger", code(404))
			_, err := w.Actor(w.t.Context(), bob.uri)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				bob := w.net.site("v.example").person("bob")
				if err := fetch(w, bob); err != nil {
					t.Fatal(err)
				}
				if a, err := w.db.Actor(t.Context(), bob.uri); err != nil || a.Handle != "" {
					t.Fatalf("%+v, %v", a, err)
				}
				bob.serve("/.well-known/webfinger", bob.webfinger)
				time.Sleep(missGoneFor + time.Second)
				if a, err := w.Handle(t.Context(), "bob@v.example"); err != nil || a.URI != bob.uri {
					t.Errorf("%+v, %v", a, err)
				}
				if a, err := w.db.ActorByHandle(t.Context(), "bob@v.example"); err != nil || a.URI != bob.uri {
					t.Errorf("not kept: %+v, %v", a, err)
				}
			})
		})
	}
}

func TestUserNamesThatChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		v := w.net.site("v.example")
		bob := v.person("bob")
		handle := func(text, want string, requests ...string) {
			t.Helper()
			a, err := w.Handle(t.Context(), text)
			switch {
			case want == "" && err == nil:
				t.Errorf("%q is %s", text, a.URI)
			case want != "" && (err != nil || a.URI != want || a.Handle != text):
				t.Errorf("%q is %+v, %v; want %s", text, a, err, want)
			}
			w.net.counted(t, requests...)
		}
		handle("bob@v.example", bob.uri, finger("v.example", "bob"), "v.example /users/bob", finger("v.example", "bob"))

		// Renamed: found out at the next fetch, in the end when it is stale.
		v.serve("/users/bob", doc(bob.document("robert")))
		v.handles = map[string]string{"robert": bob.uri}
		handle("bob@v.example", bob.uri)
		time.Sleep(fresh)
		handle("bob@v.example", "", "v.example /users/bob", finger("v.example", "robert"), finger("v.example", "bob"))
		handle("robert@v.example", bob.uri)

		// Somebody else gets the old name.
		time.Sleep(missGoneFor + time.Second)
		other := v.person("bob2")
		v.serve("/users/bob2", doc(other.document("bob")))
		v.handles["bob"] = other.uri
		handle("bob@v.example", other.uri, finger("v.example", "bob"), "v.example /users/bob2", finger("v.example", "bob"))
		handle("robert@v.example", bob.uri)

		// And the name that is still in use here: its domain says whose it is now.
		third := v.person("robert3")
		v.serve("/users/robert3", doc(third.document("robert")))
		v.handles["robert"] = third.uri
		if a, err := w.Actor(t.Context(), third.uri); err != nil || a.Handle != "robert@v.example" {
			t.Errorf("%+v, %v", a, err)
		}
		w.net.requests()
		handle("robert@v.example", third.uri)
		if a, err := w.db.Actor(t.Context(), bob.uri); err != nil || a.Handle != "" {
			t.Errorf("two are called so: %+v, %v", a, err)
		}

		// A server that is silent takes nobody's name.
		time.Sleep(fresh)
		v.serve("/.well-known/webfinger", code(503))
		if a, err := w.Actor(t.Context(), other.uri); err != nil || a.Handle != "bob@v.example" {
			t.Errorf("%+v, %v", a, err)
		}
		// One that says no does.
		time.Sleep(fresh)
		v.serve("/.well-known/webfinger", code(404))
		if a, err := w.Actor(t.Context(), other.uri); err != nil || a.Handle != "" {
			t.Errorf("%+v, %v", a, err)
		}
	})
}

func TestHandlesThatAreNotLookedUp(t *testing.T) {
	w := newWorld(t)
	w.net.site(own)
	for _, text := range []string{"owner@" + own, "bob@" + own, "bob", "bob@127.0.0.1", "bob@localhost", "bob@printer.local", "bob@exa/mple.org", "bob@[::1]"} {
		w.unchanged(func() {
			if a, err := w.Handle(t.Context(), text); !errors.Is(err, ErrRefused) {
				t.Errorf("%q: %+v, %v", text, a, err)
			}
		})
		w.net.counted(t)
	}
	// With https, ports are for nobody.
	w.ids.Scheme = "https"
	if a, err := w.Handle(t.Context(), "bob@v.example:8443"); !errors.Is(err, ErrRefused) {
		t.Errorf("%+v, %v", a, err)
	}
	w.net.counted(t)
}

func TestAGoneActorHasNoHandle(t *testing.T) {
	w := newWorld(t)
	v := w.net.site("v.example")
	bob := v.person("bob")
	if _, err := w.Handle(t.Context(), "bob@v.example"); err != nil {
		t.Fatal(err)
	}
	w.write(func(ctx context.Context, tx storage.Tx) error { return tx.MarkActorGone(ctx, bob.uri, time.Now()) })
	if a, err := w.Handle(t.Context(), "bob@v.example"); !errors.Is(err, ErrGone) {
		t.Errorf("%+v, %v", a, err)
	}
	other := v.person("other")
	v.serve("/users/other", doc(other.document("bob")))
	v.handles["bob"] = other.uri
	if a, err := w.Handle(t.Context(), "bob@v.example"); err != nil || a.URI != other.uri {
		t.Errorf("%+v, %v", a, err)
	}
}

func FuzzReadDescriptor(f *testing.F) {
	for _, seed := range []string{
		`{"subject":"acct:bob@v.example","links":[{"rel":"self","type":"application/activity+json","href":"http://v.example/users/bob"}]}`,
		`{"subject":"acct:bob@exa/mple.org","aliases":["http://v.example/@bob"],"properties":{"http://x/y":null},"links":[{"rel":"self","titles":{"und":"x"}}]}`,
		`{"subject":"acct:Bob@BÜCHER.example:8080","links":[{"rel":"self","type":"application/ld+json; profile=\"https://www.w3.org/ns/activitystreams\"","href":"x"}]}`,
		`{"subject":["acct:bob@v.example"],"links":{"rel":"self"}}`, `{"subject":"acct:b\u202eob@v.example"}`, `[]`, `{`, ``,
	} {
		f.Add([]byte(seed), true)
		f.Add([]byte(seed), false)
	}
	self := `{"rel":"self","type":"application/activity+json","href":"http://v.example/users/bob"}`
	f.Add([]byte(`{"subject":"acct:bob@v.example","links":[`+strings.Repeat(self+",", maxSelf)+self+`]}`), true)
	f.Fuzz(func(t *testing.T, body []byte, ports bool) {
		d, err := readDescriptor(body, ports)
		if err != nil {
			if !errors.Is(err, ErrRefused) || len(d.actors) > 0 || (d.subject != handle{}) {
				t.Errorf("%+v, %v", d, err)
			}
			return
		}
		if len(d.actors) > maxSelf || slices.Contains(d.actors, "") {
			t.Errorf("actors %q", d.actors)
		}
		if (d.subject == handle{}) {
			return
		}
		again, err := parseHandle(d.subject.String(), ports)
		if err != nil || again.String() != d.subject.String() {
			t.Errorf("%q is read again as %q, %v", d.subject, again, err)
		}
	})
}
