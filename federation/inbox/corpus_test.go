package inbox

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dunnock-server/dunnock/federation/httpsig"
	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/storage"
)

// TestNoDocumentIsTooStrange sends every document of the corpora, good and bad, and has each of them as the object of every
// kind of activity by somebody whom the owner follows take effect. None may make the node fail or panic. The effects are
// tried one by one rather than through the queue, where one that waits for a server that is not there would hold up the
// others.
func TestNoDocumentIsTooStrange(t *testing.T) {
	n := newNode(t)
	eve := newPeer(t, n.net, "eve.example").person("eve")
	n.follows(eve)
	tried := 0
	for name, body := range corpus(t) {
		if status := n.do(eve.signed(body, httpsig.Cavage)); status >= 500 || status < 200 {
			t.Errorf("%s: status %d", name, status)
		}
		doc, err := vocab.Parse(body)
		if err != nil {
			continue
		}
		var acts []*activity
		var effects []effect
		for kind := range handlers {
			whole := merge(obj(maps.Clone(doc)), obj{"id": eve.url("/o/" + filepath.Base(name)), "attributedTo": eve.uri})
			for _, object := range []any{doc.ID(), obj(doc), whole, doc["object"]} {
				a, err := parse(encode(t, eve.act(kind, object, obj{"target": object, "to": n.ids.Owner(), "cc": vocab.PublicIRI})))
				if err != nil { // as deep as it may be, it is too deep within another
					continue
				}
				a.at = storage.Now()
				do, err := n.in.prepare(t.Context(), a)
				if errors.Is(err, errPanic) {
					t.Errorf("%s of %s: %v", kind, name, err)
				}
				if tried++; do != nil {
					acts, effects = append(acts, a), append(effects, do)
				}
			}
		}
		n.write(func(ctx context.Context, tx storage.Tx) error {
			for i, do := range effects {
				if err := n.in.apply(ctx, tx, acts[i], do); err != nil {
					return fmt.Errorf("%s of %s: %w", acts[i].kind, name, err)
				}
			}
			return nil
		})
	}
	t.Logf("%d activities", tried)
	if status := n.do(eve.signed(encode(t, eve.act("Like", n.own(storage.Public).URI)), httpsig.Cavage)); status != http.StatusAccepted {
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
