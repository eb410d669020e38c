package wire

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"

	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/hardening/hostname"
	"github.com/dunnock-server/dunnock/hardening/sanitize"
)

// What is kept of a document; the rest is cut off (CVE-2026-23962).
const (
	maxContent     = 200_000 // bytes of HTML
	maxName        = 500     // runes: names, titles, options of a poll
	maxNote        = 1500    // runes: content warnings and descriptions of files
	maxTags        = 100     // mentions and hashtags together
	maxEmoji       = 100
	maxAttachments = 32
	maxOptions     = 100
	maxFields      = 50
	maxKeys        = 10
	maxAliases     = 20
	maxCount       = 1 << 31 // votes, pixels: sums of them stay far from overflow
)

// ErrInvalid wraps every reason to refuse a document. The text says what is wrong, with nothing of the document in it.
var ErrInvalid = errors.New("document refused")

func refuse(reason string) error { return fmt.Errorf("%w: %s", ErrInvalid, reason) }

// Reader makes records of what others wrote. Its zero value is not usable: it needs a Sanitizer. It is safe for
// concurrent use.
type Reader struct {
	Sanitizer *sanitize.Sanitizer
	IDs       IDs  // the node's own, which no document of others may claim
	HTTP      bool // unsafe, for trials: ids and inboxes may be http
}

// foreign takes the id of a document: a URI of another server that documents can be fetched from.
func (r Reader) foreign(doc vocab.Object) (string, error) {
	id := doc.ID()
	switch {
	case id == "":
		return "", refuse("no id")
	case !r.fetchable(id):
		return "", refuse("its id is no address to fetch")
	case r.IDs.Own(id):
		return "", refuse("its id is of this node")
	}
	return id, nil
}

// fetchable reports whether a URI may name an object on any server: https (http in trials), of bounded length, and written
// as RFC 3986 and 3987 have it. A name is kept and shown as it is spelled: one with markup in it, or with characters that
// steer a terminal or turn the direction of reading, would be more than a name wherever it is shown.
func (r Reader) fetchable(uri string) bool {
	if len(uri) > sanitize.MaxURL || strings.ContainsFunc(uri, unwritten) {
		return false
	}
	origin, err := hostname.OriginOf(uri)
	return err == nil && (origin.Scheme == "https" || r.HTTP)
}

// unwritten are the characters that no URI holds unless they are percent-escaped.
func unwritten(c rune) bool { return strings.ContainsRune("\"<>`", c) || !unicode.IsPrint(c) }

// reference passes a URI that may name an object, "" for any other.
func (r Reader) reference(uri string) string {
	if !r.fetchable(uri) {
		return ""
	}
	return uri
}

// endpoint is a field whose value must be a single address of the document's own origin; "" when it is not. A list or an
// object is no address, however short: readers differ in what they take from it.
func (r Reader) endpoint(doc vocab.Object, field, id string) string {
	uri, _ := doc[field].(string)
	if !r.fetchable(uri) || !hostname.SameOrigin(uri, id) {
		return ""
	}
	return uri
}

// page picks the address that people are shown: HTML before what does not say, and nothing else. One on another host
// than the document's own is dropped: it would lend the post of one server the face of another.
func page(doc vocab.Object, id string) string {
	own, _ := hostname.HostOf(id)
	first := ""
	for _, l := range links(doc["url"]) {
		address, ok := sanitize.URL(l.href)
		host, _ := hostname.HostOf(address)
		if !ok || host != own {
			continue
		}
		switch l.mime {
		case "text/html":
			return address
		case "":
			if first == "" {
				first = address
			}
		}
	}
	return first
}

// linked is an address and what is said to be there.
type linked struct {
	href, mime    string
	width, height int
}

// links reads a `url` or `icon`: a string, a Link, an object with a `url` of its own, or a list of them.
func links(value any) (found []linked) {
	for _, o := range (vocab.Object{"url": value}).Objects("url") {
		l := linked{mime: mime(o), width: count(o, "width"), height: count(o, "height")}
		switch href, _ := o["href"].(string); {
		case href != "":
			l.href = href
		case o["url"] != nil:
			l.href = o.IRI("url")
		default:
			l.href = o.ID()
		}
		if l.href != "" {
			found = append(found, l)
		}
	}
	return found
}

// mimePattern is a media type without parameters (RFC 6838 section 4.2), in lower case.
var mimePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/[a-z0-9][a-z0-9!#$&^_.+-]{0,63}$`)

// mime is the media type of an object, without parameters; "" when it has none.
func mime(o vocab.Object) string {
	essence, _, _ := strings.Cut(o.Text("mediaType"), ";")
	essence = strings.ToLower(strings.TrimSpace(essence))
	if !mimePattern.MatchString(essence) {
		return ""
	}
	return essence
}

// count is a number of things or pixels: never negative, never beyond maxCount.
func count(o vocab.Object, field string) int {
	n, _ := o.Int(field)
	return int(min(max(n, 0), maxCount))
}

// text is one line of plain text, of at most limit runes.
func text(raw string, limit int) string {
	line := sanitize.Text(cut(raw, maxContent))
	for at := range line {
		if limit == 0 {
			return strings.TrimSpace(line[:at])
		}
		limit--
	}
	return line
}

// cut shortens text to a number of bytes, between two runes.
func cut(raw string, limit int) string {
	if len(raw) <= limit {
		return raw
	}
	return strings.ToValidUTF8(raw[:limit], "")
}

// html reduces HTML of whatever length. Tags that are closed and links that are marked make it longer, so what comes out
// too long is read again, half as far.
func (r Reader) html(raw string) string {
	for limit := maxContent; ; limit /= 2 {
		if clean := r.Sanitizer.HTML(cut(raw, limit)); len(clean) <= maxContent {
			return clean
		}
	}
}

// moment reads a time and holds it between 1970 and now. Threads writes zones without a colon.
func moment(doc vocab.Object, field string, now time.Time) (time.Time, bool) {
	t, ok := doc.Time(field)
	if raw, _ := doc[field].(string); !ok && len(raw) <= 64 {
		var err error
		t, err = time.Parse("2006-01-02T15:04:05-0700", raw)
		ok = err == nil
	}
	switch epoch := time.Unix(0, 0).UTC(); {
	case !ok:
		return time.Time{}, false
	case t.Before(epoch):
		return epoch, true
	case t.After(now):
		return now, true
	}
	return t, true
}
