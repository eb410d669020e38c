package hardening_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/redact"
)

// TestZeroPolicyLetsNothingThrough goes all four ways.
func TestZeroPolicyLetsNothingThrough(t *testing.T) {
	w := newWorld(t, hardening.Policy{}, ok)
	ctx := t.Context()
	if _, err := w.Deliver(ctx, delivery(inbox)); !errors.Is(err, hardening.ErrWithheld) {
		t.Errorf("Deliver: %v", err)
	}
	for p := egress.Federation; p.Valid(); p++ {
		if _, err := w.Fetch(ctx, hardening.Fetch{URL: "http://r.example/", Purpose: p}); !errors.Is(err, hardening.ErrWithheld) {
			t.Errorf("Fetch for %v: %v", p, err)
		}
		req, _ := http.NewRequestWithContext(ctx, "GET", "http://r.example/", nil)
		res, err := w.Transport(p).RoundTrip(req)
		if err == nil {
			res.Body.Close()
		}
		if !errors.Is(err, hardening.ErrWithheld) && !(p == egress.Federation && errors.Is(err, egress.ErrRefused)) {
			t.Errorf("Transport for %v: %v", p, err)
		}
	}
	for _, v := range []hardening.Viewer{{}, {Domain: "r.example"}} {
		for _, kind := range redact.Kinds() {
			body := full(kind)
			d := hardening.Document{Kind: kind, Object: "o", Release: time.Unix(1, 0), Body: body}
			if got, err := w.Serve(ctx, v, d); !errors.Is(err, hardening.ErrHidden) || got != nil {
				t.Errorf("Serve of %s to %+v: %q, %v", kind, v, got, err)
			}
		}
		if err := w.ServeMedia(ctx, v, "a.png", time.Unix(1, 0), 1); !errors.Is(err, hardening.ErrHidden) {
			t.Errorf("ServeMedia to %+v: %v", v, err)
		}
	}
	w.silent("", "r.example")
}

// full is a document of a kind with something in every field.
func full(kind string) map[string]any {
	doc := map[string]any{}
	for _, f := range redact.Known(kind) {
		doc[f.Name] = "x"
	}
	if _, typed := doc["type"]; typed {
		doc["type"] = kind
	}
	return doc
}
