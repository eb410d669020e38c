package inbox

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/hardening/hostname"
	"github.com/dunnock-server/dunnock/storage"
)

// activity is a document in the form of an activity. It says what it says: whether its actor sent it is not known from it.
type activity struct {
	doc         vocab.Object // nil of a large one while it comes in
	id          string       // empty while it has none
	kind, actor string
	size        int // bytes, as it was sent

	// Known once it is in the queue:
	signed storage.Time // by the sender's clock
	at     storage.Time // when it came
	// from is how the owner stands to the actor: when it is prepared, and then again within the transaction of its effect.
	from storage.Standing
}

// errForm says that a document is no activity that could be anybody's.
var errForm = errors.New("not an activity of one actor")

// parse reads an activity and holds it to the form that gives it one meaning: one type, one actor on some server, and an
// id of the actor's origin, so that nobody can use up the ids of another (GHSA-4qhx-hhwf-8685). It may have no id: some
// servers give none to what they do not keep, and WriteFreely gives all activities about an article that of the article.
func parse(body []byte) (*activity, error) {
	doc, err := vocab.Parse(body)
	if err != nil {
		return nil, err
	}
	a := &activity{doc: doc, id: doc.ID(), actor: single(doc, "actor"), kind: doc.Type(), size: len(body)}
	origin := a.id
	if doc["id"] == nil {
		origin = a.actor
	}
	if len(doc.Types()) != 1 || !hostname.SameOrigin(origin, a.actor) {
		return nil, errForm
	}
	if a.id == single(doc, "object") {
		a.id = ""
	}
	return a, nil
}

// name gives an activity without an id one made of its bytes and the time it was signed at: a replay is the same activity,
// and the same act done again later is another one.
func (a *activity) name(body []byte, signed time.Time) {
	if a.id == "" {
		sum := sha256.Sum256(fmt.Appendf(nil, "%d %s", signed.Unix(), body))
		a.id = a.actor + "#" + hex.EncodeToString(sum[:])
	}
}

// arrived notes what is known of an activity once it is in the queue.
func (a *activity) arrived(row *storage.Inbound) {
	a.id, a.signed, a.at = row.Activity, row.SignedAt, row.ReceivedAt
}

// single is the reference in a field that must have exactly one: a string, or an object with an id, or a list of one of
// them. It is empty for anything else. What takes the first of several would see another document than who takes the last.
func single(doc vocab.Object, field string) string {
	if list, ok := doc[field].([]any); ok && len(list) != 1 {
		return ""
	}
	return doc.IRI(field)
}

// embedded is the object of a field that must have exactly one, if it is more than a reference.
func embedded(doc vocab.Object, field string) (vocab.Object, bool) {
	object, ok := doc.Object(field)
	return object, ok && single(doc, field) == object.ID() && object.Type() != ""
}
