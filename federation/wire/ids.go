package wire

import (
	"crypto/rand"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/dunnock-server/dunnock/hardening/hostname"
)

// IDs makes and recognises the node's URIs. They are stable: whatever the owner did is known to others by them for ever.
type IDs struct {
	Scheme   string // "https"; "http" only in trials
	Host     string // where the node answers, canonical, with a port only in trials
	Domain   string // the handle's, canonical; often the same
	Username string // of the owner
}

func (i IDs) base() string { return i.Scheme + "://" + i.Host }

// Owner is the owner's actor.
func (i IDs) Owner() string { return i.base() + "/users/" + i.Username }

// Server is the Application that signs what is not the owner's act.
func (i IDs) Server() string { return i.base() + "/actor" }

// Key is a key of one of the node's actors: "main-key" and "ed25519-key" are the first ones, "key-" and a token those
// after a rotation.
func (i IDs) Key(actor, name string) string { return actor + "#" + name }

// Inbox is the owner's.
func (i IDs) Inbox() string { return i.Owner() + "/inbox" }

// SharedInbox is for all of the node's actors; the server actor has no other.
func (i IDs) SharedInbox() string { return i.base() + "/inbox" }

// Outbox lists the owner's posts.
func (i IDs) Outbox() string { return i.Owner() + "/outbox" }

// Followers is the address of the owner's followers, in audiences too.
func (i IDs) Followers() string { return i.Owner() + "/followers" }

// Following is the list of whom the owner follows.
func (i IDs) Following() string { return i.Owner() + "/following" }

// Featured is the list of pinned posts.
func (i IDs) Featured() string { return i.Owner() + "/featured" }

// ServerInbox is the server actor's inbox, which is the shared one.
func (i IDs) ServerInbox() string { return i.SharedInbox() }

// ServerOutbox is an empty list: servers ask for one.
func (i IDs) ServerOutbox() string { return i.Server() + "/outbox" }

// Post is the post with a token.
func (i IDs) Post(token string) string { return i.Owner() + "/posts/" + token }

// Replies is the list of answers to an own post.
func (i IDs) Replies(post string) string { return post + "/replies" }

// Activity is the act with a token.
func (i IDs) Activity(token string) string { return i.Owner() + "/activities/" + token }

// Media is a file with its [storage.Blob]'s name.
func (i IDs) Media(name string) string { return i.base() + "/media/" + name }

// Handle is the owner's, without a leading "@".
func (i IDs) Handle() string { return i.Username + "@" + i.Domain }

// ServerName is the user name of the server actor: the domain without a port, as other servers name theirs. No owner has
// it, since it holds a dot (or, in a trial, is "localhost").
func (i IDs) ServerName() string { return (&url.URL{Host: i.Domain}).Hostname() }

// ServerHandle is the server actor's, by which others confirm it with WebFinger.
func (i IDs) ServerHandle() string { return i.ServerName() + "@" + i.Domain }

// Own reports whether a URI is of this node: of its host or of the handle's domain, by either scheme. Nothing that
// somebody else says about such a URI is believed, and none is fetched.
func (i IDs) Own(uri string) bool {
	host, err := hostname.HostOf(uri)
	return err == nil && (host == i.Host || host == i.Domain)
}

// NewToken names a new post, act or file: 128 random bits or a little more, as 26 lower-case letters and digits.
func NewToken() string { return strings.ToLower(rand.Text()) }

// arrivalToken names a post of somebody else's to the owner, to whom alone it is shown: so it may begin with when it came.
// Tokens of posts that come one after the other then stand side by side in the database, whose cost of keeping one does not
// grow with how many there are.
func arrivalToken(now time.Time) string {
	return fmt.Sprintf("%011x", max(0, now.UnixMilli())) + NewToken()[:15]
}
