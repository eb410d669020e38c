package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"testing"
)

// A record that is inserted past bun is kept as bun would have kept it.
func TestInsertKeepsWhatBunKeeps(t *testing.T) {
	full := &Post{}
	fill(reflect.ValueOf(full).Elem())
	numbered := &Post{ID: 7, Published: moment, CreatedAt: moment}
	odd := &Post{URI: "it's \xff\xfe \"x\" ?$1:a", Published: moment, CreatedAt: moment, Tags: []Tag{{Name: "\x00 <a> 'b' \\ \xff"}}, Recipients: Recipients{To: []string{}}}
	for name, row := range map[string]any{
		"full": full, "numbered": numbered, "odd": odd, "empty": &Post{Published: moment, CreatedAt: moment},
		"inbound": &Inbound{Actor: "a", Activity: "b", ReceivedAt: moment, Body: []byte{0, 0xff, '\''}},
		"no body": &Inbound{Actor: "a", Activity: "b", ReceivedAt: moment},
		"named":   &Follow{Follower: "a", State: Pending, CreatedAt: moment},
	} {
		var kept [2]string
		for i := range kept {
			undo := errors.New("undo")
			err := open(t).Write(t.Context(), func(ctx context.Context, tx Tx) error {
				var err error
				if i == 0 {
					_, err = tx.insert(ctx, row, true)
				} else {
					_, err = tx.db.NewInsert().Model(row).Returning("NULL").Exec(ctx)
				}
				if err != nil {
					return err
				}
				if kept[i], err = dump(ctx, tx, row); err != nil {
					return err
				}
				return undo
			})
			if !errors.Is(err, undo) {
				t.Fatal(name, err)
			}
		}
		if kept[0] != kept[1] || kept[0] == "" {
			t.Errorf("%s:\n got %s\nwant %s", name, kept[0], kept[1])
		}
	}
	err := open(t).Write(t.Context(), func(ctx context.Context, tx Tx) error {
		_, err := tx.insert(ctx, &Post{URI: "a\x00b", Published: moment, CreatedAt: moment}, true)
		return err
	})
	if !errors.Is(err, errNUL) {
		t.Errorf("a text with a NUL: %v", err)
	}
}

// dump is the one row of a record's table.
func dump(ctx context.Context, tx Tx, row any) (string, error) {
	rows, err := tx.db.QueryContext(ctx, "SELECT * FROM "+string(tx.writer.db.Dialect().Tables().Get(reflect.TypeOf(row).Elem()).SQLName))
	if err != nil {
		return "", err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil || !rows.Next() {
		return "", errors.Join(err, sql.ErrNoRows)
	}
	values, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	err = rows.Scan(into...)
	return fmt.Sprintf("%#v %#v", columns, values), errors.Join(err, rows.Err())
}
