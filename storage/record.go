package storage

import (
	"context"
	"database/sql"
	"errors"

	"github.com/uptrace/bun"
)

// found turns the driver's "no rows" into [ErrNotFound].
func found(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	return err
}

// one reads a single record.
func one[T any](ctx context.Context, q *bun.SelectQuery, into *T) (*T, error) {
	if err := q.Model(into).Limit(1).Scan(ctx); err != nil {
		return nil, found(err)
	}
	return into, nil
}

// all reads every record that q selects.
func all[T any](ctx context.Context, q *bun.SelectQuery) ([]T, error) {
	var rows []T
	err := q.Model(&rows).Scan(ctx)
	return rows, err
}

// changed says whether a statement touched a row.
func changed(res sql.Result, err error) (bool, error) {
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n > 0, err
}
