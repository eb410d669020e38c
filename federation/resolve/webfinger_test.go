package resolve

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

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
