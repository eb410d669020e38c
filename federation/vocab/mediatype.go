package vocab

import (
	"mime"
	"slices"
	"strconv"
	"strings"
)

// Content types of ActivityPub documents (ActivityPub section 3.2): ContentType is what we send.
const (
	ContentType   = "application/activity+json"
	ContentTypeLD = `application/ld+json; profile="https://www.w3.org/ns/activitystreams"`
)

// Accept is the Accept header of a fetch of a document: the types that AcceptsActivity lets in.
const Accept = ContentType + ", " + ContentTypeLD

// maxHeader bounds the header values that are read, in bytes.
const maxHeader = 1024

// AcceptsActivity reports whether a response or request of this Content-Type may be read as an ActivityPub document:
// application/activity+json, or application/ld+json whose list of profiles has the ActivityStreams namespace
// (ActivityPub section 3.2). Everything else is refused, application/json and a bare application/ld+json included:
// whoever can upload a file somewhere that is served under such a type could pose as anyone of that origin
// (CVE-2024-25623).
func AcceptsActivity(contentType string) bool {
	if len(contentType) > maxHeader {
		return false
	}
	media, params, err := mime.ParseMediaType(contentType)
	return err == nil && isActivity(media, params)
}

func isActivity(media string, params map[string]string) bool {
	switch media {
	case "application/activity+json":
		return true
	case "application/ld+json":
		return slices.Contains(strings.Fields(params["profile"]), ContextActivityStreams)
	}
	return false
}

// Wanted reports whether an Accept header asks for an ActivityPub document and does not prefer HTML (RFC 9110 section
// 12.5.1). Wildcards do not ask for one; a header that is malformed, or longer than 1 KiB, asks for nothing.
func Wanted(acceptHeader string) bool {
	if len(acceptHeader) > maxHeader {
		return false
	}
	var activity, html float64
	for _, part := range splitList(acceptHeader) {
		if strings.TrimSpace(part) == "" {
			continue // RFC 9110 section 5.6.1.2
		}
		media, params, err := mime.ParseMediaType(part)
		if err != nil {
			return false
		}
		q, ok := quality(params)
		switch {
		case !ok:
			return false
		case isActivity(media, params):
			activity = max(activity, q)
		case media == "text/html" || media == "application/xhtml+xml":
			html = max(html, q)
		}
	}
	return activity > 0 && activity >= html
}

// quality returns the weight of a member of an Accept header, from 0 to 1.
func quality(params map[string]string) (float64, bool) {
	text, weighted := params["q"]
	if !weighted {
		return 1, true
	}
	q, err := strconv.ParseFloat(text, 64)
	return q, err == nil && q >= 0 && q <= 1
}

// splitList splits a header at the commas outside of quoted strings, and drops empty ones.
func splitList(header string) []string {
	quoted, escaped := false, false
	return strings.FieldsFunc(header, func(c rune) bool {
		switch {
		case escaped:
			escaped = false
		case c == '"':
			quoted = !quoted
		case c == '\\':
			escaped = quoted
		}
		return c == ',' && !quoted
	})
}
