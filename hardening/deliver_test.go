package hardening_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dunnock-server/dunnock/federation/httpsig"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/exposure"
	"github.com/dunnock-server/dunnock/hardening/redact"
)

// without is the open policy less one field of one kind.
func without(kind, field string) hardening.Policy {
	p := hardening.Open()
	p.Signed.Fields[kind] = slices.DeleteFunc(slices.Clone(p.Signed.Fields[kind]), func(f string) bool { return f == field })
	return p
}

func TestWhatIsNotDeliveredLeavesNoTrace(t *testing.T) {
	below := without("Note", "content")
	for name, c := range map[string]struct {
		policy hardening.Policy
		change func(*hardening.Delivery)
		want   error
	}{
		"unknown kind of act":  {hardening.Open(), func(d *hardening.Delivery) { d.Document["type"] = "Dance" }, hardening.ErrWithheld},
		"no kind":              {hardening.Open(), func(d *hardening.Delivery) { delete(d.Document, "type") }, hardening.ErrWithheld},
		"several kinds":        {hardening.Open(), func(d *hardening.Delivery) { d.Document["type"] = []any{"Create"} }, hardening.ErrWithheld},
		"released in a second": {hardening.Open(), func(d *hardening.Delivery) { d.Release = time.Now().Add(time.Second) }, hardening.ErrUnreleased},
		"never released":       {hardening.Open(), func(d *hardening.Delivery) { d.Release = time.Time{} }, hardening.ErrUnreleased},
		"below the floor":      {below, func(*hardening.Delivery) {}, redact.ErrBelowFloor},
		"no object": {hardening.Open(), func(d *hardening.Delivery) { delete(d.Document, "object") },
			redact.ErrBelowFloor},
		"unsigned":      {hardening.Open(), func(d *hardening.Delivery) { d.Sign = nil }, egress.ErrRefused},
		"not a server":  {hardening.Open(), func(d *hardening.Delivery) { d.Inbox = "mailto:bob@r.example" }, egress.ErrRefused},
		"with userinfo": {hardening.Open(), func(d *hardening.Delivery) { d.Inbox = "http://a@r.example/inbox" }, egress.ErrRefused},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, c.policy, ok)
			d := delivery(inbox)
			c.change(&d)
			if _, err := w.Deliver(t.Context(), d); !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
			w.silent("r.example")
		})
	}
}

func TestDeliveryIsWhatThePolicyShows(t *testing.T) {
	for _, scheme := range []httpsig.Scheme{httpsig.Cavage, httpsig.RFC9421} {
		t.Run(scheme.String(), func(t *testing.T) {
			var w *world
			var body, head string
			var during []exposure.Row
			var fault error
			w = newWorld(t, without("Note", "contentMap"), func(rw http.ResponseWriter, r *http.Request) {
				during = w.rows("r.example")
				b, err := io.ReadAll(r.Body)
				body, head = string(b), fmt.Sprint(r.URL, r.Header)
				fault = errors.Join(err, verify(r, b))
				rw.WriteHeader(http.StatusAccepted)
			})
			var signed string
			d := delivery(inbox)
			d.Sign = func(req *http.Request, body []byte) error {
				signed = string(body)
				return sign(scheme)(req, body)
			}
			got, err := w.Deliver(t.Context(), d)
			if err != nil || got.Status != http.StatusAccepted {
				t.Fatal(got, err)
			}
			if fault != nil || signed != body {
				t.Errorf("the signature is not that of what arrived: %v\n%s\n%s", fault, signed, body)
			}
			if strings.Contains(body+head, "CANARY") || !strings.Contains(body, "hello <b>&</b>") {
				t.Errorf("arrived: %s %s", head, body)
			}
			if len(during) != 1 || during[0].Status != 0 || during[0].Bytes != 0 || !during[0].SettledAt.IsZero() {
				t.Fatalf("when the first bytes arrived the ledger said %+v", during)
			}
			after := w.rows("r.example")
			if len(after) != 1 || after[0].Status != http.StatusAccepted || after[0].SettledAt.IsZero() || after[0].Bytes < int64(len(body)) {
				t.Fatalf("afterwards the ledger says %+v", after)
			}
			row := after[0]
			if row.Exit != "memory" || row.Purpose != "federation" || row.Act != "Create" || row.Direction != exposure.Pushed ||
				row.Object != d.Object || row.At.IsZero() {
				t.Errorf("%+v", row)
			}
			want := []string{"@context", "actor", "id", "object", "object.attributedTo", "object.content", "object.id",
				"object.published", "object.sensitive", "object.to", "object.type", "to", "type"}
			if !reflect.DeepEqual(row.Fields, want) {
				t.Errorf("fields %q", row.Fields)
			}
		})
	}
}

func TestFailedDeliveryIsSettled(t *testing.T) {
	w := newWorld(t, hardening.Open(), func(rw http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		panic(http.ErrAbortHandler)
	})
	if _, err := w.Deliver(t.Context(), delivery(inbox)); err == nil || !hardening.Temporary(err) {
		t.Errorf("no answer: %v", err)
	}
	if rows := w.rows("r.example"); len(rows) != 1 || rows[0].Status != 0 || rows[0].Bytes == 0 || rows[0].SettledAt.IsZero() {
		t.Errorf("no answer: %+v", rows)
	}
	if _, err := w.Deliver(t.Context(), delivery("http://down.example/inbox")); err == nil || !hardening.Temporary(err) {
		t.Errorf("no connection: %v", err)
	}
	if rows := w.rows("down.example"); len(rows) != 1 || rows[0].Status != 0 || rows[0].Bytes != 0 || rows[0].SettledAt.IsZero() {
		t.Errorf("no connection: %+v", rows)
	}
}

func TestRedirectOfADeliveryIsNotFollowed(t *testing.T) {
	w := newWorld(t, hardening.Open(), func(rw http.ResponseWriter, r *http.Request) {
		http.Redirect(rw, r, "http://canary.example/inbox", http.StatusTemporaryRedirect)
	})
	if got, err := w.Deliver(t.Context(), delivery(inbox)); err != nil || got.Status != http.StatusTemporaryRedirect {
		t.Errorf("%+v, %v", got, err)
	}
	if d := w.far.dialled(); !slices.Equal(d, []string{"r.example:80"}) {
		t.Errorf("dialled %v", d)
	}
}
