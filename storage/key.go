package storage

import (
	"context"
	"log/slog"

	"github.com/uptrace/bun"
)

// Key algorithms, as kept.
const (
	RSA     = "rsa"
	Ed25519 = "ed25519"
)

// Key is a key pair of one of the node's own actors.
type Key struct {
	bun.BaseModel `bun:"table:keys"`

	ID        string `bun:",pk"` // the key's URI
	Actor     string // URI of the actor it belongs to; of a former key, of the act that announces the one after it
	Algorithm string // [RSA] or [Ed25519]
	Private   Secret // PKCS #8, DER
	CreatedAt Time
}

// Secret is bytes that no log shows.
type Secret []byte

// LogValue implements [slog.LogValuer].
func (Secret) LogValue() slog.Value { return slog.StringValue("[secret]") }

// String implements fmt.Stringer.
func (Secret) String() string { return "[secret]" }

// GoString implements fmt.GoStringer.
func (Secret) GoString() string { return "[secret]" }

// Keys returns an actor's keys, oldest first.
func (q Queries) Keys(ctx context.Context, actor string) ([]Key, error) {
	return all[Key](ctx, q.db.NewSelect().Where("actor = ?", actor).Order("created_at", "id"))
}

// InsertKey adds a key pair.
func (tx Tx) InsertKey(ctx context.Context, k *Key) error {
	tx.made.self = true
	_, err := tx.insert(ctx, k, false)
	return err
}

// DeleteKeys forgets an actor's keys: what is not there cannot be taken.
func (tx Tx) DeleteKeys(ctx context.Context, actor string) error {
	tx.made.self = true
	_, err := tx.db.NewDelete().Model((*Key)(nil)).Where("actor = ?", actor).Exec(ctx)
	return err
}

// FormerKey returns the key that an act is to be signed with although there is a newer one, or [ErrNotFound]. A former key
// signs the act that announces its successor, and what precedes that: whoever knows the actor can verify nothing else
// before having read it.
func (q Queries) FormerKey(ctx context.Context, a *Act) (*Key, error) {
	sel := q.db.NewSelect().Join("JOIN acts AS a ON a.uri = key.actor").Where("a.actor = ? AND a.id >= ?", a.Actor, a.ID)
	return one(ctx, sel.Order("a.id").Limit(1), new(Key))
}

// HasFormerKeys says whether any key is a former one.
func (q Queries) HasFormerKeys(ctx context.Context) (bool, error) {
	return q.db.NewSelect().Model((*Key)(nil)).Join("JOIN acts AS a ON a.uri = key.actor").Exists(ctx)
}

// ForgetFormerKeys deletes the former keys that have nothing left to sign.
func (tx Tx) ForgetFormerKeys(ctx context.Context) error {
	done := tx.db.NewSelect().TableExpr("acts AS a").ColumnExpr("a.uri").
		Where("NOT EXISTS (SELECT 1 FROM deliveries AS d WHERE NOT d.given_up AND d.act_id <= a.id)")
	_, err := tx.db.NewDelete().Model((*Key)(nil)).Where("actor IN (?)", done).Exec(ctx)
	return err
}
