package inbox

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/dunnock-server/dunnock/storage"
)

// cpu is the processor time that the process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u) // never fails
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkProcess is how many posts a second take effect, of 200 actors whom the owner follows and all of whom name the
// owner: each is a post, an entry in the timeline and a notification.
func BenchmarkProcess(b *testing.B) {
	n := newNode(b)
	p := newPeer(b, n.net, "busy.example")
	var actors []*actor
	for i := range 200 {
		actors = append(actors, p.person(fmt.Sprint("a", i)))
	}
	n.follows(actors...)
	n.write(func(ctx context.Context, tx storage.Tx) error {
		for i := range b.N {
			a := actors[i%len(actors)]
			doc := a.act("Create", a.note(fmt.Sprint(i), "Some words of the length that posts have, with a <a href=\"http://busy.example/\">link</a> in them.",
				obj{"tag": []any{obj{"type": "Mention", "href": n.ids.Owner(), "name": "@alice"}}}))
			now := storage.Now()
			row := &storage.Inbound{Actor: a.uri, Activity: doc["id"].(string), Body: encode(b, doc), ReceivedAt: now, DueAt: now}
			if _, err := tx.Accept(ctx, row); err != nil {
				return err
			}
		}
		return nil
	})
	before := cpu()
	b.ResetTimer()
	n.settle()
	b.StopTimer()
	b.ReportMetric(float64(cpu()-before)/float64(time.Microsecond)/float64(b.N), "cpu-us/activity")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "activities/s")
	if got := len(n.notified()); got != min(b.N, 100) {
		b.Errorf("%d notifications", got)
	}
}
