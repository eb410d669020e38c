package federation_test

import (
	"testing"

	"github.com/dunnock-server/dunnock/federation"
	"github.com/dunnock-server/dunnock/storage"
)

// TestAnswersAreNoMorePublicThanWhatTheyAnswer unless the owner says so; and what is not for all is not quoted.
func TestAnswersAreNoMorePublicThanWhatTheyAnswer(t *testing.T) {
	run(t, func(w *world) {
		for _, v := range []storage.Visibility{storage.Public, storage.Unlisted, storage.Followers, storage.Direct} {
			p := w.publish(w.a, federation.Draft{Text: "well, " + w.b.Handle(), Visibility: v})
			w.settle()
			if got := w.publish(w.b, federation.Draft{Text: "yes", ReplyTo: p.URI}).Visibility; got != v {
				t.Errorf("the answer to a %s post is %s", v, got)
			}
			if got := w.publish(w.b, federation.Draft{Text: "no", ReplyTo: p.URI, Visibility: storage.Public}).Visibility; got != storage.Public {
				t.Errorf("the public answer to a %s post is %s", v, got)
			}
			_, err := w.b.Service().Publish(w.Context(), federation.Draft{Text: "look", Quote: p.URI})
			if closed := v == storage.Followers || v == storage.Direct; (err != nil) != closed {
				t.Errorf("quoting a %s post: %v", v, err)
			}
		}
		if got := w.publish(w.a, federation.Draft{Text: "by itself"}).Visibility; got != storage.Public {
			t.Errorf("a post is %s", got)
		}
	})
}
