package wire

import (
	"slices"

	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/storage"
)

// Addresses is how an own post or act of that visibility is addressed, as Mastodon reads it back: public in `to` or in
// `cc` makes the difference between public and unlisted. mentioned are actor URIs. A visibility that does not exist is
// direct.
func (i IDs) Addresses(v storage.Visibility, mentioned []string) storage.Recipients {
	switch v {
	case storage.Public:
		return storage.Recipients{To: []string{vocab.PublicIRI}, CC: append([]string{i.Followers()}, mentioned...)}
	case storage.Unlisted:
		return storage.Recipients{To: []string{i.Followers()}, CC: append([]string{vocab.PublicIRI}, mentioned...)}
	case storage.Followers:
		return storage.Recipients{To: []string{i.Followers()}, CC: slices.Clone(mentioned)}
	}
	return storage.Recipients{To: slices.Clone(mentioned)}
}

// Visibility reads an audience. followers is the author's collection, empty when it is not known; then a post for
// followers is direct, which fewer see.
func Visibility(to, cc []string, followers string) storage.Visibility {
	switch {
	case slices.ContainsFunc(to, vocab.IsPublic):
		return storage.Public
	case slices.ContainsFunc(cc, vocab.IsPublic):
		return storage.Unlisted
	case followers != "" && (slices.Contains(to, followers) || slices.Contains(cc, followers)):
		return storage.Followers
	}
	return storage.Direct
}

// MaySee decides whether an actor may see a post. It is the one place that does: pages, collections, the API and
// whoever fetches a document ask here. viewer is the URI of an actor who proved who they are, empty for nobody; follows
// says whether that actor is an accepted follower of the author.
//
// Whether the post has been released, was deleted, or is withheld from the viewer's domain is not asked here.
func MaySee(p *storage.Post, viewer string, follows bool) bool {
	switch p.Visibility {
	case storage.Public, storage.Unlisted:
		return true
	}
	switch {
	case viewer == "":
		return false
	case viewer == p.Author, slices.Contains(p.Recipients.To, viewer), slices.Contains(p.Recipients.CC, viewer):
		return true
	}
	return p.Visibility == storage.Followers && follows
}
