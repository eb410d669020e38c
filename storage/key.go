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
	Actor     string // URI of the actor it belongs to
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
	*tx.self = true
	_, err := tx.insert(ctx, k, false)
	return err
}

// DeleteKeys forgets an actor's keys: what is not there cannot be taken.
func (tx Tx) DeleteKeys(ctx context.Context, actor string) error {
	*tx.self = true
	_, err := tx.db.NewDelete().Model((*Key)(nil)).Where("actor = ?", actor).Exec(ctx)
	return err
}
