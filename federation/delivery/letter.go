package delivery

import (
	"context"
	"errors"
	"fmt"

	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/storage"
)

// maxLetters bounds the acts that are kept in memory while they are told to many.
const maxLetters = 64

// letter is an act as it is told: read once for all servers that get it at about the same time. When an attempt is written
// down it has to be what the act still says, see [attempt.begin].
type letter struct {
	*storage.Act
	edits    int64        // storage's count of them from before it was read
	document vocab.Object // nil: the stored act cannot be read
	views    hardening.Views
}

// letter returns what an act says now.
func (q *Queue) letter(ctx context.Context, id int64) (*letter, error) {
	edits := q.DB.Edits()
	q.mu.Lock()
	l := q.letters[id]
	q.mu.Unlock()
	if l != nil && l.edits == edits {
		return l, nil
	}
	act, err := actOf(ctx, q.DB.Queries, id)
	if err != nil {
		return nil, err
	}
	l = &letter{Act: act, edits: edits}
	l.document, _ = vocab.Parse([]byte(act.Document))
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.letters == nil || len(q.letters) >= maxLetters {
		q.letters = map[int64]*letter{}
	}
	q.letters[id] = l
	return l, nil
}

// actOf returns the act that a delivery is of. Short of damage to the database there is one; if not, an empty one, which
// is given up like any that cannot be read, lest its server hang on it for ever.
func actOf(ctx context.Context, q storage.Queries, id int64) (*storage.Act, error) {
	act, err := q.Act(ctx, id)
	if errors.Is(err, storage.ErrNotFound) {
		return &storage.Act{ID: id}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read an act: %w", err)
	}
	return act, nil
}
