package storagetest

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dunnock-server/dunnock/storage"
)

func TestFill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dunnock.db")
	began := time.Now()
	const posts, queue = 20_000, 10_000
	for range 2 { // which adds nothing
		if err := Fill(t.Context(), path, Config{Posts: posts, Queue: queue}); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%.0f posts a second", 2*posts/time.Since(began).Seconds())
	db, err := storage.Open(t.Context(), storage.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	entries, err := db.Timeline(t.Context(), 0, posts)
	if err != nil || len(entries) != posts/10*8 {
		t.Fatalf("%d entries in the timeline, %v", len(entries), err)
	}
	p, err := db.Post(t.Context(), entries[0].Post)
	if err != nil {
		t.Fatal(err)
	}
	if thread, err := db.Thread(t.Context(), p.Conversation, 100); err != nil || len(thread) == 0 {
		t.Errorf("the thread of the newest post: %d posts, %v", len(thread), err)
	}
	if author, err := db.Actor(t.Context(), p.Author); err != nil || !strings.HasPrefix(p.URI, "https://"+author.Host+"/users/") {
		t.Errorf("the author of %s: %+v, %v", p.URI, author, err)
	}
	waiting, err := db.Deliveries(t.Context(), 2*queue)
	if err != nil || len(waiting) != queue {
		t.Errorf("%d deliveries wait, %v", len(waiting), err)
	}
	if act, err := db.Act(t.Context(), waiting[0].ActID); err != nil || act.Document == "" {
		t.Error(err)
	}
}
