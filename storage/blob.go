package storage

import (
	"context"

	"github.com/uptrace/bun"
)

// Blob is a file that the owner posted. Its bytes are in the blob store under the same name.
type Blob struct {
	bun.BaseModel `bun:"table:blobs"`

	Name      string `bun:",pk"` // random, with the ending of its type
	Post      string // URI of the post that carries it; empty: the profile, or none yet
	MIME      string
	Size      int64
	Width     int
	Height    int
	Blurhash  string
	Alt       string
	CreatedAt Time
	Hash      []byte // SHA-256 of the bytes; nil: kept before there was one
}

// Blob returns a file's record, or [ErrNotFound].
func (q Queries) Blob(ctx context.Context, name string) (*Blob, error) {
	return one(ctx, q.db.NewSelect().Where("name = ?", name), new(Blob))
}

// Blobs returns all files' records.
func (q Queries) Blobs(ctx context.Context) ([]Blob, error) {
	return all[Blob](ctx, q.db.NewSelect().Order("name"))
}

// BlobsOf returns the files of a post.
func (q Queries) BlobsOf(ctx context.Context, post string) ([]Blob, error) {
	return all[Blob](ctx, q.db.NewSelect().Where("post = ?", post).Order("name"))
}

// InsertBlob adds a file's record.
func (tx Tx) InsertBlob(ctx context.Context, b *Blob) error {
	_, err := tx.insert(ctx, b, false)
	return err
}

// DeleteBlob removes a file's record.
func (tx Tx) DeleteBlob(ctx context.Context, name string) error {
	_, err := tx.db.NewDelete().Model((*Blob)(nil)).Where("name = ?", name).Exec(ctx)
	return err
}
