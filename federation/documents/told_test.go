package documents

import (
	"testing"

	"github.com/dunnock-server/dunnock/storage"
)

// TestWhoFetchedAPostIsToldMore: their server may keep it, so it hears of edits and of the deletion. Who was shown nothing
// does not.
func TestWhoFetchedAPostIsToldMore(t *testing.T) {
	w := newWorld(t)
	post, _ := w.post(storage.Followers, nil)
	for _, step := range []struct {
		who             as
		status, inboxes int
	}{{"", 401, 0}, {"stranger", 404, 0}, {"blocked", 404, 0}, {"follower", 200, 1}} {
		got := w.get(step.who, post.URI)
		told, err := w.db.ToldInboxes(t.Context(), post.URI)
		if err != nil || got.status != step.status || len(told) != step.inboxes {
			t.Errorf("%q: status %d, %d inboxes told, %v", step.who, got.status, len(told), err)
		}
	}
}
