package resolve

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/dunnock-server/dunnock/federation/httpsig"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/storage"
)

// Whatever servers answer, an arrival costs no more requests than its budget, in whatever way it was spent.
func TestLoopsEndWithTheBudget(t *testing.T) {
	refuse := func(next http.HandlerFunc) http.HandlerFunc { // cavage
		return func(rw http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Signature-Input") == "" {
				rw.WriteHeader(http.StatusUnauthorized)
				return
			}
			next(rw, r)
		}
	}
	for name, pages := range map[string]map[string]http.HandlerFunc{
		"redirects, then an id, then redirects": {"/x": moved("/1"), "/1": moved("/2"), "/2": doc(obj{"id": "http://e.example/3", "type": "Person"}),
			"/3": moved("/4"), "/4": moved("/5"), "/5": moved("/6")},
		"refusals":              {"/x": refuse(moved("/1")), "/1": refuse(moved("/2")), "/2": refuse(moved("/3")), "/3": refuse(doc(obj{"id": "http://e.example/x"}))},
		"redirects that refuse": {"/x": moved("/1"), "/1": moved("/2"), "/2": moved("/3"), "/3": code(401)},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			e := w.net.site("e.example")
			for path, h := range pages {
				e.serve(path, h)
			}
			const budget = 5
			for _, f := range []func(context.Context) error{
				func(ctx context.Context) error { _, err := w.Fetch(ctx, e.url("/x")); return err },
				func(ctx context.Context) error { _, err := w.Actor(ctx, e.url("/x")); return err },
				func(ctx context.Context) error { _, err := w.Post(ctx, e.url("/x")); return err },
				func(ctx context.Context) error { _, _, err := w.Any(ctx, e.url("/x")); return err },
			} {
				if err := f(hardening.WithBudget(t.Context(), budget)); !errors.Is(err, hardening.ErrBudget) {
					t.Errorf("error %v", err)
				}
				if n := len(w.net.requests()); n != budget {
					t.Errorf("%d requests", n)
				}
			}
		})
	}
}

// scheme is that of a request's signature, which must be by the server's own actor.
func scheme(t testing.TB, r *http.Request) httpsig.Scheme {
	t.Helper()
	sig, signature := httpsig.Cavage, r.Header.Get("Signature")
	if input := r.Header.Get("Signature-Input"); input != "" {
		sig, signature = httpsig.RFC9421, input
	}
	if !strings.Contains(signature, `"http://`+own+`/actor#main-key"`) {
		t.Errorf("signed by %q", signature)
	}
	return sig
}

func TestSignatureSchemes(t *testing.T) {
	const c, r = httpsig.Cavage, httpsig.RFC9421
	for _, tt := range []struct {
		name       string
		remembered httpsig.Scheme
		takes      []httpsig.Scheme
		refusal    int
		asked      []httpsig.Scheme
		then       httpsig.Scheme // remembered afterwards
		want       error
	}{
		{"takes the first", 0, []httpsig.Scheme{c, r}, 401, []httpsig.Scheme{c}, 0, nil},
		{"takes the second alone", 0, []httpsig.Scheme{r}, 401, []httpsig.Scheme{c, r}, r, nil},
		{"says 400", 0, []httpsig.Scheme{r}, 400, []httpsig.Scheme{c, r}, r, nil},
		{"says 403", 0, []httpsig.Scheme{r}, 403, []httpsig.Scheme{c, r}, r, nil},
		{"refuses for another reason", 0, nil, 404, []httpsig.Scheme{c}, 0, ErrGone},
		{"refuses both", 0, nil, 401, []httpsig.Scheme{c, r}, 0, ErrRefused},
		{"took the second before", r, []httpsig.Scheme{r}, 401, []httpsig.Scheme{r}, r, nil},
		{"took the second before, and then the first alone", r, []httpsig.Scheme{c}, 401, []httpsig.Scheme{r, c}, c, nil},
		{"took the first before, and then the second alone", c, []httpsig.Scheme{r}, 401, []httpsig.Scheme{c, r}, r, nil},
		{"took the second before, and now none", r, nil, 403, []httpsig.Scheme{r, c}, r, ErrRefused},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			e := w.net.site("e.example")
			var asked []httpsig.Scheme
			e.serve("/x", func(rw http.ResponseWriter, req *http.Request) {
				s := scheme(t, req)
				if asked = append(asked, s); !slices.Contains(tt.takes, s) {
					rw.WriteHeader(tt.refusal)
					return
				}
				doc(obj{"id": e.url("/x"), "type": "Note"})(rw, req)
			})
			w.write(func(ctx context.Context, tx storage.Tx) error {
				if tt.remembered == 0 {
					return nil
				}
				return tx.SetHostScheme(ctx, "e.example", int(tt.remembered))
			})
			if _, err := w.Fetch(t.Context(), e.url("/x")); !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
			if !slices.Equal(asked, tt.asked) {
				t.Errorf("asked in %v, want %v", asked, tt.asked)
			}
			host, err := w.db.Host(t.Context(), "e.example")
			if err != nil || httpsig.Scheme(host.Scheme) != tt.then {
				t.Errorf("remembered %v, want %v (%v)", httpsig.Scheme(host.Scheme), tt.then, err)
			}
		})
	}
}

// The second try failed for want of budget: that says nothing about the document, and is not remembered.
func TestASecondSchemeWithoutBudgetIsNoRefusal(t *testing.T) {
	w := newWorld(t)
	e := w.net.site("e.example")
	e.serve("/x", func(rw http.ResponseWriter, req *http.Request) {
		if scheme(t, req) == httpsig.Cavage {
			rw.WriteHeader(http.StatusUnauthorized)
			return
		}
		doc(obj{"id": e.url("/x"), "type": "Note"})(rw, req)
	})
	if _, err := w.Fetch(hardening.WithBudget(t.Context(), 1), e.url("/x")); !errors.Is(err, hardening.ErrBudget) {
		t.Errorf("error %v", err)
	}
	if _, err := w.Fetch(t.Context(), e.url("/x")); err != nil {
		t.Errorf("later: %v", err)
	}
}
