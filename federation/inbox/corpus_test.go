package inbox

import (
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dunnock-server/dunnock/federation/httpsig"
	"github.com/dunnock-server/dunnock/federation/vocab"
)

// TestNoDocumentIsTooStrange sends every document of the corpora, good and bad, as it is and as the object of every kind
// of activity by somebody whom the owner follows. None may make the node fail or panic.
func TestNoDocumentIsTooStrange(t *testing.T) {
	n := newNode(t)
	eve := newPeer(t, n.net, "eve.example").person("eve")
	n.knows(eve)
	n.follows(eve)
	sent := 0
	send := func(name string, body []byte) {
		t.Helper()
		sent++
		if status := n.do(eve.signed(body, httpsig.Cavage)); status >= 500 || status < 200 {
			t.Errorf("%s: status %d", name, status)
		}
	}
	for name, body := range corpus(t) {
		send(name, body)
		doc, err := vocab.Parse(body)
		if err != nil {
			continue
		}
		for kind := range handlers {
			whole := obj(maps.Clone(doc))
			for _, object := range []any{doc.ID(), obj(doc), merge(whole, obj{"id": eve.url("/o/" + filepath.Base(name)), "attributedTo": eve.uri}), doc["object"]} {
				send(kind+" of "+name, encode(t, eve.act(kind, object, obj{"target": object, "to": n.ids.Owner(), "cc": vocab.PublicIRI})))
			}
		}
	}
	n.settle()
	if log := n.log.String(); strings.Contains(log, "panic") || strings.Contains(log, "stumble") {
		t.Errorf("the node failed:\n%s", log)
	}
	t.Logf("%d requests", sent)
	if status := n.do(eve.signed(encode(t, eve.act("Like", n.own("public").URI)), httpsig.Cavage)); status != http.StatusAccepted {
		t.Errorf("after all that: %d", status)
	}
}

// corpus is every document in testdata/activities and testdata/activitystreams, by path.
func corpus(t *testing.T) map[string][]byte {
	t.Helper()
	documents := map[string][]byte{}
	for _, dir := range []string{"activities", "activitystreams"} {
		root := filepath.Join("..", "..", "testdata", dir)
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".json" {
				return err
			}
			documents[strings.TrimPrefix(path, root)], err = os.ReadFile(path)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(documents) < 200 {
		t.Fatalf("only %d documents", len(documents))
	}
	return documents
}
