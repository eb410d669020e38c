package inbox

import (
	"context"
	"fmt"

	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/storage"
)

// together bounds the posts of an actor that are held and written together, in bytes as they were sent.
const together = 32 << 10

// drain lets activities of one actor take effect, in order, until one has to wait.
func (in *Inbox) drain(ctx context.Context, rows []storage.Inbound) (n int, err error) {
	alone := 0 // where those end that cannot take effect together
	for n < len(rows) && ctx.Err() == nil {
		if n >= alone {
			posts, ok := in.settlePosts(ctx, rows[n:])
			if ok {
				n += posts
				continue
			}
			alone = n + max(1, posts)
		}
		settled, err := in.settle(ctx, &rows[n])
		if err != nil {
			return n, fmt.Errorf("process an activity: %w", err)
		}
		n++
		if !settled {
			break
		}
	}
	return n, nil
}

// settlePosts lets the new posts that an actor's activities begin with take effect in one write, and returns how many they
// are: they lie side by side in the database, and what one of them does is not changed by those before it. false says that
// none did, because there are none or one cannot: each of them is then for [Inbox.settle], which says what becomes of it.
func (in *Inbox) settlePosts(ctx context.Context, rows []storage.Inbound) (n int, ok bool) {
	var posts []*activity
	var effects []effect
	for i, size := 0, 0; i < len(rows) && size < together; i++ {
		a, do := in.post(ctx, &rows[i])
		if a == nil {
			break
		}
		posts, effects, size = append(posts, a), append(effects, do), size+a.size
	}
	if len(posts) == 0 {
		return 0, false
	}
	err := in.DB.WriteAgain(ctx, func(ctx context.Context, tx storage.Tx) error {
		for i, a := range posts {
			if err := in.conclude(ctx, tx, &rows[i], a, effects[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		for _, a := range posts {
			in.fresh.put(a)
		}
	}
	return len(posts), err == nil
}

// conclude is finish within a transaction.
func (in *Inbox) conclude(ctx context.Context, tx storage.Tx, row *storage.Inbound, a *activity, do effect) error {
	if do != nil {
		if err := in.apply(ctx, tx, a, do); err != nil {
			return err
		}
	}
	return tx.FinishInbound(ctx, row.ID)
}

// post gets what an activity says and prepares it, if it is a new post that is whole in it, so that nothing has to be asked
// for. Else, or if it has no effect for its faults, it is nil.
func (in *Inbox) post(ctx context.Context, row *storage.Inbound) (*activity, effect) {
	a, err := in.load(ctx, row)
	if err != nil || a == nil {
		return nil, nil
	}
	a.arrived(row)
	if _, whole := embedded(a.doc, "object"); whole && a.kind == vocab.TypeCreate {
		if do, err := in.prepare(ctx, a); err == nil {
			return a, do
		}
	}
	in.fresh.put(a) // for settle
	return nil, nil
}
