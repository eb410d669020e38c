package control_test

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/dunnock-server/dunnock/federation"
	"github.com/dunnock-server/dunnock/federation/control"
	"github.com/dunnock-server/dunnock/federation/metrics"
	"github.com/dunnock-server/dunnock/federation/node"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/timing"
	"github.com/dunnock-server/dunnock/storage"
)

// TestKeptPostIsMadeOnce: a crash after a kept call was made, and before it was dropped, makes it again; that must not
// double the post.
func TestKeptPostIsMadeOnce(t *testing.T) {
	c := node.Config{Domain: "example.org", Host: "example.org", Username: "alice", DataDir: filepath.Join(t.TempDir(), "data"),
		Policy: hardening.Open(), Timing: timing.Mode{Kind: timing.Now}, Offline: true}
	if err := node.Init(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	n, err := node.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	client := control.InProcess(n.Control())
	var kept control.Kept
	var figures metrics.Snapshot
	if err := client.Call(t.Context(), "metrics", nil, &figures); err != nil || figures.Text() != (metrics.Snapshot{}).Text() {
		t.Errorf("of a node that is down, the metrics say\n%s%v", figures.Text(), err)
	}
	if err := client.Call(t.Context(), "post", control.NewPost{Text: "hello @bob@remote.example"}, &kept); err != nil || !kept.Queued {
		t.Fatalf("%+v, %v", kept, err)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	call := stored(t, filepath.Join(c.DataDir, "dunnock.db"))
	call.Text = "hello" // so that it can be made without asking anybody

	if n, err = node.Open(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	client = control.InProcess(n.Control())
	var made, again federation.Post
	for _, into := range []*federation.Post{&made, &again} {
		if err := client.Call(t.Context(), "post", call, into); err != nil {
			t.Fatal(err)
		}
	}
	var page control.Posts
	if err := client.Call(t.Context(), "timeline", nil, &page); err != nil {
		t.Fatal(err)
	}
	if made.URI == "" || made.URI != again.URI || len(page.Posts) != 1 {
		t.Errorf("%q and %q, and in the timeline %d posts", made.URI, again.URI, len(page.Posts))
	}
}

// stored reads the one call that a database keeps.
func stored(t *testing.T, path string) (post control.NewPost) {
	t.Helper()
	db, err := storage.Open(t.Context(), storage.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	calls, err := db.Calls(t.Context())
	if err != nil || len(calls) != 1 {
		t.Fatalf("%d calls, %v", len(calls), err)
	}
	if err := json.Unmarshal([]byte(calls[0].Args), &post); err != nil {
		t.Fatal(err)
	}
	return post
}
