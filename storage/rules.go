package storage

import (
	"context"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"errors"
)

// rule is something that holds of every row of a table.
type rule struct {
	table   string
	names   string // an expression that names a row
	wrong   string // a condition on the rows of which it does not hold
	problem string
	remedy  string
}

const (
	byItself = "none is needed: the node passes over it; restoring a backup from before is the way to have it whole"
	again    = "follow, post or boost again what is missed: the node asks for it then"
)

// rules are what the writes of this package and its users keep true. A row that breaks one came by a fault of dunnock's, a
// damaged disk or another program.
var rules = []rule{
	{"deliveries", "id", "act_id NOT IN (SELECT id FROM acts)", "it carries an act that is not there", "none is needed: the node gives it up"},
	{"deliveries", "id", "NOT given_up AND host NOT IN (SELECT host FROM hosts WHERE due_at IS NOT NULL)", "nothing will ever send it: its server is not in the queue",
		"post, edit or follow something that goes to the same server: that wakes its queue"},
	{"acts", "uri", "release_at IS NOT NULL AND type = 'Create' AND object NOT IN (SELECT uri FROM posts)", "it tells of a post that is not there", byItself},
	{"posts", "uri", "local AND deleted_at IS NULL AND release_at IS NOT NULL AND uri NOT IN (SELECT object FROM acts WHERE type = 'Create')",
		"an own post that no act tells of", "edit the post: that tells of it again"},
	{"timeline", "post", "NOT EXISTS (SELECT 1 FROM posts AS p WHERE p.uri = timeline.post AND p.deleted_at IS NULL)", "it shows a post that is not there", byItself},
	{"polls", "post", "NOT EXISTS (SELECT 1 FROM posts AS p WHERE p.uri = polls.post AND p.deleted_at IS NULL)", "its post is not there", byItself},
	{"votes", "poll", "poll NOT IN (SELECT post FROM polls)", "its poll is not there", byItself},
	{"reactions", "activity", "NOT EXISTS (SELECT 1 FROM posts AS p WHERE p.uri = reactions.object AND p.deleted_at IS NULL)", "its post is not there", byItself},
	{"pins", "post", "NOT EXISTS (SELECT 1 FROM posts AS p WHERE p.uri = pins.post AND p.deleted_at IS NULL)", "its post is not there", byItself},
	{"actor_keys", "id", "actor NOT IN (SELECT uri FROM actors)", "its actor is not there", byItself},
	{"follows", "follower || ' > ' || followee", "state NOT IN ('pending', 'accepted', 'rejected')", "its state is none that there is", again},
	{"posts", "uri", "visibility NOT IN ('public', 'unlisted', 'followers', 'direct')", "its visibility is none that there is: nobody is shown it", byItself},
	{"posts", "uri", "NOT (json_valid(recipients) AND json_valid(tags) AND json_valid(attachments))", "its lists are not JSON", remedyRestore},
	{"actors", "uri", "NOT (json_valid(fields) AND json_valid(emoji) AND json_valid(also_known_as))", "its lists are not JSON", remedyRestore},
	{"profile", "id", "NOT (json_valid(fields) AND json_valid(also_known_as))", "its lists are not JSON", "`dunnock profile set --field` sets them anew"},
	{"polls", "post", "NOT json_valid(options)", "its options are not JSON", remedyRestore},
	{"acts", "uri", "NOT json_valid(document)", "its document is not JSON: it is given up", byItself},
	{"calls", "id", "NOT json_valid(args)", "its arguments are not JSON: it fails", "give the command again"},
	{"blobs", "name", "post <> '' AND post NOT IN (SELECT uri FROM posts)", "its post is not there", byItself},
	{"profile", "'picture ' || name", "(avatar <> '' AND avatar NOT IN (SELECT name FROM blobs)) OR (header <> '' AND header NOT IN (SELECT name FROM blobs))",
		"a picture that it names is not there", "`dunnock profile set --avatar FILE` or --header sets it anew"},
}

// keys parses the private keys, without which the node is nobody.
func (s *Snapshot) keys(ctx context.Context) (faults []Fault, err error) {
	list, err := all[Key](ctx, s.db.NewSelect().Order("id"))
	if err != nil {
		return nil, err
	}
	for _, k := range list {
		if problem := k.fault(); problem != "" {
			faults = append(faults, Fault{"keys " + k.ID, problem, "`dunnock keys rotate` makes new ones, which other servers have to learn; better, restore a backup"})
		}
	}
	identity, err := s.Setting(ctx, "identity")
	if errors.Is(err, ErrNotFound) {
		return append(faults, Fault{"settings identity", "the database does not say whose it is", remedyRestore}), nil
	}
	if err == nil && len(list) == 0 {
		faults = append(faults, Fault{"keys", "there is none of " + identity, remedyRestore})
	}
	return faults, err
}

// fault says what is wrong with a key, if anything.
func (k *Key) fault() string {
	key, err := x509.ParsePKCS8PrivateKey(k.Private)
	if err != nil {
		return "it cannot be read"
	}
	switch key := key.(type) {
	case *rsa.PrivateKey:
		if k.Algorithm != RSA {
			return "it is an RSA key, and kept as " + k.Algorithm
		}
		if err := key.Validate(); err != nil {
			return "its numbers do not belong together"
		}
	case ed25519.PrivateKey:
		if k.Algorithm != Ed25519 {
			return "it is an Ed25519 key, and kept as " + k.Algorithm
		}
	default:
		return "it is of a kind that dunnock does not use"
	}
	return ""
}
