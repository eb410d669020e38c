package wire

import (
	"maps"
	"time"

	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/hardening/timing"
)

// Activity is an act of one of the node's actors, before it is a document.
type Activity struct {
	ID, Type, Actor string
	// Object is the URI of what the act is about, several of them ([]string, of a Flag), or the whole document. Threads
	// wants the whole Follow in Accept and Reject, and the whole act in Undo; an embedded actor breaks it.
	Object    any
	Target    string // of Add, Remove and Move
	Content   string // of Flag, plain text
	To, CC    []string
	Published time.Time // the release; zero: none is told
}

// Document is the whole activity as plain JSON, with its context; embedded documents lose theirs. What is empty is left
// out.
func (a Activity) Document() vocab.Object {
	doc := vocab.Object{"@context": vocab.ObjectContext()}
	for field, text := range map[string]string{
		"id": a.ID, "type": a.Type, "actor": a.Actor, "target": a.Target, "content": a.Content,
		"published": stamp(timing.Published(a.Published)),
	} {
		putText(doc, field, text)
	}
	switch object := a.Object.(type) {
	case string:
		putText(doc, "object", object)
	case []string:
		putList(doc, "object", object)
	case vocab.Object:
		doc["object"] = embedded(object)
		if vocab.IsActor(object.Type()) {
			doc["@context"] = vocab.ActorContext()
		}
	}
	putList(doc, "to", a.To)
	putList(doc, "cc", a.CC)
	return doc
}

// embedded is a document as it stands within another.
func embedded(doc vocab.Object) map[string]any {
	inner := map[string]any(maps.Clone(doc))
	delete(inner, "@context")
	return inner
}

// stamp is a time as documents hold it (RFC 3339, UTC, whole seconds); empty for none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Truncate(time.Second).Format(time.RFC3339)
}

// putText sets a field unless the text is empty.
func putText(doc map[string]any, field, text string) {
	if text != "" {
		doc[field] = text
	}
}

// putList sets a field to a list unless it is empty. It is plain JSON: lists of strings are no lists to whoever makes views.
func putList[T any](doc map[string]any, field string, list []T) {
	if len(list) == 0 {
		return
	}
	plain := make([]any, len(list))
	for i, item := range list {
		plain[i] = item
	}
	doc[field] = plain
}
