package storage

import (
	"context"

	"github.com/uptrace/bun"
)

// Profile is what the owner says of themself. There is one row.
type Profile struct {
	bun.BaseModel `bun:"table:profile"`

	ID           int64 `bun:",pk"`
	Name         string
	Summary      string // as the owner wrote it
	Fields       []Field
	Avatar       string // name of a [Blob], or empty
	Header       string // likewise
	Locked       bool   // follow requests wait for the owner
	Discoverable bool
	AlsoKnownAs  []string
	MovedTo      string
}

// Field is a name and value shown on a profile.
type Field struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Profile returns the owner's profile.
func (q Queries) Profile(ctx context.Context) (*Profile, error) {
	return one(ctx, q.db.NewSelect().Where("id = 1"), new(Profile))
}

// SetProfile writes the owner's profile, in place of the one before.
func (tx Tx) SetProfile(ctx context.Context, p *Profile) error {
	tx.made.self = true
	p.ID = 1
	if _, err := tx.db.NewDelete().Model((*Profile)(nil)).Where("id = 1").Exec(ctx); err != nil {
		return err
	}
	_, err := tx.insert(ctx, p, false)
	return err
}
