package delivery_test

import (
	"cmp"
	"net/http"
	"testing"
	"testing/synctest"

	. "github.com/dunnock-server/dunnock/federation/delivery"
	"github.com/dunnock-server/dunnock/hardening/egress"
)

// TestOutcomes: each attempt counts as what became of it.
func TestOutcomes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		relay := &outage{}
		w := newWorld(t, func(_ *Config, e *egressConfig) {
			relay.far, _ = e.Relays[0].(*far)
			e.Relays = []egress.Relay{relay}
		})
		w.far.answer = func(a arrival, _ http.Header) int {
			return cmp.Or(map[string]int{"gone.example": http.StatusGone, "odd.example": http.StatusInternalServerError}[a.host()], http.StatusAccepted)
		}
		w.far.down["down.example"] = true
		w.post("http://a.example/inbox", "http://b.example/inbox", "http://gone.example/inbox", "http://odd.example/inbox", "http://down.example/inbox")
		w.enqueue(w.act("Like", 0), "http://a.example/inbox")
		w.batch(6)
		relay.down = egress.ErrRelayDown
		w.post("http://c.example/inbox")
		w.batch(1)
		if got, want := w.Outcomes(), (Outcomes{Arrived: 2, Withheld: 1, Hopeless: 1, Failed: 2, Held: 1}); got != want {
			t.Errorf("%+v, not %+v", got, want)
		}
	})
}
