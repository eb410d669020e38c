package wire

import (
	"time"

	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/hardening/timing"
)

// Activity is an act of one of the node's actors, before it is a document.
type Activity struct {
	ID, Type, Actor string
	// Object is the URI of what the act is about, several of them ([]string, of a Flag), or the whole document (a
	// vocab.Object). Threads wants the whole Follow in Accept and Reject, and the whole act in Undo. Anything else is left
	// out, and without its object no act passes the gate.
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
		inner := plain(object).(map[string]any)
		delete(inner, "@context")
		doc["object"] = inner
		if vocab.IsActor(object.Type()) {
			doc["@context"] = vocab.ActorContext()
		}
	}
	putList(doc, "to", a.To)
	putList(doc, "cc", a.CC)
	return doc
}

// plain is a copy of a value as encoding/json would have decoded it: maps and lists of any, which is what views are made
// of.
func plain(value any) any {
	switch value := value.(type) {
	case vocab.Object:
		return plain(map[string]any(value))
	case map[string]any:
		copied := make(map[string]any, len(value))
		for field, v := range value {
			copied[field] = plain(v)
		}
		return copied
	case []any:
		copied := make([]any, len(value))
		for n, v := range value {
			copied[n] = plain(v)
		}
		return copied
	case []string:
		return plainList(value)
	case []vocab.Object:
		return plainList(value)
	}
	return value
}

func plainList[T any](list []T) []any {
	copied := make([]any, len(list))
	for n, v := range list {
		copied[n] = plain(v)
	}
	return copied
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

// putList sets a field to a list unless it is empty.
func putList[T any](doc map[string]any, field string, list []T) {
	if len(list) > 0 {
		doc[field] = plainList(list)
	}
}
