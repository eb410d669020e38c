package storage

import (
	"context"

	"github.com/uptrace/bun"
)

// Setting is a named value of the node's own: its identity as it was made, the hash of the owner's password.
type Setting struct {
	bun.BaseModel `bun:"table:settings"`

	Name  string `bun:",pk"`
	Value string
}

// Setting returns a value, or [ErrNotFound].
func (q Queries) Setting(ctx context.Context, name string) (string, error) {
	s, err := one(ctx, q.db.NewSelect().Where("name = ?", name), new(Setting))
	if err != nil {
		return "", err
	}
	return s.Value, nil
}

// SetSetting writes a value, in place of the one before.
func (tx Tx) SetSetting(ctx context.Context, name, value string) error {
	_, err := tx.db.NewInsert().Model(&Setting{Name: name, Value: value}).
		On("CONFLICT (name) DO UPDATE SET value = EXCLUDED.value").Exec(ctx)
	return err
}
